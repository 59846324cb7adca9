// OpenAPI
//
// The contract as an OpenAPI 3.1 document, made of the tables and of nothing else.
import { z } from 'zod';
import { blackboardSchema, codeAnalysisSchema, contributionSchema, solutionSchema } from './ai.ts';
import { authTokenSchema, sessionSchema, userSchema } from './auth.ts';
import { type Code, codes } from './codes.ts';
import { eventSchema } from './events.ts';
import { clientFrameSchema, serverFrameSchema } from './frames.ts';
import { commonCodes, eventStream, nothing, type Operation, operations, pathParams } from './operations.ts';
import { problemMediaType, problemSchema } from './problem.ts';
import { claimTokenSchema, leaseSchema, projectSchema } from './projects.ts';
import { headers, type Route, type RouteName, routes } from './routes.ts';
import { summaries } from './summaries.ts';

export type JsonSchema = Readonly<Record<string, unknown>>;

export interface OpenApiOptions {
  readonly version: string;
  /** The routes to list: those that are served. */
  readonly routes: readonly RouteName[];
}

/** Named once, referred to wherever they are answered. */
const named: Readonly<Record<string, z.ZodType>> = {
  AuthToken: authTokenSchema,
  Blackboard: blackboardSchema,
  ClaimToken: claimTokenSchema,
  CodeAnalysis: codeAnalysisSchema,
  Contribution: contributionSchema,
  Problem: problemSchema,
  Project: projectSchema,
  ProjectLease: leaseSchema,
  Session: sessionSchema,
  Solution: solutionSchema,
  User: userSchema,
};

/** The document of those routes, ready to be written as JSON. */
export function openApiDocument({ version, routes: served }: OpenApiOptions): JsonSchema {
  const paths: Record<string, Record<string, JsonSchema>> = {};
  for (const name of served) {
    const { method, path }: Route = routes[name];
    const template = path.replace(/:([A-Za-z]+)/g, '{$1}');
    paths[template] = { ...paths[template], [method.toLowerCase()]: operationOf(name) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'DevMentor',
      version,
      description:
        'Claims, projects, blackboards and their live events. Errors are RFC 9457 problems with a closed set of codes, which /docs/problems explains.',
    },
    paths,
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
        ticket: { type: 'apiKey', in: 'query', name: 'ticket', description: 'One use, 30 seconds.' },
      },
      schemas: {
        ...Object.fromEntries(Object.entries(named).map(([name, schema]) => [name, schemaOf(schema, 'output', name)])),
        Event: schemaOf(eventSchema, 'output'),
        ClientFrame: schemaOf(clientFrameSchema, 'input'),
        ServerFrame: schemaOf(serverFrameSchema, 'output'),
      },
    },
  };
}

function operationOf(name: RouteName): JsonSchema {
  const route: Route = routes[name];
  const operation: Operation = operations[name];
  const [tag = ''] = name.split('.');
  return {
    operationId: name,
    summary: summaries[name],
    tags: [tag],
    ...security(route),
    parameters: [...pathParameters(route), ...queryParameters(operation), ...headerParameters(route)],
    ...(operation.body !== undefined && { requestBody: requestBody(operation.body) }),
    responses: { ...goodAnswers(route, operation), ...problems(route, operation) },
  };
}

function security({ auth }: Route): JsonSchema {
  if (auth === 'bearer') return { security: [{ bearer: [] }] };
  return auth === 'bearer-or-ticket' ? { security: [{ bearer: [] }, { ticket: [] }] } : { security: [] };
}

function pathParameters({ path }: Route): JsonSchema[] {
  return [...path.matchAll(/:([A-Za-z]+)/g)].map(([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    schema: schemaOf(pathParams[name as keyof typeof pathParams], 'input'),
  }));
}

function queryParameters({ query }: Operation): JsonSchema[] {
  if (query === undefined) return [];
  // As it is read, a number is a number and a list a list; what may be left out, the input says.
  const read = schemaOf(query, 'output') as { properties?: Record<string, JsonSchema> };
  const sent = schemaOf(query, 'input') as { required?: readonly string[] };
  return Object.entries(read.properties ?? {}).map(([name, schema]) => ({
    name,
    in: 'query',
    required: sent.required?.includes(name) === true,
    schema,
    ...(schema.type === 'array' && { style: 'form', explode: false }),
  }));
}

function headerParameters(route: Route): JsonSchema[] {
  const text = { type: 'string' };
  const optional = (name: string, description: string): JsonSchema => ({
    name,
    in: 'header',
    description,
    schema: text,
  });
  return [
    ...(route.idempotent === true
      ? [optional(headers.idempotencyKey, 'The same key and body again: the same answer, for 24 hours.')]
      : []),
    ...(route.conditional === true
      ? [
          { ...optional(headers.ifMatch, 'The ETag that was last seen, or *.'), required: true },
          optional(headers.claimToken, 'While the caller holds the claim.'),
        ]
      : []),
    ...(isCacheable(route) ? [optional(headers.ifNoneMatch, 'The ETag that was last seen.')] : []),
    ...(route.path === routes['events.stream'].path
      ? [optional(headers.lastEventId, 'The last `id:` that was read; the stream goes on after it.')]
      : []),
  ];
}

function requestBody(body: z.ZodType): JsonSchema {
  return {
    required: !body.safeParse(undefined).success,
    content: { 'application/json': { schema: schemaOf(body, 'input') } },
  };
}

function goodAnswers(route: Route, { answers }: Operation): JsonSchema {
  const listed = Object.entries(answers).map(([status, answer]): [string, JsonSchema] => [status, goodAnswer(answer)]);
  return { ...Object.fromEntries(listed), ...(isCacheable(route) && { 304: { description: 'Unchanged' } }) };
}

function goodAnswer(answer: z.ZodType | typeof nothing | typeof eventStream): JsonSchema {
  if (answer === nothing) return { description: 'Done' };
  if (answer === eventStream)
    return {
      description: 'Server-sent events; `data` of each unnamed one is an Event',
      content: { 'text/event-stream': { schema: { type: 'string' } } },
    };
  const name = Object.keys(named).find((key) => named[key] === answer);
  const schema = name === undefined ? schemaOf(answer, 'output') : reference(name);
  return { description: 'Done', content: { 'application/json': { schema } } };
}

function problems(route: Route, operation: Operation): JsonSchema {
  const all: readonly Code[] = [
    ...commonCodes.filter((code) => route.auth !== 'none' || !isOfAuth(code)),
    ...operation.codes,
  ];
  const statuses = [...new Set(all.map((code) => codes[code].status))];
  const saidOf = (status: number): string => all.filter((code) => codes[code].status === status).join(', ');
  return Object.fromEntries(
    statuses.map((status) => [
      status,
      { description: saidOf(status), content: { [problemMediaType]: { schema: reference('Problem') } } },
    ]),
  );
}

function isOfAuth(code: Code): boolean {
  return codes[code].status === 401 && code !== 'INVALID_CREDENTIALS';
}

function isCacheable({ method, path, auth }: Route): boolean {
  return method === 'GET' && auth === 'bearer' && !path.endsWith('/stream');
}

function reference(name: string): JsonSchema {
  return { $ref: `#/components/schemas/${name}` };
}

/** A schema in place; what has a name is referred to, except within itself. */
function schemaOf(schema: z.ZodType, io: 'input' | 'output', self?: string): JsonSchema {
  const registry = z.registry<{ id: string }>();
  if (io === 'output')
    for (const [name, known] of Object.entries(named)) if (name !== self) registry.add(known, { id: name });
  const {
    $schema: _,
    $defs: __,
    ...made
  } = z.toJSONSchema(schema, {
    io,
    metadata: registry,
    reused: 'inline',
    override: ({ jsonSchema }) => plain(jsonSchema),
  });
  return rewritten(made) as JsonSchema;
}

/** Bounds that every JSON number has, and patterns that a format says already. */
function plain(schema: z.core.JSONSchema.BaseSchema): void {
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum;
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
  if (schema.format === 'date-time') delete schema.pattern;
}

function rewritten(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(rewritten);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      key === '$ref' && typeof item === 'string' ? item.replace('#/$defs/', '#/components/schemas/') : rewritten(item),
    ]),
  );
}

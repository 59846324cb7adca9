// Values that a schema describes, made from the schema itself, so that no schema can be
// added without being tested.
import {
  fencingTokenSchema,
  idSchema,
  isMemoryKey,
  isResource,
  jsonObjectSchema,
  jsonSchema,
  memoryKeySchema,
  resourceSchema,
  timeSchema,
  topicListSchema,
  topicSchema,
  topicText,
} from '@devmentor/contracts';
import fc from 'fast-check';
import { z } from 'zod';

export const ids = fc
  .stringMatching(/^[A-Za-z0-9._~-]{1,128}$/, { size: 'max' })
  .filter((text) => text !== '.' && text !== '..');

const unicode = fc.string({ unit: 'binary', minLength: 1, maxLength: 60 });
export const resources = unicode.filter(isResource);
export const memoryKeys = unicode.filter(isMemoryKey);

export const topics = fc.oneof(
  fc
    .record({
      kind: fc.constantFrom('project' as const, 'blackboard' as const, 'presence' as const, 'user' as const),
      id: ids,
    })
    .map(topicText),
  resources.map((resource) => topicText({ kind: 'lock', resource })),
  fc.constant('inspector'),
);

const times = fc
  .date({ min: new Date('1970-01-01T00:00:00Z'), max: new Date('2999-12-31T23:59:59Z'), noInvalidDate: true })
  .map((date) => date.toISOString());

// JSON has no minus zero, and a merge must not meet the prototype.
export const json = fc.jsonValue({ maxDepth: 3 }).filter((value) => jsonSchema.safeParse(value).success);

const leaves = new Map<z.core.$ZodType, fc.Arbitrary<unknown>>([
  [idSchema, ids],
  [resourceSchema, resources],
  [memoryKeySchema, memoryKeys],
  [topicSchema, topics],
  [
    topicListSchema,
    fc
      .array(
        ids.map((id) => `project:${id}`),
        { minLength: 1, maxLength: 3 },
      )
      .map((all) => all.join(',')),
  ],
  [timeSchema, times],
  [fencingTokenSchema, fc.stringMatching(/^[0-9]{16}$/)],
  [jsonSchema, json],
  [jsonObjectSchema, fc.dictionary(fc.string(), json).filter((value) => jsonObjectSchema.safeParse(value).success)],
]);

/** Inputs that the schema accepts. */
export function inputsOf(schema: z.core.$ZodType): fc.Arbitrary<unknown> {
  return shapeOf(schema).filter((value) => z.safeParse(schema, value).success);
}

function shapeOf(schema: z.core.$ZodType): fc.Arbitrary<unknown> {
  const leaf = leaves.get(schema);
  if (leaf !== undefined) return leaf;
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
    return fc.option(shapeOf(schema.def.innerType), { nil: undefined });
  }
  if (schema instanceof z.ZodNullable) return fc.option(shapeOf(schema.def.innerType));
  if (schema instanceof z.ZodObject) return objects(schema.shape);
  if (schema instanceof z.ZodArray) return lists(schema);
  if (schema instanceof z.ZodRecord) {
    return fc.dictionary(shapeOf(schema.keyType).map(String), shapeOf(schema.valueType), { maxKeys: 3 });
  }
  if (schema instanceof z.ZodUnion) return fc.oneof(...schema.options.map(shapeOf));
  if (schema instanceof z.ZodEnum) return fc.constantFrom(...schema.options);
  if (schema instanceof z.ZodLiteral) return fc.constantFrom(...schema.values);
  if (schema instanceof z.ZodBoolean) return fc.boolean();
  if (schema instanceof z.ZodNumber) return numbers(schema);
  if (schema instanceof z.ZodString) return strings(schema);
  // A result of any form, or JSON of bounded size.
  if (schema instanceof z.ZodUnknown) return fc.oneof(json, fc.dictionary(fc.string(), json));
  throw new TypeError(`No values are known for ${schema._zod.def.type}`);
}

function objects(shape: Readonly<Record<string, z.core.$ZodType>>): fc.Arbitrary<object> {
  const members = Object.entries(shape).map(([key, member]) => [key, inputsOf(member)] as const);
  // An absent member is absent, as it is in JSON.
  return fc
    .record(Object.fromEntries(members), { noNullPrototype: true })
    .map((value) => Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)));
}

function lists(schema: z.ZodArray): fc.Arbitrary<unknown[]> {
  const minLength = Number(schema._zod.bag.minimum ?? 0);
  return fc.array(inputsOf(schema.element), { minLength, maxLength: minLength + 2 });
}

function numbers(schema: z.ZodNumber): fc.Arbitrary<number> {
  const min = schema.minValue ?? -1e9;
  const max = schema.maxValue ?? 1e9;
  if (schema.isInt) return fc.integer({ min: Math.max(min, -1e12), max: Math.min(max, 1e12) });
  return fc.double({ min: Math.max(min, -1e9), max: Math.min(max, 1e9), noNaN: true }).map((value) => value + 0);
}

function strings(schema: z.ZodString): fc.Arbitrary<string> {
  const [pattern] = schema._zod.bag.patterns ?? [];
  if (pattern !== undefined) return fc.stringMatching(pattern);
  const minLength = schema.minLength ?? 0;
  return fc.string({ minLength, maxLength: Math.min(schema.maxLength ?? 40, minLength + 40) });
}

/** Every object schema within a schema. */
export function objectsIn(schema: z.core.$ZodType): z.ZodObject[] {
  if (schema instanceof z.ZodObject) {
    const members: z.core.$ZodType[] = Object.values(schema.shape);
    return [schema, ...members.flatMap(objectsIn)];
  }
  if (schema instanceof z.ZodArray) return objectsIn(schema.element);
  if (schema instanceof z.ZodRecord) return objectsIn(schema.valueType);
  if (schema instanceof z.ZodUnion) return schema.options.flatMap(objectsIn);
  if (
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault
  ) {
    return objectsIn(schema.def.innerType);
  }
  return [];
}

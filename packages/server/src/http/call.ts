// One request as a handler sees it, and one answer as it gives it. Everything is read and checked
// before a handler runs, so a handler is one question and one mapping.
import type { operations } from '@devmentor/contracts';
import type { PathParams, RouteName, routes } from '@devmentor/contracts/routes';
import type { z } from 'zod';
import type { Caller } from '../auth/access-tokens.ts';

type OutputOf<Name extends RouteName, Part extends 'body' | 'query'> = (typeof operations)[Name] extends {
  readonly [P in Part]: infer Schema extends z.ZodType;
}
  ? z.output<Schema>
  : undefined;

type CallerOf<Name extends RouteName> = (typeof routes)[Name]['auth'] extends 'bearer' ? Caller : undefined;

export interface Call<Name extends RouteName = RouteName> {
  readonly caller: CallerOf<Name>;
  readonly params: Readonly<Record<PathParams<(typeof routes)[Name]['path']>, string>>;
  readonly query: OutputOf<Name, 'query'>;
  readonly body: OutputOf<Name, 'body'>;
  readonly header: (name: string) => string | undefined;
  /** Address of the client, for throttles. */
  readonly address: string;
  readonly idempotencyKey: string | undefined;
  /** Aborts when the client hangs up or the server leaves. */
  readonly signal: AbortSignal;
}

export interface Answer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export type Handler<Name extends RouteName> = (call: Call<Name>) => Promise<Answer>;

/** The routes a part of the server answers. */
export type Handlers = { readonly [Name in RouteName]?: Handler<Name> };

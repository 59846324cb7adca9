// Runs the work of an invoke, apart from any machine of the actor. Callbacks and observables run below a
// small live machine, which is their parent as XState knows it; what they send it comes back as data.
import { type AnyActorLogic, createActor, createMachine, type PromiseActorLogic } from 'xstate';
import { durableWorkOf } from './durable.ts';
import type { EventData, InvokeEffect } from './effect.ts';
import type { Json } from './json.ts';
import { findNonJson } from './json-check.ts';
import { type InvokeOutcome, type InvokeRun, isReservedEventType } from './machine-driver.ts';
import type { Work } from './machine-driver.xstate5-definition.ts';
import { questionOf, remoteAskOf } from './remote-ask.ts';

/** To its end; a throw, an abort and a result that is not JSON are failures. Never rejects. */
export async function runWork(work: Work, invoke: InvokeEffect, under: InvokeRun): Promise<InvokeOutcome> {
  const { signal } = under;
  if (signal.aborted) return { kind: 'failed', error: signal.reason };
  try {
    const output =
      work.kind === 'promise' ? await promised(work.logic, invoke, under) : await streamed(work, invoke, under);
    const found = output === undefined ? undefined : findNonJson(output, 'output');
    if (found === undefined) return { kind: 'done', output };
    return {
      kind: 'failed',
      error: new TypeError(`the result of '${invoke.id}' is not JSON: ${found.path} ${found.why}`),
    };
  } catch (error) {
    return { kind: 'failed', error };
  }
}

async function promised(logic: AnyActorLogic, { input }: InvokeEffect, under: InvokeRun): Promise<unknown> {
  const { signal, idempotencyKey } = under;
  const asked = remoteAskOf(logic);
  if (asked !== undefined) return await under.ask(questionOf(asked, input), { dedup: idempotencyKey, signal });
  const durable = durableWorkOf(logic);
  if (durable === undefined) return await runPromise(logic, input, signal);
  return await durable.work({ input, signal, idempotencyKey: `${durable.name}/${idempotencyKey}` });
}

/** As XState would, so that it gets the arguments it knows. */
async function runPromise(
  logic: PromiseActorLogic<unknown, unknown>,
  input: unknown,
  signal: AbortSignal,
): Promise<unknown> {
  const actor = createActor(logic, { input });
  return await new Promise<unknown>((resolve, reject) => {
    const stop = (): void => {
      // Before the stop, which XState takes for a completion.
      reject(signal.reason as Error);
      actor.stop();
    };
    signal.addEventListener('abort', stop, { once: true });
    const ended = (): void => signal.removeEventListener('abort', stop);
    actor.subscribe({
      complete: () => {
        ended();
        resolve(actor.getSnapshot().output);
      },
      error: (error) => {
        ended();
        reject(error as Error);
      },
    });
    actor.start();
  });
}

interface SnapshotEvent {
  readonly type: string;
  readonly snapshot: { readonly context?: unknown };
}

async function streamed(
  { logic }: Work,
  invoke: InvokeEffect,
  { signal, say, see, hear }: InvokeRun,
): Promise<unknown> {
  return await new Promise<unknown>((resolve, reject) => {
    const ended = (settle: () => void): void => {
      signal.removeEventListener('abort', stop);
      settle();
      parent.stop();
    };
    const stop = (): void => ended(() => reject(signal.reason as Error));
    const given = (take: () => void): void => {
      if (signal.aborted) return;
      try {
        take();
      } catch (error) {
        ended(() => reject(error as Error));
      }
    };
    const take = (event: { readonly type: string }): void => {
      if (event.type !== 'xstate.snapshot.work') {
        say(sentBack(event, invoke.id));
        return;
      }
      const { context } = (event as SnapshotEvent).snapshot;
      // The first snapshot of an observable is none of its values.
      if (context !== undefined) see(asData(context, 'a value', invoke.id));
    };
    const parent = createActor(
      createMachine({
        invoke: {
          id: 'work',
          src: logic,
          input: invoke.input,
          onDone: { actions: ({ event }) => ended(() => resolve(event.output)) },
          onError: { actions: ({ event }) => ended(() => reject(event.error as Error)) },
          // An empty list takes nothing, and still asks XState for snapshots.
          ...(invoke.snapshots === true ? { onSnapshot: [] } : {}),
        },
        on: { '*': { actions: ({ event }) => given(() => take(event)) } },
      }),
    );
    signal.addEventListener('abort', stop, { once: true });
    hear((event) => parent.getSnapshot().children.work?.send(event));
    parent.start();
  });
}

function sentBack(event: { readonly type: string }, id: string): EventData {
  if (isReservedEventType(event.type)) throw new TypeError(`'${id}' sent '${event.type}', which only XState may send`);
  return asData(event, `the event '${event.type}'`, id) as EventData;
}

function asData(value: unknown, what: string, id: string): Json {
  const found = findNonJson(value, 'value');
  if (found !== undefined) throw new TypeError(`${what} of '${id}' is not JSON: ${found.path} ${found.why}`);
  return value as Json;
}

// Runs the work of an invoke, apart from any machine.
import { createActor, type PromiseActorLogic } from 'xstate';
import { durableWorkOf } from './durable.ts';
import type { InvokeEffect } from './effect.ts';
import { findNonJson } from './json-check.ts';
import type { InvokeOutcome, InvokeRun } from './machine-driver.ts';

/** To its end; a throw, an abort and a result that is not JSON are failures. Never rejects. */
export async function runInvoke(logic: object, invoke: InvokeEffect, under: InvokeRun): Promise<InvokeOutcome> {
  const { signal } = under;
  if (signal.aborted) return { kind: 'failed', error: signal.reason };
  const durable = durableWorkOf(logic);
  try {
    const output =
      durable === undefined
        ? await runPromise(logic as PromiseActorLogic<unknown, unknown>, invoke.input, signal)
        : await durable.work({
            input: invoke.input,
            signal,
            idempotencyKey: `${durable.name}/${under.idempotencyKey}`,
          });
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

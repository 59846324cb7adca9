// Checks that look for an order which explains every answer.

import { canonical } from './canonical.ts';
import type { Objection, Run, RunCheck } from './check.ts';
import { explain } from './explanation.ts';
import { fenceDisorders } from './fence-order.ts';
import type { Operation } from './history.ts';
import { type LeaseModelOptions, leaseModel } from './lease-model.ts';
import { isLeaseOperation } from './lease-operation.ts';
import { byKey, linearizableKey, SEARCH_BUDGET, type SearchOptions } from './linearizable.ts';
import { isLogOperation, logModel } from './log-model.ts';
import { isRegisterOperation, type RegisterValue, registerModel } from './register-model.ts';
import type { SequentialModel } from './sequential-model.ts';

/** Each object's answers are those of the model, in some order. For objects of any kind; `mine` picks their operations. */
export function linearizableBy<State, In, Out>(
  model: SequentialModel<State, In, Out>,
  mine: (operation: Operation) => operation is Operation<In, Out>,
  options: SearchOptions & { readonly name?: string } = {},
): RunCheck {
  const name = options.name ?? `linearizable ${model.name}`;
  return {
    name,
    inspect: (run) => judged(name, model, run.history.operations().filter(mine), options.budget ?? SEARCH_BUDGET),
  };
}

function judged<State, In, Out>(
  check: string,
  model: SequentialModel<State, In, Out>,
  operations: readonly Operation<In, Out>[],
  budget: number,
): Objection[] {
  const objections: Objection[] = [];
  for (const [key, ofKey] of byKey(operations)) {
    const verdict = linearizableKey(model, key, ofKey, budget);
    if (verdict.kind === 'violation')
      objections.push({
        check,
        kind: 'violation',
        key,
        message: explain(model, verdict),
        operations: verdict.until.map(({ id }) => id),
      });
    if (verdict.kind === 'undecided')
      objections.push({
        check,
        kind: 'undecided',
        key,
        message: `${key}: ${ofKey.length} operations were not decided within ${verdict.explored} configurations`,
      });
  }
  return objections;
}

/** Claims, renewals, releases and what was seen of leases, against the lease with a term. */
export function linearizableLeases(options: LeaseModelOptions & SearchOptions = {}): RunCheck {
  return linearizableBy(leaseModel(options), isLeaseOperation, { ...options, name: 'linearizable leases' });
}

/** Reads, writes and comparisons. */
export function linearizableRegisters(options: SearchOptions & { readonly initial?: RegisterValue } = {}): RunCheck {
  const model = registerModel(options.initial ?? null);
  return linearizableBy(model, isRegisterOperation, { ...options, name: 'linearizable registers' });
}

/** Appends, and readings of all that was appended. */
export function linearizableLogs(options: SearchOptions = {}): RunCheck {
  return linearizableBy(logModel(), isLogOperation, { ...options, name: 'linearizable logs' });
}

/** The same of leases in linear time, by their fences: for histories that are too long to search. */
export function leasesInFenceOrder(options: { readonly slackMs?: number } = {}): RunCheck {
  const name = 'leases in fence order';
  return {
    name,
    inspect: (run) =>
      fenceDisorders(run.history.operations().filter(isLeaseOperation), options).map(
        ({ key, message, operations }) => ({
          check: name,
          kind: 'violation',
          key,
          message,
          operations: operations.map(({ id }) => id),
        }),
      ),
  };
}

/** A run of the same without faults: one object that takes inputs one by one. */
export interface Reference<State, In, Out> {
  readonly name: string;
  initial(key: string): State;
  apply(state: State, input: In): { readonly state: State; readonly output: Out };
  /** Whether an operation of the history is one of these. */
  mine(operation: Operation): operation is Operation<In, Out>;
  /** How each object was left, where that can be asked. */
  end?(run: Run): ReadonlyMap<string, State>;
}

/**
 * A run with crashes shows nothing that one without could not have shown: its answers, and how it left
 * each object, are those of the reference, given the acknowledged inputs and some of the unknown ones.
 * States and outputs are compared as JSON.
 */
export function refines<State, In, Out>(reference: Reference<State, In, Out>, options: SearchOptions = {}): RunCheck {
  type Asked = { readonly kind: 'input'; readonly input: In } | { readonly kind: 'end' };
  const name = `refines ${reference.name}`;
  const model: SequentialModel<State, Asked, unknown> = {
    name: reference.name,
    initial: (key) => reference.initial(key),
    step(state, { input: asked, outcome }) {
      const told = outcome.kind === 'ok' ? canonical(outcome.value) : undefined;
      if (asked.kind === 'end') return told === canonical(state) ? [state] : [];
      const next = reference.apply(state, asked.input);
      return told === undefined || told === canonical(next.output) ? [next.state] : [];
    },
    fingerprint: canonical,
    describe: ({ input: asked, outcome }) => {
      const answer = outcome.kind === 'ok' ? canonical(outcome.value) : outcome.kind;
      return `${asked.kind === 'end' ? 'how it was left' : canonical(asked.input)} → ${answer}`;
    },
    believes: (state) => `its state is ${canonical(state)}`,
  };
  return {
    name,
    inspect(run) {
      const asked: Operation<Asked, unknown>[] = run.history
        .operations()
        .filter((operation) => reference.mine(operation))
        .map((operation) => ({ ...operation, input: { kind: 'input', input: operation.input } }));
      const left = [...(reference.end?.(run) ?? [])].map(([key, value], index) => looked(run, key, value, index));
      return judged(name, model, [...asked, ...left], options.budget ?? SEARCH_BUDGET);
    },
  };
}

/** A look at how an object was left, after everything else. */
function looked<State>(run: Run, key: string, value: State, index: number): Operation<{ readonly kind: 'end' }, State> {
  const order = Number.MAX_SAFE_INTEGER - 1;
  return {
    id: -1 - index,
    process: 'end',
    node: 'end',
    key,
    input: { kind: 'end' },
    invokedMs: run.endMs,
    returnedMs: run.endMs,
    outcome: { kind: 'ok', value },
    order: { invoked: order, returned: order + 1 },
  };
}

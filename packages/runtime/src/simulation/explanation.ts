// A violation, told so that a person sees it
//
// Which answer no order explains, what was believed when it had to come, and the operations around
// it, a line for each process and a column for each beginning or end. Milliseconds are told, not
// drawn: what matters is what overlapped.

import type { Operation } from './history.ts';
import type { NoOrder } from './linearizable.ts';
import { msText } from './ms-text.ts';
import type { SequentialModel } from './sequential-model.ts';

/** How many operations before the culprit are drawn and listed. */
const AROUND = 12;

/** The whole story, as lines of text. */
export function explain<State, In, Out>(model: SequentialModel<State, In, Out>, violation: NoOrder<In, Out>): string {
  const describe = (operation: Operation<In, Out>): string => line(operation, model.describe?.(operation));
  const { key, culprit, prefix, stuck, believed, until } = violation;
  const shown = prefix.slice(-AROUND);
  const left = prefix.length - shown.length;
  const lines = [`${model.name} ${key}: no order explains ${describe(culprit)}`, '', 'The order that goes furthest:'];
  if (left > 0) lines.push(`  … ${left} before`);
  for (const operation of shown) lines.push(`  ${describe(operation)}`);
  if (prefix.length === 0) lines.push('  (none)');
  lines.push(`Then ${believed}, and next would have to come`);
  for (const operation of stuck) lines.push(`  ${describe(operation)}`);
  lines.push('', 'As it happened:', ...diagram(around(until, culprit, stuck)));
  return lines.join('\n');
}

/** One operation, on one line. */
function line<In, Out>(operation: Operation<In, Out>, described: string | undefined): string {
  const { id, process, invokedMs, returnedMs } = operation;
  const told = described ?? `${JSON.stringify(operation.input)} → ${JSON.stringify(operation.outcome)}`;
  return `(${id}) ${process}: ${told}  [${msText(invokedMs)}–${returnedMs === undefined ? '…' : msText(returnedMs)} ms]`;
}

/** The culprit, what is stuck, what overlaps them, and the latest before, at most `AROUND`. */
function around<In, Out>(
  operations: readonly Operation<In, Out>[],
  culprit: Operation<In, Out>,
  stuck: readonly Operation<In, Out>[],
): readonly Operation<In, Out>[] {
  const needed = new Set([culprit.id, ...stuck.map(({ id }) => id)]);
  const recent = [...operations]
    .sort((a, b) => Number(needed.has(b.id)) - Number(needed.has(a.id)) || last(b) - last(a))
    .slice(0, Math.max(AROUND, needed.size));
  return recent.sort((a, b) => a.order.invoked - b.order.invoked);
}

function last({ order }: Operation): number {
  return order.returned ?? order.invoked;
}

/**
 * Operations as bars, one line for each process: `(3)──┤` for what ended, `(3)──…` for what was never
 * answered, `×` for what failed. Bars stand above each other where the operations overlapped.
 */
export function diagram(operations: readonly Operation[]): string[] {
  const events = operations
    .flatMap(({ id, order }) => [
      { id, order: order.invoked, width: `(${id})`.length + 1 },
      ...(order.returned === undefined ? [] : [{ id, order: order.returned, width: 2 }]),
    ])
    .sort((a, b) => a.order - b.order);
  const columns = new Map<number, number>();
  let width = 0;
  for (const event of events) {
    columns.set(event.order, width);
    width += event.width;
  }
  const lanes = new Map<string, Operation[]>();
  for (const operation of operations) {
    const lane = lanes.get(operation.process);
    if (lane === undefined) lanes.set(operation.process, [operation]);
    else lane.push(operation);
  }
  const label = Math.max(0, ...[...lanes.keys()].map(({ length }) => length));
  return [...lanes].flatMap(([process, lane]) =>
    rows(lane).map((row, index) => {
      const name = (index === 0 ? process : '').padEnd(label);
      return `  ${name} ${row.map((operation) => bar(operation, columns, width)).reduce(overlay, '')}`.trimEnd();
    }),
  );
}

/** A process asks one thing after another, but what is never answered goes on below. */
function rows(lane: readonly Operation[]): readonly (readonly Operation[])[] {
  const made: Operation[][] = [];
  for (const operation of lane) {
    const fits = made.find((row) => (row.at(-1)?.order.returned ?? Number.POSITIVE_INFINITY) < operation.order.invoked);
    if (fits === undefined) made.push([operation]);
    else fits.push(operation);
  }
  return made;
}

function bar({ id, order, outcome }: Operation, columns: ReadonlyMap<number, number>, width: number): string {
  const from = columns.get(order.invoked) ?? 0;
  const name = `(${id})`;
  const isOpen = order.returned === undefined || outcome.kind === 'unknown';
  const to = order.returned === undefined ? width : (columns.get(order.returned) ?? width);
  const end = isOpen ? '…' : outcome.kind === 'failed' ? '×' : '┤';
  return `${' '.repeat(from)}${name.padEnd(to - from, '─')}${end}`;
}

function overlay(below: string, above: string): string {
  return below + above.slice(below.length);
}

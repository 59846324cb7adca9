// Step spans
//
// The spans of one group of letters: one for each letter that a machine was given. They end when
// it is known what became of the group's commit.
//
//   SP1  A step that threw has the status of an error, and so has one whose commit failed for good.
//   SP2  A span says what happened, and by which guards, never with what: no contexts, no events' data.
import type { ActorId } from './actor-id.ts';
import type { MachineSnapshot, Step } from './machine-driver.ts';
import { traceparentOf } from './traceparent.ts';
import type { Attributes, Cause, Span, Tracing } from './tracing.ts';

export interface SpansOf {
  readonly id: ActorId;
  readonly type: string;
  readonly epoch: string;
}

/** How a group ended. */
export interface GroupEnd {
  readonly outcome: string;
  /** Of the record, once committed. */
  readonly version?: number;
  readonly isError?: boolean;
}

/** The span of one step; what is said of it is collected, and written once, at its end. */
export interface StepSpan {
  readonly span: Span;
  /** Undefined where nobody records the span. */
  readonly attributes: Attributes | undefined;
}

const ERROR = 2;

export class StepSpans {
  readonly #tracing: Tracing;
  readonly #of: SpansOf;
  #open: StepSpan[] = [];
  #commitMs: number | undefined;

  constructor(tracing: Tracing, of: SpansOf) {
    this.#tracing = tracing;
    this.#of = of;
  }

  /** Begins the span of a step. */
  begin(eventType: string, cause: Cause, waitedMs: number | undefined): StepSpan {
    const { type } = this.#of;
    const kind = waitedMs === undefined ? 'internal' : 'consumer';
    const span = this.#tracing.begin(`${type} ${eventType}`, cause, kind);
    const opened = { span, attributes: span.isRecording() ? this.#attributes(eventType, waitedMs) : undefined };
    this.#open.push(opened);
    return opened;
  }

  /** What came of a step. */
  stepped({ attributes }: StepSpan, before: MachineSnapshot, { snapshot, handled, guards }: Step): void {
    if (attributes === undefined) return;
    if (guards.length > 0)
      attributes['actor.guards'] = guards.map(({ guard, passed }) => `${guard}=${passed}`).join(',');
    attributes['actor.state.from'] = statePath(before.value);
    attributes['actor.state.to'] = statePath(snapshot.value);
    attributes['actor.handled'] = handled;
  }

  threw({ span }: StepSpan, cause: unknown): void {
    span.setStatus({ code: ERROR, message: cause instanceof Error ? cause.message : String(cause) });
  }

  /** The letter is stepped again later, under another span. */
  later(opened: StepSpan): void {
    this.#open.splice(this.#open.indexOf(opened), 1);
    this.#finish(opened, { outcome: 'again' });
  }

  /** How long the commit took. */
  committed(tookMs: number): void {
    this.#commitMs = tookMs;
  }

  end(how: GroupEnd): void {
    const ending = this.#open;
    this.#open = [];
    for (const opened of ending) this.#finish(opened, how);
  }

  #attributes(eventType: string, waitedMs: number | undefined): Attributes {
    const { id, type, epoch } = this.#of;
    const attributes: Attributes = {
      'actor.type': type,
      'actor.key': id.slice(type.length + 1),
      'actor.event': eventType,
      'actor.epoch': epoch,
    };
    if (waitedMs !== undefined) attributes['actor.queue_wait_ms'] = waitedMs;
    return attributes;
  }

  #finish({ span, attributes }: StepSpan, { outcome, version, isError }: GroupEnd): void {
    if (attributes !== undefined) {
      attributes['actor.outcome'] = outcome;
      if (version !== undefined) attributes['actor.version'] = version;
      if (this.#commitMs !== undefined) attributes['actor.commit_ms'] = this.#commitMs;
      span.setAttributes(attributes);
      if (isError === true) span.setStatus({ code: ERROR, message: outcome });
    }
    span.end();
  }
}

/** Where a span's own effects are to be traced to. */
export function ownTraceparent({ span }: StepSpan): string | undefined {
  return traceparentOf(span.spanContext());
}

/** A state as text: `held.attached`, and regions beside each other `lease.held,sight.waiting`. */
export function statePath(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  return Object.entries(value)
    .map(([state, below]) => {
      const path = statePath(below);
      return path === '' ? state : `${state}.${path}`;
    })
    .join(',');
}

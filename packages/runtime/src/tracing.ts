// PORT: tracing. Spans of steps, and the trace context in which code runs. One adapter:
// `tracing.otel.ts`, for the API of OpenTelemetry.
import type { SpanContext } from './traceparent.ts';

/** What a span carries, by name. */
export type Attributes = Record<string, string | number | boolean>;

/** What a span is begun with; a part of OpenTelemetry's `SpanOptions`. */
export interface SpanOptions {
  readonly kind?: number;
  readonly attributes?: Attributes;
  readonly links?: { context: SpanContext }[];
}

/** A part of OpenTelemetry's `Span`. */
export interface Span {
  spanContext(): SpanContext;
  setAttributes(attributes: Attributes): unknown;
  setStatus(status: { readonly code: number; readonly message?: string }): unknown;
  isRecording(): boolean;
  end(): void;
}

/** The shape of a tracer of OpenTelemetry: `trace.getTracer('app')` of `@opentelemetry/api` is one. */
export interface Tracer {
  startSpan(name: string, options?: SpanOptions, context?: object): Span;
}

/** What a span follows from. */
export interface Cause {
  readonly traceparent: string | undefined;
  /** Linked too, since a view of its trace may have been closed long ago. */
  readonly long: boolean;
}

export interface Tracing {
  /** The trace context that is active where this is called. */
  active(): string | undefined;
  /** Runs work in a trace context. */
  within<Result>(traceparent: string | undefined, work: () => Result): Result;
  /** Begins a span; a child of its cause, where that is known. */
  begin(name: string, cause: Cause, kind: 'consumer' | 'internal'): Span;
}

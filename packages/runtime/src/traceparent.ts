// The trace context that a message carries (W3C Trace Context, version 00): text, kept and passed on
// as it is, whether or not this node traces.

const FORM = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;
const LENGTH = 55;
const NO_TRACE = '0'.repeat(32);

export interface SpanContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceFlags: number;
}

export function parsedTraceparent(text: string): SpanContext | undefined {
  if (text.length !== LENGTH || !FORM.test(text)) return undefined;
  return { traceId: text.slice(3, 35), spanId: text.slice(36, 52), traceFlags: Number.parseInt(text.slice(53), 16) };
}

/** Undefined for a context that is of no trace. */
export function traceparentOf({ traceId, spanId, traceFlags }: SpanContext): string | undefined {
  if (traceId === NO_TRACE) return undefined;
  const flags = traceFlags === 1 ? '01' : (traceFlags & 0xff).toString(16).padStart(2, '0');
  return `00-${traceId}-${spanId}-${flags}`;
}

/** What came from outside, where it is a trace context. */
export function soundTraceparent(text: string | undefined): string | undefined {
  return text?.length === LENGTH && FORM.test(text) ? text : undefined;
}

/** A row of an outbox as it is stored: its event, after the trace context where it has one. */
export function rowText(traceparent: string | undefined, event: string): string {
  return traceparent === undefined ? event : `${traceparent} ${event}`;
}

/** No JSON begins as a trace context does. */
export function rowParts(text: string): { readonly traceparent?: string; readonly event: string } {
  return text.startsWith('00-')
    ? { traceparent: text.slice(0, LENGTH), event: text.slice(LENGTH + 1) }
    : { event: text };
}

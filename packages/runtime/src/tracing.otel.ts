import { ActorError } from './errors.ts';
import { parsedTraceparent, traceparentOf } from './traceparent.ts';
import type { Cause, Span, Tracer, Tracing } from './tracing.ts';

type Api = typeof import('@opentelemetry/api');

/** Traces with a tracer of OpenTelemetry, whose API is loaded here and not before. */
export async function openTelemetry(tracer: Tracer): Promise<Tracing> {
  try {
    return new OpenTelemetry(tracer, await import('@opentelemetry/api'));
  } catch (cause) {
    const message = "A runtime with a 'tracer' needs the package @opentelemetry/api";
    throw new ActorError('RUNTIME_CONFIG', message, { applied: 'no', cause });
  }
}

class OpenTelemetry implements Tracing {
  readonly #tracer: Tracer;
  readonly #api: Api;

  constructor(tracer: Tracer, api: Api) {
    this.#tracer = tracer;
    this.#api = api;
  }

  active(): string | undefined {
    const { trace, context } = this.#api;
    const active = trace.getSpanContext(context.active());
    return active && traceparentOf(active);
  }

  within<Result>(traceparent: string | undefined, work: () => Result): Result {
    const parent = traceparent === undefined ? undefined : parsedTraceparent(traceparent);
    if (parent === undefined) return work();
    const { trace, context } = this.#api;
    return context.with(trace.setSpanContext(context.active(), { ...parent, isRemote: true }), work);
  }

  begin(name: string, { traceparent, long }: Cause, kind: 'consumer' | 'internal'): Span {
    const { trace, ROOT_CONTEXT, SpanKind } = this.#api;
    const options = { kind: kind === 'consumer' ? SpanKind.CONSUMER : SpanKind.INTERNAL };
    const parent = traceparent === undefined ? undefined : parsedTraceparent(traceparent);
    if (parent === undefined) return this.#tracer.startSpan(name, options, ROOT_CONTEXT);
    const context = { ...parent, isRemote: true };
    return this.#tracer.startSpan(
      name,
      long ? { ...options, links: [{ context }] } : options,
      trace.setSpanContext(ROOT_CONTEXT, context),
    );
  }
}

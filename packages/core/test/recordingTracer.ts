// A tracer that keeps all there is to a span, ours and the platform's, for tests of what spans tell and what they must not.
import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"

export interface RecordedSpan {
  readonly name: string
  readonly kind: Tracer.SpanKind
  /** The name of the span it is within. */
  readonly parent: string | undefined
  readonly attributes: Map<string, unknown>
  readonly events: Array<readonly [name: string, fields: Record<string, unknown> | undefined]>
  /** `"success"`, or the failure as it is printed; undefined for a span that has not ended. */
  exit: string | undefined
}

/** The spans in the order in which they began. */
export const recordingTracer = () => {
  const spans: Array<RecordedSpan> = []
  const tracer = Tracer.make({
    span: (name, parent, context, links, startTime, kind) => {
      const within = Option.getOrUndefined(parent)
      const span: RecordedSpan = {
        name,
        kind,
        parent: within?._tag === "Span" ? within.name : undefined,
        attributes: new Map(),
        events: [],
        exit: undefined
      }
      spans.push(span)
      return {
        _tag: "Span",
        spanId: `span ${spans.length}`,
        traceId: "trace",
        sampled: true,
        status: { _tag: "Started", startTime },
        name,
        parent,
        context,
        links: [...links],
        kind,
        attributes: span.attributes,
        attribute: (key, value) => void span.attributes.set(key, value),
        event: (event, _time, fields) => void span.events.push([event, fields]),
        addLinks: () => {},
        end: (_time, exit) => {
          span.exit = Exit.match(exit, {
            onSuccess: () => "success",
            onFailure: (cause) => Cause.pretty(cause, { renderErrorCause: true })
          })
        }
      }
    },
    context: (f) => f()
  })
  return { spans, tracer }
}

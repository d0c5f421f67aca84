// What a login looks like from outside: its spans as a tree, through OpenTelemetry, and its metrics on the console.
import { Credentials, HubAuth, HubSession, SecondFactor } from "@effect-dockerhub/core"
import { Faults, HubEmulator } from "@effect-dockerhub/core/testing"
import { NodeSdk } from "@effect/opentelemetry"
import { NodeRuntime } from "@effect/platform-node"
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base"
import { InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base"
import { Console, Effect, Layer, Metric, MetricState } from "effect"

// In production: an OTLP exporter in a BatchSpanProcessor in place of this one.
const exporter = new InMemorySpanExporter()
const Telemetry = NodeSdk.layer(() => ({
  resource: { serviceName: "observability-example" },
  spanProcessor: new SimpleSpanProcessor(exporter)
}))

const printTree = (spans: ReadonlyArray<ReadableSpan>, parent?: string, depth = 0): Effect.Effect<void> =>
  Effect.forEach(
    spans.filter((span) => span.parentSpanContext?.spanId === parent),
    (span) => {
      const attempts = span.attributes["dockerhub.attempts"]
      const line = `${"  ".repeat(depth)}${span.name}${attempts === undefined ? "" : `, ${attempts} attempt(s)`}`
      return Effect.zipRight(Console.log(line), printTree(spans, span.spanContext().spanId, depth + 1))
    },
    { discard: true }
  )

const printMetrics = Effect.gen(function* () {
  for (const { metricKey, metricState } of yield* Metric.snapshot) {
    if (!metricKey.name.startsWith("dockerhub_") || !MetricState.isCounterState(metricState)) continue
    const labels = metricKey.tags.map(({ key, value }) => `${key}=${value}`).join(" ")
    yield* Console.log(`${metricKey.name.padEnd(24)} ${labels.padEnd(48)} ${metricState.count}`)
  }
})

const program = Effect.gen(function* () {
  const emulator = yield* HubEmulator.HubEmulator
  yield* emulator.enqueue(Faults.status(503), { route: "login", times: 2 })
  yield* HubSession.token
})

const hub = HubEmulator.layer({
  accounts: [{ username: "grace", password: "correct horse", totpSecret: "JBSWY3DPEHPK3PXP" }]
})
const session = HubSession.layer({ credentials: Credentials.password("grace", "correct horse") }).pipe(
  Layer.provide(HubAuth.layer),
  Layer.provide(SecondFactor.layer(SecondFactor.totp("JBSWY3DPEHPK3PXP"))),
  Layer.provideMerge(hub)
)

program.pipe(
  Effect.provide(session),
  Effect.zipRight(Effect.suspend(() => printTree(exporter.getFinishedSpans()))),
  Effect.zipRight(printMetrics),
  Effect.provide(Telemetry),
  NodeRuntime.runMain
)

import { assert, describe, it } from "@effect/vitest"
import { HubConfig } from "@effect-dockerhub/core"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"

const bad: ReadonlyArray<readonly [url: string, sentence: RegExp]> = [
  ["not a url", /must be a URL/],
  ["http://hub.docker.com", /must be https/],
  ["http://127.0.0.1.evil.example", /must be https/],
  ["http://localhost.evil.example", /must be https/],
  ["ftp://hub.docker.com", /must be an https URL/],
  ["https://ada:hunter2@hub.docker.com", /must not hold a user name or password/],
  ["https://hunter2@hub.docker.com", /must not hold a user name or password/],
  ["https://:hunter2@hub.docker.com", /must not hold a user name or password/],
  ["https://hub.docker.com/v2", /must be an origin/],
  ["https://hub.docker.com/?token=hunter2", /must be an origin/],
  ["https://hub.docker.com?", /must be an origin/],
  ["https://hub.docker.com#", /must be an origin/],
  ["https://hub.docker.com/#hunter2", /must be an origin/]
]

const load = (url: string) =>
  Effect.withConfigProvider(
    Effect.provide(HubConfig.HubConfig, HubConfig.layerConfig),
    ConfigProvider.fromMap(new Map([["DOCKERHUB_URL", url]]))
  )

describe("make", () => {
  it("is Docker Hub by default", () => {
    const config = HubConfig.make({})
    assert.strictEqual(config.baseUrl.href, "https://hub.docker.com/")
    assert.match(config.userAgent, /^effect-dockerhub\//)
    assert.strictEqual(config.tokenValidation, "lenient")
  })

  it.each([
    "https://hub.docker.com",
    "https://hub-stage.docker.com/",
    "http://localhost:8080",
    "http://127.0.0.1:1",
    "http://127.9.9.9",
    "http://[::1]:3000",
    "https://registry.example:8443"
  ])("accepts the origin %s", (url) => {
    assert.strictEqual(HubConfig.make({ baseUrl: url }).baseUrl.origin, new URL(url).origin)
    assert.strictEqual(HubConfig.make({ baseUrl: new URL(url) }).baseUrl.origin, new URL(url).origin)
  })

  it.each(bad)("throws for %s, with a sentence and without what may be secret", (url, sentence) => {
    assert.throws(() => HubConfig.make({ baseUrl: url }), TypeError, sentence)
    assert.throws(() => HubConfig.layer({ baseUrl: url }), /^(?!.*hunter2)/)
  })

  it("keeps a URL of its own, which no later change of the caller's reaches", () => {
    const url = new URL("https://hub.docker.com")
    const config = HubConfig.make({ baseUrl: url })
    url.hostname = "evil.example"
    assert.strictEqual(config.baseUrl.hostname, "hub.docker.com")
  })

  it("keeps a list of trusted issuers of its own", () => {
    const trustedIssuers = ["https://mirror.example/"]
    const config = HubConfig.make({ trustedIssuers })
    trustedIssuers.push("https://evil.example/")
    assert.deepStrictEqual(config.trustedIssuers, ["https://mirror.example/"])
  })

  it.each(["", " x", "x ", "a\r\nb: c", "ü"])("throws for the user agent %j", (userAgent) => {
    assert.throws(() => HubConfig.make({ userAgent }), TypeError, /userAgent must be printable ASCII/)
  })
})

describe("layerConfig", () => {
  it.effect("reads DOCKERHUB_URL, and takes an empty one for missing", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* load("http://localhost:8080")).baseUrl.port, "8080")
      assert.strictEqual((yield* load("")).baseUrl.origin, "https://hub.docker.com")
    })
  )

  it.effect.each(bad)("fails for %s with a ConfigError", ([url, sentence]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(load(url))
      assert.match(String(error), sentence)
      assert.include(error._op === "InvalidData" ? error.message : "", "DOCKERHUB_URL must")
      assert.notInclude(String(error), "hunter2")
    })
  )
})

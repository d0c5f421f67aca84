import { assert, describe, it } from "@effect/vitest"
import { Faults, HubEmulator } from "@effect-dockerhub/core/testing"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { exchange, field, get, login, secondFactor, send } from "./ask.ts"
import { make, namesOf, oat, pat, seed } from "./residents.ts"

describe("the emulator while it runs", () => {
  it.effect("accounts, organizations and repositories can be added, and secrets revoked", () =>
    Effect.gen(function* () {
      const hub = yield* HubEmulator.make()
      yield* hub.addAccount({ username: "new", password: "first password", personalAccessTokens: [{ token: pat }] })
      yield* hub.addOrganization({ name: "neworg", accessTokens: [{ token: oat }] })
      yield* hub.addRepository({ namespace: "new", name: "thing", private: true })
      const bearer = field(yield* exchange(hub, "new", pat), "access_token")
      assert.deepStrictEqual(namesOf(yield* get(hub, "/v2/namespaces/new/repositories", bearer)), ["thing"])
      yield* hub.revoke(Redacted.make(pat))
      assert.strictEqual((yield* exchange(hub, "new", pat)).status, 401)
      assert.strictEqual((yield* get(hub, "/v2/user/", bearer)).status, 200)
      yield* hub.revoke(bearer)
      assert.strictEqual((yield* get(hub, "/v2/user/", bearer)).status, 401)
      yield* hub.revoke(oat)
      assert.strictEqual((yield* exchange(hub, "neworg", oat)).status, 401)
      yield* hub.addAccount({ username: "new", password: "second password" })
      assert.strictEqual((yield* login(hub, "new", "first password")).status, 401)
      assert.isTrue(Exit.isFailure(yield* Effect.exit(hub.revoke("never seen"))))
      assert.isTrue(Exit.isFailure(yield* Effect.exit(hub.code("new"))))
    })
  )

  it.effect("the layer provides a client that reaches no network", () =>
    Effect.gen(function* () {
      const client = yield* HttpClient.HttpClient
      const hub = yield* HubEmulator.HubEmulator
      assert.strictEqual((yield* client.get("http://no-such-host.invalid/v2/user/")).status, 401)
      assert.strictEqual((yield* hub.requests).length, 1)
    }).pipe(Effect.provide(HubEmulator.layer()))
  )

  it.effect("whatever kind of body a client sends arrives", () =>
    Effect.gen(function* () {
      const hub = yield* make()
      const body = JSON.stringify({ username: "ada", password: "correct horse" })
      const request = HttpClientRequest.post("https://hub.docker.com/v2/users/login")
      const bytes = new TextEncoder().encode(body)
      const inPieces = Stream.fromIterable([bytes.subarray(0, 9), bytes.subarray(9)])
      for (const whole of [
        HttpClientRequest.bodyUint8Array(request, bytes, "application/json"),
        HttpClientRequest.bodyStream(request, inPieces, { contentType: "application/json" }),
        HttpClientRequest.setBody(request, HttpBody.raw(body, { contentType: "application/json" }))
      ]) {
        assert.strictEqual((yield* send(hub, whole)).status, 200)
      }
      const form = new FormData()
      form.set("username", "ada")
      assert.strictEqual((yield* send(hub, HttpClientRequest.bodyFormData(request, form))).status, 415)
      const impossible = HttpClientRequest.get("https://ada:secret@hub.docker.com/v2/user/")
      const refused = yield* Effect.flip(send(hub, impossible))
      assert.deepInclude(refused, { _tag: "RequestError", reason: "Transport" })
    })
  )

  it.effect("many requests at once are each answered, and one code opens one door", () =>
    Effect.gen(function* () {
      const hub = yield* make()
      const code = yield* hub.code("grace")
      const statuses = yield* Effect.all(
        Array.from({ length: 10 }, () =>
          Effect.flatMap(login(hub, "grace", "battery staple"), (challenged) =>
            Effect.map(secondFactor(hub, field(challenged, "login_2fa_token"), code), (answer) => answer.status)
          )
        ),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(statuses.filter((status) => status === 200).length, 1)
    })
  )

  it.effect("a request is recorded when it arrives, and its status when it is answered", () =>
    Effect.gen(function* () {
      const hub = yield* make()
      yield* hub.enqueue(Faults.delay("10 seconds"))
      yield* TestClock.adjust("1 minute")
      const fiber = yield* Effect.fork(login(hub, "ada", "correct horse"))
      yield* TestClock.adjust("5 seconds")
      const [pending] = yield* hub.requests
      assert.deepInclude(pending, { method: "POST", path: "/v2/users/login", route: "login", status: Option.none() })
      assert.strictEqual(pending === undefined ? 0 : DateTime.toEpochMillis(pending.at), 60_000)
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.join(fiber)
      assert.deepStrictEqual((yield* hub.requests)[0]?.status, Option.some(200))
      yield* hub.clearRequests
      assert.deepStrictEqual(yield* hub.requests, [])
    })
  )
})

describe("options that cannot be", () => {
  const refuse = (options: HubEmulator.Options, expected: RegExp) => {
    assert.throws(() => HubEmulator.make(options), expected)
    assert.throws(() => HubEmulator.layer(options), expected)
  }
  it("throw where they are given, with a sentence that shows no secret", () => {
    const account = (more: object) => ({ accounts: [{ username: "ada", password: "correct horse", ...more }] })
    refuse(account({ totpSecret: "not base32!" }), /^(?!.*not base32!).*must be base32/)
    refuse(account({ totpSecret: "A" }), /no whole byte/)
    refuse(account({ totpSecret: "" }), /must not be empty/)
    refuse(account({ totpSecret: seed, totp: { digits: 5 } }), /digits/)
    refuse(account({ totpSecret: seed, totp: { period: 0 } }), /period/)
    refuse(account({ password: "" }), /password of the account "ada" must not be empty/)
    refuse(account({ username: " " }), /username/)
    refuse(account({ personalAccessTokens: [{ token: "" }] }), /personal access token/)
    refuse({ accounts: [...account({}).accounts, ...account({ username: "ADA" }).accounts] }, /given twice/)
    refuse({ organizations: [{ name: "" }] }, /organization/)
    refuse({ repositories: [{ namespace: "ada", name: "" }] }, /repository/)
    refuse({ tokenLifetime: Number.NaN }, /tokenLifetime.*NaN/)
    refuse({ tokenLifetime: 0 }, /tokenLifetime must be longer/)
    refuse({ tokenLifetime: "Infinity" as never }, /tokenLifetime/)
    refuse({ loginTokenLifetime: -1 }, /loginTokenLifetime/)
    refuse({ clockOffset: Number.NaN }, /clockOffset/)
    refuse({ clockOffset: Number.POSITIVE_INFINITY }, /clockOffset/)
    refuse({ lockout: { failures: 0 } }, /lockout\.failures/)
    refuse({ rateLimit: { limit: 1.5 } }, /rateLimit\.limit/)
    refuse({ rateLimit: { retryAfter: "minutes" as never } }, /rateLimit\.retryAfter/)
    refuse({ loginQuota: { limit: 0, window: "1 minute" } }, /loginQuota/)
    refuse({ codes: { tolerance: -1 } }, /codes\.tolerance/)
    refuse({ challenge: { status: 403 as never } }, /challenge\.status/)
    refuse({ signingKey: "short" }, /^(?!.*short).*signingKey/)
    refuse({ answers: { wrongPassword: { status: 99, body: "" } } }, /answers\.wrongPassword\.status/)
    refuse({ answers: { nonsense: { status: 400, body: "" } } as never }, /no answer called "nonsense"/)
  })
})

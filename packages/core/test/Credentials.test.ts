import { assert, describe, it } from "@effect/vitest"
import { Credentials } from "@effect-dockerhub/core"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Inspectable from "effect/Inspectable"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { inspect } from "node:util"

const PAT = `dckr_pat_${"x".repeat(27)}`
const OAT = `dckr_oat_${"x".repeat(32)}`

const load = (env: Record<string, string>) =>
  Effect.withConfigProvider(Credentials.config, ConfigProvider.fromMap(new Map(Object.entries(env))))

describe("constructors", () => {
  it("wrap a plain secret at once", () => {
    const credentials = Credentials.password("ada", "hunter2!")
    assert.strictEqual(Redacted.value(credentials.password), "hunter2!")
    for (const printed of [inspect(credentials, { depth: null }), JSON.stringify(credentials), String(credentials)]) {
      assert.notInclude(printed, "hunter2!")
    }
  })

  it.each(["", Redacted.make("")])("refuse an empty secret with a sentence", (empty) => {
    assert.throws(() => Credentials.password("ada", empty), TypeError, "password must not be empty")
    assert.throws(() => Credentials.personalAccessToken("ada", empty), TypeError, "token must not be empty")
    assert.throws(() => Credentials.organizationAccessToken("acme", empty), TypeError, "token must not be empty")
    assert.throws(() => new Credentials.Password({ username: "ada", password: Redacted.make("") }), "not empty")
  })

  it.each(["", "  \n"])("refuse the blank name %j with a sentence that holds no secret", (name) => {
    for (const build of [
      () => Credentials.password(name, "hunter2!"),
      () => Credentials.personalAccessToken(name, "hunter2!"),
      () => Credentials.organizationAccessToken(name, "hunter2!")
    ]) {
      assert.throws(build, TypeError, /^(username|organization) must not be empty$/)
    }
  })

  it("remove white space around a name, and none of a password", () => {
    const credentials = Credentials.password(" ada\n", " pass word\n")
    assert.strictEqual(credentials.username, "ada")
    assert.strictEqual(Redacted.value(credentials.password), " pass word\n")
  })

  it("tell a token from a password by its prefix", () => {
    assert.strictEqual(Credentials.fromSecret("ada", PAT)._tag, "PersonalAccessToken")
    assert.strictEqual(Credentials.fromSecret("acme", Redacted.make(OAT))._tag, "OrganizationAccessToken")
    assert.strictEqual(Credentials.fromSecret("ada", `x${PAT}`)._tag, "Password")
  })
})

describe("schema", () => {
  it("encodes and decodes each kind", () => {
    for (const credentials of [
      Credentials.password("ada", "pw"),
      Credentials.personalAccessToken("ada", PAT),
      Credentials.organizationAccessToken("acme", OAT)
    ]) {
      const encoded = JSON.stringify(Schema.encodeSync(Credentials.Credentials)(credentials))
      assert.deepStrictEqual(Schema.decodeUnknownSync(Credentials.Credentials)(JSON.parse(encoded)), credentials)
    }
  })

  it.effect.each([
    { _tag: "Password", username: 5, password: "hunter2!" },
    { _tag: "Password", username: " ", password: "hunter2!" },
    { _tag: "Password", username: "ada", password: ["hunter2!"] },
    { _tag: "Password", username: "ada", password: "" },
    { _tag: "Password", username: "ada", token: "hunter2!" },
    { _tag: "Password", username: { a: "hunter2!" }, password: "x" },
    { _tag: "hunter2!", username: "ada", password: "x" },
    "hunter2!",
    ["hunter2!"]
  ])("says what is wrong without the secret, %#", (input) =>
    Effect.gen(function* () {
      for (const decode of [
        Schema.decodeUnknownEither(Credentials.Password),
        Schema.decodeUnknownEither(Credentials.Credentials)
      ]) {
        const error = yield* Effect.flip(decode(input))
        for (const printed of [error.message, String(error), JSON.stringify(error), Inspectable.format(error)]) {
          assert.notInclude(printed, "hunter2!")
          assert.include(printed, "Expected a Password")
        }
      }
    })
  )

  it("does not print a secret that was given unwrapped by mistake", () => {
    // @ts-expect-error a secret must be wrapped
    assert.throws(() => new Credentials.Password({ username: "ada", password: "hunter2!" }), /^(?![^]*hunter2!)/)
  })
})

describe("config", () => {
  it.effect.each([
    [{ DOCKERHUB_USERNAME: "ada", DOCKERHUB_PASSWORD: "pw" }, "Password"],
    [{ DOCKERHUB_USERNAME: "ada", DOCKERHUB_TOKEN: PAT }, "PersonalAccessToken"],
    [{ DOCKERHUB_USERNAME: "ada", DOCKERHUB_TOKEN: "123e4567-e89b-12d3" }, "PersonalAccessToken"],
    [{ DOCKERHUB_ORGANIZATION: "acme", DOCKERHUB_TOKEN: OAT }, "OrganizationAccessToken"],
    [{ DOCKERHUB_USERNAME: "ada", DOCKERHUB_PASSWORD: "pw", DOCKERHUB_TOKEN: "" }, "Password"],
    [{ DOCKERHUB_USERNAME: "ada", DOCKERHUB_PASSWORD: "", DOCKERHUB_TOKEN: PAT }, "PersonalAccessToken"],
    [{ DOCKERHUB_USERNAME: " ", DOCKERHUB_ORGANIZATION: "acme", DOCKERHUB_TOKEN: OAT }, "OrganizationAccessToken"]
  ] as const)("reads %j as %s", ([env, tag]) =>
    Effect.map(load(env), (credentials) => assert.strictEqual(credentials._tag, tag))
  )

  it.effect.each([
    [{}, "DOCKERHUB_USERNAME"],
    [{ DOCKERHUB_USERNAME: "ada" }, "DOCKERHUB_PASSWORD"],
    [{ DOCKERHUB_USERNAME: "ada", DOCKERHUB_PASSWORD: "" }, "DOCKERHUB_PASSWORD"],
    [{ DOCKERHUB_PASSWORD: "hunter2!" }, "DOCKERHUB_USERNAME"],
    [{ DOCKERHUB_ORGANIZATION: "acme", DOCKERHUB_PASSWORD: "hunter2!" }, "DOCKERHUB_TOKEN"],
    [{ DOCKERHUB_USERNAME: "ada", DOCKERHUB_PASSWORD: "hunter2!", DOCKERHUB_TOKEN: "hunter2!" }, "both set"],
    [{ DOCKERHUB_USERNAME: "ada", DOCKERHUB_ORGANIZATION: "acme", DOCKERHUB_TOKEN: "hunter2!" }, "both set"],
    [{ DOCKERHUB_USERNAME: "ada", DOCKERHUB_TOKEN: "dckr_oat_hunter2!" }, "set DOCKERHUB_ORGANIZATION instead"],
    [{ DOCKERHUB_ORGANIZATION: "acme", DOCKERHUB_TOKEN: "dckr_pat_hunter2!" }, "set DOCKERHUB_USERNAME instead"]
  ] as const)("refuses %j with a ConfigError that says what to do", ([env, sentence]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(load(env))
      assert.include(String(error), sentence)
      assert.notInclude(String(error) + JSON.stringify(error) + inspect(error), "hunter2!")
    })
  )
})

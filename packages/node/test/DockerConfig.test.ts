import { assert, describe, it } from "@effect/vitest"
import type { Credentials } from "@effect-dockerhub/core"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import { execFileSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as DockerConfig from "../src/DockerConfig.ts"
import { auth, base64, jwt, KEY, machine, OAT, PASSWORD, PAT, TOKEN_KEY } from "./DockerConfigMachine.ts"

const reveal = (credentials: Credentials.Credentials) =>
  credentials._tag === "Password"
    ? [credentials._tag, credentials.username, Redacted.value(credentials.password)]
    : credentials._tag === "PersonalAccessToken"
      ? [credentials._tag, credentials.username, Redacted.value(credentials.token)]
      : [credentials._tag, credentials.organization, Redacted.value(credentials.token)]

const found = Effect.map(DockerConfig.credentials, reveal)

describe("credentials in auths", () => {
  it.scopedLive("are a password, a personal or an organization's access token by their secret", () =>
    Effect.gen(function* () {
      const { on, write } = yield* machine
      write({ auths: { [KEY]: auth("ada", PASSWORD) } })
      assert.deepStrictEqual(yield* on()(found), ["Password", "ada", PASSWORD])
      write({ auths: { [KEY]: auth("ada", PAT) } })
      assert.deepStrictEqual(yield* on()(found), ["PersonalAccessToken", "ada", PAT])
      write({ auths: { [KEY]: auth("acme", OAT) } })
      assert.deepStrictEqual(yield* on()(found), ["OrganizationAccessToken", "acme", OAT])
      write({ auths: { [KEY]: { username: "ada", password: PASSWORD } } })
      assert.deepStrictEqual(yield* on()(found), ["Password", "ada", PASSWORD])
    })
  )

  it.scopedLive.each([
    "index.docker.io",
    "docker.io",
    "registry-1.docker.io",
    "hub.docker.com",
    "Docker.IO",
    "docker.io/",
    "index.docker.io/v1",
    "https://index.docker.io/v1",
    "http://index.docker.io/v1///",
    "https://registry-1.docker.io/v2/",
    "https://hub.docker.com:443/"
  ])("are found under %s", (key) =>
    Effect.gen(function* () {
      const { on, write } = yield* machine
      write({ auths: { "ghcr.io": auth("other", "other"), [key]: auth("ada", PASSWORD) } })
      assert.deepStrictEqual(yield* on()(found), ["Password", "ada", PASSWORD])
    })
  )

  it.scopedLive.each([
    "ghcr.io",
    "docker.io.evil.example",
    "https://docker.io@evil.example",
    "docker.io/acme",
    "docker.io:5000",
    "xdocker.io",
    "https://index.docker.io/v1/access-token",
    "https://index.docker.io/v1/refresh-token"
  ])("are not found under %s", (key) =>
    Effect.gen(function* () {
      const { file, on, write } = yield* machine
      write({ auths: { [key]: auth("ada", PASSWORD) } })
      const error = yield* Effect.flip(on()(DockerConfig.credentials))
      assert.deepStrictEqual([error.reason, error.source], ["NoEntry", file])
      assert.include(error.message, `run "docker login"`)
    })
  )

  it.scopedLive("are taken from Docker's own spelling before others, and past an empty entry", () =>
    Effect.gen(function* () {
      const { on, write } = yield* machine
      write({ auths: { "docker.io": auth("bob", "bob"), [KEY]: auth("ada", PASSWORD) } })
      assert.deepStrictEqual(yield* on()(found), ["Password", "ada", PASSWORD])
      write({ auths: { [KEY]: {}, "docker.io": auth("bob", "bob") } })
      assert.deepStrictEqual(yield* on()(found), ["Password", "bob", "bob"])
    })
  )

  it.scopedLive("are none of an identity token", () =>
    Effect.gen(function* () {
      const { on, write } = yield* machine
      for (const entry of [
        { identitytoken: "it" },
        { auth: base64("ada:"), identitytoken: "it" },
        { registrytoken: "r" }
      ]) {
        write({ auths: { [KEY]: entry } })
        const error = yield* Effect.flip(on()(DockerConfig.credentials))
        assert.strictEqual(error.reason, "IdentityToken")
        assert.include(error.message, "user name and an access token")
      }
    })
  )

  it.scopedLive("are untouched by __proto__, and of duplicate keys the last counts", () =>
    Effect.gen(function* () {
      const { on, write } = yield* machine
      const entry = JSON.stringify(auth("ada", PASSWORD))
      for (const text of [
        `{"auths":{"__proto__":{"${KEY}":${entry}}}}`,
        `{"__proto__":{"auths":{"${KEY}":${entry}}}}`,
        `{"auths":{"${KEY}":{"__proto__":${entry}}}}`
      ]) {
        write(text)
        assert.strictEqual((yield* Effect.flip(on()(DockerConfig.credentials))).reason, "NoEntry")
      }
      write(`{"auths":{"${KEY}":{"auth":"!"}},"auths":{"${KEY}":{"auth":"!"},"${KEY}":${entry}}}`)
      assert.deepStrictEqual(yield* on()(found), ["Password", "ada", PASSWORD])
    })
  )

  it.scopedLive("are in the directory DOCKER_CONFIG names; empty is as unset", () =>
    Effect.gen(function* () {
      const { home, on, write } = yield* machine
      write({ auths: { [KEY]: auth("home", "h") } })
      Fs.writeFileSync(Path.join(home, "config.json"), JSON.stringify({ auths: { [KEY]: auth("elsewhere", "e") } }))
      assert.deepStrictEqual(yield* on({ DOCKER_CONFIG: home })(found), ["Password", "elsewhere", "e"])
      assert.deepStrictEqual(yield* on({ DOCKER_CONFIG: "" })(found), ["Password", "home", "h"])
    })
  )
})

describe("a configuration that cannot be used", () => {
  it.scopedLive.each([
    ["is not JSON", `{"auths": {"${KEY}": {"auth": "c2VjcmV0"`, "NotJson"],
    ["is not UTF-8", Buffer.from([0x7b, 0xff, 0x7d]), "NotJson"],
    ["is a list", "[]", "Malformed"],
    ["has auths that are a list", `{"auths":["c2VjcmV0"]}`, "Malformed"],
    ["has an entry that is a string", `{"auths":{"${KEY}":"c2VjcmV0"}}`, "Malformed"],
    ["has an auth that is a number", `{"auths":{"${KEY}":{"auth":4711}}}`, "Malformed"],
    ["has an auth that is not base64", `{"auths":{"${KEY}":{"auth":"s3cr3t!"}}}`, "Malformed"],
    ["has an auth without a colon", `{"auths":{"${KEY}":{"auth":"c2VjcmV0"}}}`, "Malformed"],
    ["has an auth without a user name", `{"auths":{"${KEY}":{"auth":"${base64(" :secret")}"}}}`, "Malformed"],
    ["has an auth without a secret", `{"auths":{"${KEY}":{"auth":"${base64("ada:")}"}}}`, "Malformed"],
    ["names a helper by a number", `{"credsStore":1}`, "Malformed"],
    ["names a helper outside the PATH", `{"credsStore":"../../secret"}`, "Malformed"],
    ["is larger than 1 MiB", `{"auths":{}}${" ".repeat(1024 * 1024)}`, "TooLarge"]
  ] as const)("fails with the file's name when it %s", ([, text, reason]) =>
    Effect.gen(function* () {
      const { file, on } = yield* machine
      Fs.writeFileSync(file, text)
      const error = yield* Effect.flip(on()(DockerConfig.credentials))
      assert.deepStrictEqual([error.reason, error.source], [reason, file])
      assert.include(error.message, file)
      assert.notMatch(String(error), /s3cr3t|c2VjcmV0|4711|\.\.\/secret/)
    })
  )

  it.scopedLive("is no entry when it is missing or empty", () =>
    Effect.gen(function* () {
      const { on, write } = yield* machine
      assert.strictEqual((yield* Effect.flip(on()(DockerConfig.credentials))).reason, "NoEntry")
      write(" \n")
      assert.strictEqual((yield* Effect.flip(on()(DockerConfig.credentials))).reason, "NoEntry")
    })
  )

  it.scopedLive("is unreadable as a directory, a FIFO, or below a file", () =>
    Effect.gen(function* () {
      const { file, home, on } = yield* machine
      Fs.mkdirSync(file)
      const unreadable = (variables?: Record<string, string>) =>
        Effect.map(Effect.flip(on(variables)(DockerConfig.credentials)), ({ reason }) => reason)
      assert.strictEqual(yield* unreadable(), "Unreadable")
      Fs.rmdirSync(file)
      execFileSync("mkfifo", [file])
      assert.strictEqual(yield* unreadable(), "Unreadable")
      Fs.writeFileSync(Path.join(home, "file"), "")
      assert.strictEqual(yield* unreadable({ DOCKER_CONFIG: Path.join(home, "file") }), "Unreadable")
      assert.strictEqual(yield* unreadable({ DOCKER_CONFIG: "a\0b" }), "Unreadable")
    })
  )
})

describe("DOCKER_AUTH_CONFIG", () => {
  it.scopedLive("comes before the file, which need not even be JSON then", () =>
    Effect.gen(function* () {
      const { on, write } = yield* machine
      write("not JSON")
      const variables = { DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { "docker.io": auth("ci", PAT) } }) }
      assert.deepStrictEqual(yield* on(variables)(found), ["PersonalAccessToken", "ci", PAT])
    })
  )

  it.scopedLive("without an entry for Docker Hub leaves the file to say", () =>
    Effect.gen(function* () {
      const { on, write } = yield* machine
      write({ auths: { [KEY]: auth("ada", PASSWORD) } })
      for (const text of ["", "{}", JSON.stringify({ auths: { "ghcr.io": auth("ci", "ci") } })]) {
        assert.deepStrictEqual(yield* on({ DOCKER_AUTH_CONFIG: text })(found), ["Password", "ada", PASSWORD])
      }
    })
  )

  it.scopedLive.each([
    ["not JSON: hunter2", "NotJson"],
    [`{"auths":{}}{"auths":{}}`, "NotJson"],
    [`"hunter2"`, "Malformed"],
    [`{"auths":{},"hunter2":1}`, "Malformed"],
    [`{"auths":{"docker.io":{"auth":"aHVudGVyMg==","hunter2":"x"}}}`, "Malformed"],
    [`{"auths":{"docker.io":{"auth":""}}}`, "Malformed"],
    [`{"auths":{"docker.io":{"auth":"hunter2"}}}`, "Malformed"]
  ] as const)("fails with its name and without its words: %s", ([text, reason]) =>
    Effect.gen(function* () {
      const { on } = yield* machine
      const error = yield* Effect.flip(on({ DOCKER_AUTH_CONFIG: text })(DockerConfig.credentials))
      assert.deepStrictEqual([error.reason, error.source], [reason, "DOCKER_AUTH_CONFIG"])
      assert.notInclude(String(error), "hunter2")
    })
  )
})

describe("accessToken", () => {
  it.scoped("is the stored token until its end", () =>
    Effect.gen(function* () {
      const { on, write } = yield* machine
      yield* TestClock.setTime(1_000_000)
      write({ auths: { [KEY]: auth("ada", PASSWORD), [TOKEN_KEY]: auth("Ada", jwt(1600)) } })
      const token = yield* on()(DockerConfig.accessToken)
      assert.deepStrictEqual(
        Option.map(token, ({ value }) => Redacted.value(value)),
        Option.some(jwt(1600))
      )
      yield* TestClock.adjust("10 minutes")
      assert.isTrue(Option.isNone(yield* on()(DockerConfig.accessToken)))
    })
  )

  const others: ReadonlyArray<readonly [what: string, entries: Readonly<Record<string, unknown>>]> = [
    ["is missing", {}],
    ["does not say when it ends", { [TOKEN_KEY]: auth("ada", jwt()) }],
    ["is no token", { [TOKEN_KEY]: auth("ada", "two words") }],
    ["belongs to another account", { [TOKEN_KEY]: auth("bob", jwt(4_000_000_000)) }],
    ["is an identity token", { [TOKEN_KEY]: { identitytoken: jwt(4_000_000_000) } }]
  ]

  it.scoped.each(others)("is none when it %s", ([, entries]) =>
    Effect.gen(function* () {
      const { on, write } = yield* machine
      write({ auths: { [KEY]: auth("ada", PASSWORD), ...entries } })
      assert.isTrue(Option.isNone(yield* on()(DockerConfig.accessToken)))
    })
  )

  it.scoped("is not the file's when the credentials are the variable's", () =>
    Effect.gen(function* () {
      const { on, write } = yield* machine
      write({ auths: { [KEY]: auth("ada", PASSWORD), [TOKEN_KEY]: auth("ada", jwt(4_000_000_000)) } })
      const variables = { DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { [KEY]: auth("ada", PAT) } }) }
      assert.isTrue(Option.isNone(yield* on(variables)(DockerConfig.accessToken)))
    })
  )
})

import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { spawnSync } from "node:child_process"
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import * as Path from "node:path"
import { emulatorProcess, PASSWORD, program, ROOT, SEED } from "./cliWorld.ts"

const isReachable = spawnSync("npm", ["ping"], { timeout: 10_000 }).status === 0

// npm and pnpm are found and configured as they are for whoever runs the tests.
const outer: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))
)

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(Path.join(tmpdir(), "hub-auth-package-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

/** A copy of the repository to build in: another test or a person may be using the real one. */
const copy = (target: string): void => {
  for (const name of ["package.json", "pnpm-workspace.yaml", "tsconfig.base.json", "tsconfig.json", "scripts"]) {
    cpSync(`${ROOT}${name}`, Path.join(target, name), { recursive: true })
  }
  symlinkSync(`${ROOT}node_modules`, Path.join(target, "node_modules"))
  for (const name of ["packages/core", "packages/node"]) {
    cpSync(`${ROOT}${name}`, Path.join(target, name), {
      recursive: true,
      verbatimSymlinks: true,
      filter: (path) => !/packages\/\w+\/(dist|test)$/.test(path)
    })
  }
}

const succeeds = (cwd: string, command: string, ...args: ReadonlyArray<string>) =>
  Effect.map(program(command, args, { cwd, env: outer }), ({ status, stderr, stdout }) =>
    assert.strictEqual(status, 0, `${command} ${args.join(" ")}\n${stdout}\n${stderr}`)
  )

describe("the package", () => {
  it.scopedLive.skipIf(!isReachable)(
    `installed with npm into an empty folder, hub-auth logs in with a second factor, and out again${isReachable ? "" : " (skipped: the registry cannot be reached)"}`,
    () =>
      Effect.gen(function* () {
        const base = yield* folder
        const source = Path.join(base, "source")
        const empty = Path.join(base, "empty")
        for (const path of [source, empty]) mkdirSync(path)
        copy(source)
        yield* succeeds(source, "node_modules/.bin/tsx", "scripts/build.ts")
        for (const name of ["core", "node"]) {
          const packageFolder = Path.join(source, "packages", name)
          yield* succeeds(packageFolder, "npx", "-y", "pnpm@12.21.0", "pack", "--pack-destination", base)
        }
        const tarballs = readdirSync(base).filter((name) => name.endsWith(".tgz"))
        assert.lengthOf(tarballs, 2)
        yield* succeeds(empty, "npm", "init", "-y")
        yield* succeeds(
          empty,
          "npm",
          "install",
          "--no-audit",
          "--no-fund",
          ...tarballs.map((name) => Path.join("..", name)),
          "effect@^3.22",
          "@effect/platform@^0.97",
          "@effect/platform-node@^0.108"
        )
        const bin = Path.join(empty, "node_modules", ".bin", "hub-auth")
        const env = { PATH: outer["PATH"] ?? "", HOME: base, DOCKERHUB_TOTP_SECRET: SEED }
        const { url } = yield* emulatorProcess(bin, [], env)
        const { status, stderr, stdout } = yield* program(
          "sh",
          [
            "-c",
            `"$0" login --username grace --password-stdin && "$0" status && "$0" token && "$0" logout && ! "$0" token`,
            bin
          ],
          { cwd: empty, env: { ...env, DOCKERHUB_URL: url }, input: `${PASSWORD}\n` }
        )
        assert.strictEqual(status, 0, stderr)
        assert.match(stdout, /^Logged in to .*\ngrace at .*\ntoken: .* left\nrate limit: .*\ney\S+\nLogged out grace/)
      }),
    120_000
  )
})

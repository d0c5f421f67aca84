// Bundles the `hub-auth` command into one file that needs nothing but Node.
import { build } from "esbuild"
import type { Plugin } from "esbuild"
import { chmodSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { builtinModules } from "node:module"
import { join } from "node:path"

const ENTRY = "packages/node/src/cli/hub-auth.ts"

/** What the warm path consists of; all else is evaluated only when it is needed. */
const WARM = /packages\/node\/src\/(cli\/(hub-auth|warmToken|rememberedLogin)|internal\/(privateFile|processTag))\.ts$/

/**
 * An import of one of Node's modules stands at the top of an ESM bundle, however late the code around it is evaluated, and
 * so the warm path would load all of `node:http`. What is required is loaded when it is reached.
 */
const lateBuiltins: Plugin = {
  name: "late-builtins",
  setup: ({ onLoad, onResolve }) => {
    onResolve({ filter: /^[a-z]/ }, ({ importer, kind, path }) => {
      const name = path.replace(/^node:/, "")
      if (kind === "require-call" || !builtinModules.includes(name) || WARM.test(importer)) return undefined
      return { path: `node:${name}`, namespace: "late" }
    })
    onLoad({ filter: /.*/, namespace: "late" }, ({ path }) => ({
      contents: `module.exports = require(${JSON.stringify(path)})`,
      loader: "js"
    }))
  }
}

/** The licences of the packages whose code is in the bundle, which ask to be handed on with it. */
const licences = (root: string, inputs: ReadonlyArray<string>): string => {
  const folders = new Set(inputs.map((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? ""))
  folders.delete("")
  return Array.from(folders, (folder) => {
    const { name, version }: { name: string; version: string } = JSON.parse(
      readFileSync(join(root, folder, "package.json"), "utf8")
    )
    const files = readdirSync(join(root, folder)).filter((file) => /^licen[cs]e/i.test(file))
    const texts = files.map((file) => readFileSync(join(root, folder, file), "utf8").trim())
    return `${name} ${version}\n\n${texts.join("\n\n")}\n`
  }).join(`\n${"-".repeat(80)}\n\n`)
}

/** Writes the bundle, and beside it the licences of what is in it, a file; paths are relative to the repository's root. */
export const bundleCli = async (root: string, outfile: string): Promise<void> => {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [ENTRY],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    minify: true,
    legalComments: "none",
    metafile: true,
    logLevel: "warning",
    plugins: [lateBuiltins],
    banner: {
      js: `#!/usr/bin/env node\nimport{createRequire as __createRequire}from"node:module";const require=__createRequire(import.meta.url);`
    }
  })
  chmodSync(outfile, 0o755)
  const inputs = Object.values(metafile.outputs).flatMap((output) =>
    Object.keys(output.inputs).filter((path) => output.inputs[path]?.bytesInOutput !== 0)
  )
  writeFileSync(outfile.replace(/\.\w+$/, ".licenses.txt"), licences(root, inputs))
}

// Builds both packages from nothing: ESM, declarations and maps into each `dist`, and the command into one file.
import { execFileSync } from "node:child_process"
import { rmSync } from "node:fs"
import { bundleCli } from "./bundleCli.ts"

const packages = ["packages/core", "packages/node"]

// The build info lives in `dist`: left behind without its output, `tsc -b` would emit nothing.
for (const path of packages) rmSync(`${path}/dist`, { recursive: true, force: true })
execFileSync("tsc", ["-b", ...packages], { stdio: "inherit" })
// In the place of what the compiler made of the same entry.
rmSync("packages/node/dist/cli", { recursive: true })
await bundleCli(process.cwd(), "packages/node/dist/cli/hub-auth.js")

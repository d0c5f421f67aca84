// Builds both packages from nothing: ESM, declarations and maps into each `dist`.
import { execFileSync } from "node:child_process"
import { rmSync } from "node:fs"

const packages = ["packages/core", "packages/node"]

// The build info lives in `dist`: left behind without its output, `tsc -b` would emit nothing.
for (const path of packages) rmSync(`${path}/dist`, { recursive: true, force: true })
execFileSync("tsc", ["-b", ...packages], { stdio: "inherit" })

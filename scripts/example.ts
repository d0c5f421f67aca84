// Runs one example by its name, or lists them all.
import { spawnSync } from "node:child_process"
import { existsSync, readdirSync, readFileSync } from "node:fs"

const [name] = process.argv.slice(2)
const file = (example: string): string => `examples/${example}.ts`

if (name !== undefined && /^[a-z-]+$/.test(name) && existsSync(file(name))) {
  process.exitCode = spawnSync("tsx", [file(name)], { stdio: "inherit" }).status ?? 1
} else {
  const names = readdirSync("examples").filter((entry) => entry.endsWith(".ts") && entry !== "start.ts")
  if (name !== undefined) console.error(`There is no example "${name}".\n`)
  console.log("Examples, each run with: npx -y pnpm@12.21.0 example <name>\n")
  for (const entry of names) {
    const [lesson = ""] = readFileSync(`examples/${entry}`, "utf8").split("\n")
    console.log(`  ${entry.slice(0, -".ts".length).padEnd(22)} ${lesson.replace(/^\/\/ /, "")}`)
  }
  process.exitCode = name === undefined ? 0 : 1
}

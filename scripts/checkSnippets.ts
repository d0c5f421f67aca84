// Checks the types of every code block a reader may paste: those of the READMEs and of the docstrings' examples.
import { execFileSync } from "node:child_process"
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"

// Inside `examples`, so that the blocks see the packages as a program of a user's does.
const folder = "examples/.snippets"

const blocks = (text: string): ReadonlyArray<string> =>
  [...text.matchAll(/^```ts\n(.*?)^```/gms)].map(([, code = ""]) => code)

const withoutStars = (source: string): string => source.replace(/^ *\* ?/gm, "")

const documents = ["README.md", "packages/core/README.md", "packages/node/README.md"]
const sources = ["packages/core/src", "packages/node/src"].flatMap((root) =>
  readdirSync(root, { recursive: true, encoding: "utf8" })
    .map((path) => `${root}/${path}`)
    .filter((path) => path.endsWith(".ts"))
)

rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })

let count = 0
for (const file of [...documents, ...sources]) {
  const text = readFileSync(file, "utf8")
  for (const code of blocks(file.endsWith(".md") ? text : withoutStars(text))) {
    // The file's name is in the compiler's complaint, so it tells where the block stands.
    writeFileSync(
      `${folder}/${file.replaceAll("/", "-").replace(/\.[a-z]+$/, "")}-${count++}.ts`,
      `${code}\nexport {}\n`
    )
  }
}

writeFileSync(
  `${folder}/tsconfig.json`,
  JSON.stringify({ extends: "../tsconfig.json", compilerOptions: { noUnusedLocals: false }, include: ["*.ts"] })
)
execFileSync("tsc", ["-p", folder], { stdio: "inherit" })
console.log(`${count} snippets compile`)
rmSync(folder, { recursive: true })

// What may not stand on the command line: a secret, since every user of the machine can see it there and shells keep it.

const WITH_VALUE: ReadonlySet<string> = new Set([
  "--username",
  "-u",
  "--code",
  "--port",
  "--log-level",
  "--completions"
])

const SECRET_OPTION =
  /^--?(p|pass|passwd|password|pat|oat|token|access-token|bearer|secret|totp|totp-secret|seed)(=|$)/i

/** An access token of Docker's, or a JWT. */
const SECRET_VALUE = /dckr_[a-z]+_|eyJ[\w-]+\.[\w-]/

const INSTEAD =
  "a secret on the command line can be seen by every user of this machine and stays in the shell's history; " +
  "type it when you are asked, pipe it to hub-auth login --password-stdin, or set DOCKERHUB_PASSWORD or DOCKERHUB_TOKEN"

/** Why these arguments are refused, without a word of what they hold; undefined when they are not. */
export const refusal = (argv: ReadonlyArray<string>): string | undefined => {
  const wordy = argv.some((argument) => SECRET_VALUE.test(argument))
  if (wordy) return `One of the arguments is a token, and is not used: ${INSTEAD}.`
  let expectsValue = false
  let commands = 0
  for (const argument of argv) {
    if (expectsValue) {
      expectsValue = false
      continue
    }
    const name = argument.split("=", 1)[0] ?? ""
    if (SECRET_OPTION.test(argument)) return `There is no option ${name}: ${INSTEAD}.`
    if (argument.startsWith("-")) {
      if (WITH_VALUE.has(name)) expectsValue = !argument.includes("=")
      // What is none of ours may be a secret run together with an option, as in -phunter2.
      else if (!/^(--[a-z-]+|-h)$/.test(argument))
        return `There is no such option (it is not repeated, for it may hold a secret); see hub-auth --help.`
    } else if (++commands > 1) {
      return `There is an argument too many (it is not repeated, for it may be a secret): ${INSTEAD}.`
    }
  }
  return undefined
}

// DockerConfigError: why Docker's credentials could not be had or kept. It never holds a word of what was read.
import * as Schema from "effect/Schema"

const Reason = Schema.Literal(
  "NoEntry",
  "IdentityToken",
  "NotJson",
  "Malformed",
  "TooLarge",
  "Unreadable",
  "Unwritable",
  "HelperMissing",
  "HelperNotExecutable",
  "HelperTimedOut",
  "HelperOutput",
  "HelperFailed"
)

type Reason = typeof Reason.Type

/** What happened and what to do. `detail` is always a phrase of ours. */
const sentences: { readonly [R in Reason]: (source: string, detail: string) => string } = {
  NoEntry: (source) => `There are no credentials for Docker Hub in ${source}; run "docker login".`,
  IdentityToken: (source) =>
    `${source} has only an identity token for Docker Hub, which opens the registry and not Docker Hub's API; run "docker login" with a user name and an access token.`,
  NotJson: (source) => `${source} is not JSON; correct it, or move it away and run "docker login".`,
  Malformed: (source, detail) =>
    `${source} is not as Docker writes it: ${detail}; correct it, or move it away and run "docker login".`,
  TooLarge: (source, detail) => `${source} is larger than ${detail} and was not read; check what it is.`,
  Unreadable: (source, detail) => `${source} cannot be read: ${detail}; check that it is a file you may read.`,
  Unwritable: (source, detail) => `${source} was left as it was, for it cannot be written: ${detail}.`,
  HelperMissing: (source) =>
    `Docker's configuration names the credential helper ${source}, which is not on the PATH (or names an interpreter that is missing); install it, or take it out of the configuration.`,
  HelperNotExecutable: (source) =>
    `The credential helper ${source} is on the PATH but may not be executed; make it executable (chmod +x).`,
  HelperTimedOut: (source, detail) =>
    `The credential helper ${source} did not finish within ${detail} and was stopped; unlock its keychain, or allow more with DockerConfig.withHelperTimeout.`,
  HelperOutput: (source, detail) =>
    `The credential helper ${source} ${detail}; what it printed may hold a secret and is not shown: check that it is a Docker credential helper.`,
  HelperFailed: (source, detail) => `The credential helper ${source} failed: ${detail}.`
}

/**
 * Docker's credentials could not be read or kept. `source` is the file, the variable or the helper program it is about.
 *
 * | `reason` | when |
 * |---|---|
 * | `NoEntry` | nothing is stored for Docker Hub |
 * | `IdentityToken` | what is stored is good for the registry only |
 * | `NotJson`, `Malformed`, `TooLarge`, `Unreadable` | the file or the variable cannot be understood, or not be read |
 * | `Unwritable` | `store` or `erase` could not replace the file; the old one is intact |
 * | `HelperMissing`, `HelperNotExecutable` | the helper could not be started |
 * | `HelperTimedOut` | it did not finish in time and was killed |
 * | `HelperOutput` | it printed something else than credentials, or too much |
 * | `HelperFailed` | it reported a failure, or was killed by somebody else |
 *
 * @since 0.1.0
 * @category errors
 */
export class DockerConfigError extends Schema.TaggedError<DockerConfigError>(
  "@effect-dockerhub/node/DockerConfigError"
)("DockerConfigError", {
  reason: Reason,
  /** The file, the variable or the program it is about. */
  source: Schema.String,
  /** More of the reason; never anything that was read. */
  detail: Schema.String
}) {
  override get message(): string {
    return sentences[this.reason](this.source, this.detail)
  }
}

export const problem = (reason: Reason, source: string, detail = ""): DockerConfigError =>
  new DockerConfigError({ reason, source, detail })

// The command's own ways to fail, beside those of the library.
import * as Data from "effect/Data"

/** The arguments make no sense together, or a value is missing that nobody can be asked for. */
export class UsageError extends Data.TaggedError("UsageError")<{ readonly message: string }> {}

/** There is no session, or one that cannot be renewed here. */
export class NotLoggedIn extends Data.TaggedError("NotLoggedIn")<{ readonly reason: string }> {
  override get message(): string {
    return `Not logged in: ${this.reason}; run hub-auth login, or set DOCKERHUB_USERNAME with DOCKERHUB_PASSWORD or DOCKERHUB_TOKEN.`
  }
}

/** The emulator could not listen. */
export class EmulatorNotStarted extends Data.TaggedError("EmulatorNotStarted")<{ readonly port: number }> {
  override get message(): string {
    return `The emulator cannot listen on port ${this.port} of 127.0.0.1; is it taken? Choose another with --port, or leave it out.`
  }
}

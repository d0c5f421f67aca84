// What all commands have: their two options, and the store.
import * as Options from "@effect/cli/Options"

export const json: Options.Options<boolean> = Options.boolean("json").pipe(
  Options.withDescription("Print JSON, also for a failure (on stderr)")
)

export const verbose: Options.Options<boolean> = Options.boolean("verbose").pipe(
  Options.withDescription("Say on stderr what is done; never a secret")
)

// Where a program of this machine keeps state that is neither configuration nor a cache.
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Either from "effect/Either"
import { homedir } from "node:os"
import * as Path from "node:path"

/** The directory for `name`, by the customs of the system. A relative path in a variable is ignored, as XDG demands. */
export const stateDirectory = (name: string, platform: NodeJS.Platform = process.platform): Config.Config<string> =>
  Config.all([
    absolute("XDG_STATE_HOME"),
    platform === "win32" ? absolute("LOCALAPPDATA") : Config.succeed(""),
    absolute(platform === "win32" ? "USERPROFILE" : "HOME")
  ]).pipe(
    Config.mapOrFail(([xdg, local, home]) => {
      const known = xdg === "" ? local : xdg
      if (known !== "") return Either.right(Path.join(known, name))
      return Either.map(home === "" ? homeOfUser() : Either.right(home), (found) =>
        Path.join(found, ...below(platform), name)
      )
    })
  )

const below = (platform: NodeJS.Platform): ReadonlyArray<string> => {
  if (platform === "darwin") return ["Library", "Application Support"]
  return platform === "win32" ? ["AppData", "Local"] : [".local", "state"]
}

const absolute = (variable: string): Config.Config<string> =>
  Config.string(variable).pipe(
    Config.withDefault(""),
    Config.map((path) => (Path.isAbsolute(path) ? path : ""))
  )

/** A service may run without HOME; the system's list of users has it. It throws for a user who is not in the list. */
const homeOfUser = (): Either.Either<string, ConfigError.ConfigError> =>
  Either.try({
    try: () => homedir(),
    catch: () => ConfigError.MissingData(["HOME"], "there is no home directory; set HOME or XDG_STATE_HOME")
  })

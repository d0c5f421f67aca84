// hub-auth logout: forget the token and who it was for.
import * as SessionStore from "@effect-dockerhub/core/SessionStore"
import * as Command from "@effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as NodeSessionStore from "../../NodeSessionStore.ts"
import { result } from "../output.ts"
import * as RememberedLogin from "../rememberedLogin.ts"
import * as Who from "../who.ts"
import { json, verbose } from "./shared.ts"

const run = ({ json }: { readonly json: boolean }) =>
  Effect.gen(function* () {
    const store = yield* SessionStore.SessionStore
    const remembered = yield* Who.remembered
    const login = yield* Who.whoever
    // All of them: one that nobody remembers any more would stay for ever.
    const keys = yield* Who.storedKeys
    for (const key of new Set([...keys, ...[login, remembered].flatMap(Option.toArray).map(({ key }) => key)])) {
      // After a login of another process that is under way, whose token would else come back.
      yield* store.exclusively(key)(store.remove(key))
    }
    if (Option.isSome(remembered)) yield* Who.forget
    if (RememberedLogin.isInEnvironment(process.env)) {
      yield* Console.error(
        "hub-auth: the environment still has credentials (DOCKERHUB_…), and hub-auth token still works."
      )
    }
    yield* Option.match(login, {
      onNone: () =>
        result(json, keys.length === 0 ? "Nobody was logged in." : "Forgot what was stored.", { account: null }),
      onSome: ({ account, baseUrl }) => result(json, `Logged out ${account} at ${baseUrl}.`, { account, baseUrl })
    })
  })

export const logout = Command.make("logout", { json, verbose }, run).pipe(
  Command.provide(NodeSessionStore.layer),
  Command.withDescription("Forget the token on this machine")
)

// HubEmulator: a Docker Hub in memory, for tests of programs that log in to one.

import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import type { ConnectionReset, Fault } from "./Fault.ts"
import type * as HubOptions from "./HubOptions.ts"
import * as App from "./internal/app.ts"
import * as Check from "./internal/check.ts"
import * as Directory from "./internal/directory.ts"
import * as FaultQueue from "./internal/faultQueue.ts"
import * as Hub from "./internal/hub.ts"
import * as InMemoryClient from "./internal/inMemoryClient.ts"
import type * as RequestLog from "./internal/requestLog.ts"
import { show } from "./internal/requestLog.ts"
import type * as Routes from "./internal/routes.ts"
import * as Settings from "./internal/settings.ts"

/**
 * Who lives in the emulated Hub and how it behaves; see `HubOptions` for every field and its default.
 *
 * @since 0.1.0
 * @category models
 */
export type Options = HubOptions.Options

/**
 * A personal account, its secrets and its second factor.
 *
 * @since 0.1.0
 * @category models
 */
export type AccountOptions = HubOptions.AccountOptions

/**
 * An organization and its access tokens.
 *
 * @since 0.1.0
 * @category models
 */
export type OrganizationOptions = HubOptions.OrganizationOptions

/**
 * A repository, public or private, and its tags.
 *
 * @since 0.1.0
 * @category models
 */
export type RepositoryOptions = HubOptions.RepositoryOptions

/**
 * The endpoints that faults and recorded requests distinguish.
 *
 * @since 0.1.0
 * @category models
 */
export type Route = Routes.Route

/**
 * One request that reached the emulator, its secrets replaced by aliases.
 *
 * @since 0.1.0
 * @category models
 */
export type RecordedRequest = RequestLog.RecordedRequest

/**
 * A running emulator.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /** The emulator as an app: what `HubEmulatorServer` puts on a port. A reset fault fails it with `ConnectionReset`. */
  readonly httpApp: HttpApp.Default<ConnectionReset>
  /**
   * The emulator as a client: every request, to whatever host, is answered in the caller's fiber; redirects are not
   * followed.
   */
  readonly httpClient: HttpClient.HttpClient
  /** What was asked so far, in order of arrival. */
  readonly requests: Effect.Effect<ReadonlyArray<RecordedRequest>>
  /** Forgets the recorded requests; aliases stay what they were. */
  readonly clearRequests: Effect.Effect<void>
  /**
   * The next `times` (default 1, may be `Infinity`) requests to `route` (default any) get this fault. Faults are taken
   * in the order in which they were added, each request taking the first that fits it.
   */
  readonly enqueue: (
    fault: Fault,
    options?: { readonly route?: Route | undefined; readonly times?: number | undefined }
  ) => Effect.Effect<void>
  /** Forgets the faults still to come. */
  readonly clearFaults: Effect.Effect<void>
  /**
   * The code that this account's authenticator app would show now, by the server's clock. Dies for an account without
   * one.
   */
  readonly code: (username: string) => Effect.Effect<string>
  /** Adds an account, or replaces the one of that name (a changed password, a new seed). Its bearers stay good. */
  readonly addAccount: (account: AccountOptions) => Effect.Effect<void>
  /** Adds an organization, or replaces the one of that name. */
  readonly addOrganization: (organization: OrganizationOptions) => Effect.Effect<void>
  readonly addRepository: (repository: RepositoryOptions) => Effect.Effect<void>
  /**
   * Makes a PAT, an OAT or a bearer worthless. Bearers made from a PAT before live on to their end, as a signed token
   * does: `expireTokens` ends them. Dies when the emulator never knew the secret.
   */
  readonly revoke: (secret: string | Redacted.Redacted<string>) => Effect.Effect<void>
  /** Ends every bearer of an account or organization, so that its next call gets 401. */
  readonly expireTokens: (owner: string) => Effect.Effect<void>
  /** Lifts the lock that failed logins have put on an account. */
  readonly unlock: (username: string) => Effect.Effect<void>
}

/**
 * The emulator of the program at hand.
 *
 * @since 0.1.0
 * @category services
 */
export class HubEmulator extends Context.Tag("@effect-dockerhub/core/testing/HubEmulator")<HubEmulator, Service>() {}

/**
 * Builds an emulator; throws at once, with a sentence, when the options cannot be.
 *
 * @example
 * ```ts
 * import { HubEmulator } from "@effect-dockerhub/core/testing"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   const hub = yield* HubEmulator.make({ accounts: [{ username: "ada", password: "correct horse" }] })
 *   const response = yield* hub.httpClient.get("https://hub.docker.com/v2/user/")
 *   return response.status // 401
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options = {}): Effect.Effect<Service> => {
  const settings = Settings.make(options)
  Directory.check(options, settings)
  return Effect.gen(function* () {
    const hub = yield* Hub.make(options, settings)
    const faults = FaultQueue.make()
    let entries: Array<RequestLog.Entry> = []
    const httpApp = App.make(hub, faults, (entry) => void entries.push(entry))
    return {
      httpApp,
      httpClient: InMemoryClient.make(httpApp),
      requests: Effect.sync(() => entries.map((entry) => show(entry, hub.secrets))),
      clearRequests: Effect.sync(() => {
        entries = []
      }),
      enqueue: (fault, options) => {
        const times = Check.limit("times of a fault", options?.times ?? 1)
        return Effect.sync(() => faults.add(fault, options?.route, times))
      },
      clearFaults: Effect.sync(faults.clear),
      code: (username) => code(hub, username),
      addAccount: (account) => {
        Directory.checkAccount(account, settings)
        return hub.directory.addAccount(account)
      },
      addOrganization: (organization) => {
        Directory.checkOrganization(organization)
        return hub.directory.addOrganization(organization)
      },
      addRepository: (repository) => {
        Directory.checkRepository(repository)
        return hub.directory.addRepository(repository)
      },
      revoke: (secret) => revoke(hub, Check.secret("the secret to revoke", secret)),
      expireTokens: (owner) => Effect.sync(() => hub.bearers.expire(owner)),
      unlock: (username) => Effect.sync(() => hub.lockout.unlock(username))
    }
  })
}

/**
 * The emulator, and an `HttpClient` that reaches nothing else; no socket is opened.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options = {}): Layer.Layer<HubEmulator | HttpClient.HttpClient> =>
  Layer.effectContext(
    Effect.map(make(options), (service) =>
      Context.make(HubEmulator, service).pipe(Context.add(HttpClient.HttpClient, service.httpClient))
    )
  )

const code = (hub: Hub.Hub, username: string): Effect.Effect<string> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) =>
    Option.match(
      Option.flatMap(hub.directory.account(username), (account) => account.codes),
      {
        onNone: () =>
          Effect.dieMessage(`The emulator has no account ${JSON.stringify(username)} with two-factor authentication.`),
        onSome: (codes) => {
          const shown = codes.at(now + hub.settings.clockOffsetMillis)
          hub.secrets.learn(shown)
          return Effect.succeed(shown)
        }
      }
    )
  )

const revoke = (hub: Hub.Hub, secret: string): Effect.Effect<void> =>
  Effect.suspend(() =>
    hub.directory.revoke(secret) || hub.bearers.revoke(secret)
      ? Effect.void
      : Effect.dieMessage("The emulator knows no such PAT, OAT or bearer, so it cannot be revoked.")
  )

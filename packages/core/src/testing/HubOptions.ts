// HubOptions: who lives in the emulated Hub, and how it behaves where the real one is uncertain.

import type * as Duration from "effect/Duration"
import type * as Redacted from "effect/Redacted"
import type { RetryAfterFormat } from "./Fault.ts"
import type { HubAnswers } from "./HubAnswers.ts"

/**
 * A personal account.
 *
 * @since 0.1.0
 * @category models
 */
export interface AccountOptions {
  /** Compared without regard to case. */
  readonly username: string
  readonly password: string | Redacted.Redacted<string>
  /**
   * Default `<username>@example.com`. Not accepted as a user name: the spec says to log in by Docker ID (hub-api.md
   * §5).
   */
  readonly email?: string | undefined
  /** A base32 seed. Given, the account has two-factor authentication; the password alone then gets a challenge. */
  readonly totpSecret?: string | Redacted.Redacted<string> | undefined
  /** How codes are made. Default six digits, 30 s, SHA-1: what Hub's own seeds use (hub-api.md §5). */
  readonly totp?: TotpOptions | undefined
  readonly personalAccessTokens?: ReadonlyArray<PersonalAccessTokenOptions> | undefined
  /** Its organization enforces SSO, so the password is refused (hub-api.md §5). Default false. */
  readonly ssoEnforced?: boolean | undefined
  /** The password is right but must be renewed first (hub-api.md §8). Default false. */
  readonly passwordResetRequired?: boolean | undefined
}

/**
 * The parameters of RFC 6238.
 *
 * @since 0.1.0
 * @category models
 */
export interface TotpOptions {
  readonly digits?: 6 | 7 | 8 | undefined
  /** Whole seconds. */
  readonly period?: number | undefined
  readonly algorithm?: "SHA1" | "SHA256" | "SHA512" | undefined
}

/**
 * A personal access token; it needs no second factor.
 *
 * @since 0.1.0
 * @category models
 */
export interface PersonalAccessTokenOptions {
  readonly token: string | Redacted.Redacted<string>
  /** Default `["repo:admin"]`. `repo:public_read` alone shows no private repository (hub-api.md §5). */
  readonly scopes?: ReadonlyArray<string> | undefined
  readonly label?: string | undefined
}

/**
 * An organization; it has no password, only tokens.
 *
 * @since 0.1.0
 * @category models
 */
export interface OrganizationOptions {
  readonly name: string
  readonly accessTokens?: ReadonlyArray<OrganizationAccessTokenOptions> | undefined
}

/**
 * An organization access token.
 *
 * @since 0.1.0
 * @category models
 */
export interface OrganizationAccessTokenOptions {
  readonly token: string | Redacted.Redacted<string>
  /**
   * Default `["scope-repository-list", "scope-image-pull"]`. Without the first, private repositories are left out of a
   * list without a word (hub-api.md §2b; the scope's name is from Docker's access token reference).
   */
  readonly scopes?: ReadonlyArray<string> | undefined
  readonly label?: string | undefined
}

/**
 * A repository of an account or an organization.
 *
 * @since 0.1.0
 * @category models
 */
export interface RepositoryOptions {
  readonly namespace: string
  readonly name: string
  /** Default false. */
  readonly private?: boolean | undefined
  /** Default `["latest"]`. */
  readonly tags?: ReadonlyArray<string> | undefined
}

/**
 * How a challenge for the second factor behaves; none of this is documented (hub-api.md §8).
 *
 * @since 0.1.0
 * @category models
 */
export interface ChallengeOptions {
  /** Default 401: what vendor code expects; one client was written against 200 (hub-api.md §5). */
  readonly status?: 401 | 200 | undefined
  /** Default 5 minutes: the spec says only "short time lived". */
  readonly lifetime?: Duration.DurationInput | undefined
  /**
   * Whether a wrong code leaves it usable. Default false, the stricter: a program that copes with it copes with both.
   */
  readonly survivesWrongCode?: boolean | undefined
  /** How many wrong codes it survives at most, where it survives any. Default 5. */
  readonly attemptLimit?: number | undefined
}

/**
 * Which codes of the second factor are taken.
 *
 * @since 0.1.0
 * @category models
 */
export interface CodeOptions {
  /** Default `"refused"`, as RFC 6238 §5.2 asks; Hub accepted a code twice in 2021 (hub-api.md §2b). */
  readonly reuse?: "refused" | "accepted" | undefined
  /** How many steps a code may be early or late. Default 1, as RFC 6238 §5.2 recommends. */
  readonly tolerance?: number | undefined
}

/**
 * The lock on an account after too many failures (hub-api.md §3): by user name, and the right secret fails as well.
 *
 * @since 0.1.0
 * @category models
 */
export interface LockoutOptions {
  /**
   * Failures since the last success, wrong codes included, that lock the account. Default 5: the true number is not
   * known.
   */
  readonly failures?: number | undefined
  /** Default 10 minutes (a Docker employee, 2022). */
  readonly duration?: Duration.DurationInput | undefined
  /** Default `"none"`: the only capture, of 2016, had no `Retry-After`. */
  readonly retryAfter?: RetryAfterFormat | undefined
}

/**
 * The limit on all requests (hub-api.md §3).
 *
 * **Details**
 *
 * Hub counts by client address; in memory there is none, so the emulator has one window for everybody.
 *
 * @since 0.1.0
 * @category models
 */
export interface RateLimitOptions {
  /** Default 180, the only number ever seen. */
  readonly limit?: number | undefined
  /** Default 1 minute. */
  readonly window?: Duration.DurationInput | undefined
  /**
   * Whether the login routes carry `X-RateLimit-*`. Default true: the limiter is in front of every route (assumed, §8).
   */
  readonly headersOnLogin?: boolean | undefined
  /** Default `"seconds"`, the format documented since 2025-06; `"epoch"` was seen in 2025-05. */
  readonly retryAfter?: RetryAfterFormat | undefined
}

/**
 * Everything the emulator can be told; every field has a default.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly accounts?: ReadonlyArray<AccountOptions> | undefined
  readonly organizations?: ReadonlyArray<OrganizationOptions> | undefined
  readonly repositories?: ReadonlyArray<RepositoryOptions> | undefined
  /**
   * How far the server's clock is ahead of ours; a negative number of milliseconds puts it behind. It shifts `Date`,
   * the times in tokens, and codes alike. Default 0.
   */
  readonly clockOffset?: Duration.DurationInput | undefined
  /** Of bearers of `/v2/auth/token`. Default 10 minutes, documented (hub-api.md §4). */
  readonly tokenLifetime?: Duration.DurationInput | undefined
  /** Of bearers of the two login routes. Default that of `tokenLifetime`: today's is undocumented (hub-api.md §8). */
  readonly loginTokenLifetime?: Duration.DurationInput | undefined
  readonly challenge?: ChallengeOptions | undefined
  readonly codes?: CodeOptions | undefined
  /** `false`: never. */
  readonly lockout?: LockoutOptions | false | undefined
  /** `false`: none, and no headers. */
  readonly rateLimit?: RateLimitOptions | false | undefined
  /** A separate limit on requests to the login routes. Default none: it is undocumented (hub-api.md §3). */
  readonly loginQuota?: { readonly limit: number; readonly window: Duration.DurationInput } | undefined
  /**
   * What `/v2/auth/token` answers to the right password of a 2FA account (hub-api.md §8, no capture). Default
   * `"challenge"`, as its sister route does.
   */
  readonly passwordWithTwoFactor?: "challenge" | "unauthorized" | "token" | undefined
  /**
   * OATs at `/v2/users/login`. Default `"refused"` (2025-02); a client of 2026-04 documents the contrary (hub-api.md
   * §8).
   */
  readonly organizationTokenAtLogin?: "refused" | "accepted" | undefined
  /** Wording and status of any refusal. */
  readonly answers?: Partial<HubAnswers> | undefined
  /**
   * `POST /v2/logout` (undocumented). Default `"accepted"`: it says so and the bearer lives on, since short-lived JWTs
   * are hardly revocable; `"revokes"` ends it, `"absent"` is a 404 (hub-api.md §8).
   */
  readonly logout?: "accepted" | "revokes" | "absent" | undefined
  /**
   * For which logins `?refresh_token=true` brings a `refresh_token`. Default `"always"`; `"two-factor"` is only after a
   * second factor, `"never"` ignores the query (hub-api.md §8).
   */
  readonly refreshToken?: "always" | "two-factor" | "never" | undefined
  /** Whether tokens have `sub`. Default false: the capture has none (hub-api.md §4). */
  readonly subject?: boolean | undefined
  /** Default `"string"`, as captured; other Docker issuers use an array (hub-api.md §4). */
  readonly audience?: "string" | "array" | undefined
  /**
   * A key of 32 characters or more with which tokens are signed, HS256.
   *
   * By default the third part of a token is random: the emulator knows its own tokens by heart, and WebCrypto signs on
   * another thread, so a program under `TestClock` could miss an `adjust` that happens meanwhile. Give a key only to
   * something that verifies signatures.
   */
  readonly signingKey?: string | Redacted.Redacted<string> | undefined
  /**
   * Default `"accepted"`: working scripts use `/v2/users/login/` (hub-api.md §1). `"not-found"` is strict, save for
   * `/v2/user/` and `/v2/logout/`, which are known by that slash.
   */
  readonly trailingSlashes?: "accepted" | "not-found" | undefined
}

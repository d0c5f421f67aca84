// HubAnswers: every refusal of the emulator, word for word, so that each can be exchanged.

/**
 * One refusal: its status and its body, a string (sent as text) or a JSON value.
 *
 * @since 0.1.0
 * @category models
 */
export interface Answer {
  readonly status: number
  readonly body: unknown
}

/**
 * The refusals by name; those whose wording is not known for sure (hub-api.md §8) are marked as assumed.
 *
 * @since 0.1.0
 * @category models
 */
export interface HubAnswers {
  /** A wrong password, or an unknown account, at `/v2/users/login` (§2b, known). */
  readonly wrongPassword: Answer
  /** A wrong or revoked PAT at `/v2/users/login` (§2b: this text in 2022, `{"detail":"unauthorized"}` in 2021). */
  readonly wrongPersonalAccessToken: Answer
  /** A wrong or reused code (§2b, only an example of the spec). */
  readonly wrongCode: Answer
  /** A challenge that is unknown, expired or used up (§8, assumed to look like a wrong code). */
  readonly deadChallenge: Answer
  /** A wrong secret at `/v2/auth/token` (§8, assumed: the gateway's envelope). */
  readonly wrongSecret: Answer
  /**
   * What `/v2/auth/token` says to the password of a 2FA account under `passwordWithTwoFactor: "unauthorized"` (§8,
   * assumed).
   */
  readonly passwordNotAccepted: Answer
  /**
   * The text beside a challenge; the emulator adds `login_2fa_token` (§2b, known). Its status is `challenge.status`.
   */
  readonly challenge: Answer
  /** The right password of an account whose organization enforces SSO (§8, assumed: the registry's wording). */
  readonly ssoEnforced: Answer
  /** The right password of an account that must set a new one (§8, nothing known). */
  readonly passwordResetRequired: Answer
  /** An OAT or an organization's name at `/v2/users/login` (§2b, body known, status likely). */
  readonly organizationLogin: Answer
  /** A body without its fields, or with fields that are no strings (§8, assumed). */
  readonly missingField: Answer
  /** An empty body (§2b, the text is known, its key is not). */
  readonly emptyBody: Answer
  /** A body that is no JSON object (assumed). */
  readonly malformedBody: Answer
  /** A body that does not call itself `application/json` (§1 requires it; the answer is assumed). */
  readonly unsupportedMediaType: Answer
  /** An account that is locked after too many failures (§8; the wording is from 2016). */
  readonly lockedOut: Answer
  /** Too many requests (§8, status and headers known, body not). */
  readonly rateLimited: Answer
  /** Too many logins, when `loginQuota` is set (§8). */
  readonly loginQuotaExceeded: Answer
  /** A bearer that is missing where one is needed, junk, revoked, or a raw PAT or OAT (§2b, known). */
  readonly invalidBearer: Answer
  /** A bearer past its time (§2b, the text is known, its key is not). */
  readonly expiredBearer: Answer
  /** A route closed to PAT-JWTs (§2b, the newest of five wordings). */
  readonly personalAccessTokenForbidden: Answer
  /** A route closed to OAT-JWTs (§2b, known). */
  readonly organizationAccessTokenForbidden: Answer
  /** A repository that does not exist or is not the caller's to see; also an unknown path (assumed). */
  readonly notFound: Answer
  /** A known path with another method (assumed). */
  readonly methodNotAllowed: Answer
}

const detail = (status: number, text: string): Answer => ({ status, body: { detail: text } })

const message = (status: number, text: string): Answer => ({ status, body: { message: text, errinfo: {} } })

/**
 * The wording used unless `Options.answers` says otherwise.
 *
 * @since 0.1.0
 * @category constructors
 */
export const defaults: HubAnswers = {
  wrongPassword: detail(401, "Incorrect authentication credentials"),
  wrongPersonalAccessToken: detail(401, "Incorrect authentication credentials"),
  wrongCode: detail(401, "Incorrect authentication credentials"),
  deadChallenge: detail(401, "Incorrect authentication credentials"),
  wrongSecret: message(401, "unauthorized"),
  passwordNotAccepted: message(401, "unauthorized"),
  challenge: detail(401, "Require secondary authentication on MFA enabled account"),
  ssoEnforced: detail(401, "unauthorized: please use personal access token to login when SSO is enforced"),
  passwordResetRequired: detail(401, "Password reset required"),
  organizationLogin: detail(401, "Cannot log into an organization account"),
  missingField: detail(400, "malformed request: missing required field"),
  emptyBody: detail(400, "malformed request: EOF"),
  malformedBody: detail(400, "malformed request: invalid JSON"),
  unsupportedMediaType: detail(415, "Unsupported media type in request."),
  lockedOut: detail(429, "Too many failed login attempts. Try again later or contact support."),
  rateLimited: message(429, "too many requests"),
  loginQuotaExceeded: detail(429, "Too many login attempts."),
  invalidBearer: message(401, "unauthorized"),
  expiredBearer: message(401, "Token is expired"),
  personalAccessTokenForbidden: message(403, "token issued from personal access token is not allowed"),
  organizationAccessTokenForbidden: message(403, "token issued from organization access token is not allowed"),
  notFound: message(404, "object not found"),
  methodNotAllowed: detail(405, "Method not allowed.")
}

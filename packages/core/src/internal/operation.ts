// The three operations of Docker Hub's authentication, as the ways in which they differ: path, answer, refusal, repeats.
import type { LoginError, TwoFactorLoginError } from "../AuthError.ts"
import { InvalidCredentials, InvalidTwoFactorCode, TwoFactorRequired, UnexpectedResponse } from "../AuthError.ts"
import type { TwoFactorChallenge } from "../TwoFactorChallenge.ts"

export interface Operation<E> {
  readonly name: "login" | "twoFactorLogin" | "createAccessToken"
  readonly path: string
  /** The field of a 200 that carries the bearer. */
  readonly tokenField: "token" | "access_token"
  /** What a 401 means. */
  readonly refused: (detail: string) => E
  /** What an answer that carries a challenge means. */
  readonly challenged: (challenge: TwoFactorChallenge, status: number, detail: string) => E
  /** Whether sending it again can do no harm. A 2FA code may be spent by a request whose answer was lost. */
  readonly repeatable: boolean
}

/** `PostUsersLogin` */
export const login: Operation<LoginError> = {
  name: "login",
  path: "/v2/users/login",
  tokenField: "token",
  refused: (detail) => new InvalidCredentials({ detail }),
  challenged: (challenge, _, detail) => new TwoFactorRequired({ challenge, detail }),
  repeatable: true
}

/** `PostUsers2FALogin` */
export const twoFactorLogin: Operation<TwoFactorLoginError> = {
  name: "twoFactorLogin",
  path: "/v2/users/2fa-login",
  tokenField: "token",
  refused: (detail) => new InvalidTwoFactorCode({ detail }),
  challenged: (_, status) =>
    new UnexpectedResponse({ status, reason: "a challenge was answered with another challenge" }),
  repeatable: false
}

/** `AuthCreateAccessToken` */
export const createAccessToken: Operation<LoginError> = {
  ...login,
  name: "createAccessToken",
  path: "/v2/auth/token",
  tokenField: "access_token"
}

// What the command exits with, for each way to fail.

/** Grouped by who can help: 1x the person, 2x Docker Hub or the network, 3x this machine. */
export const exitCodes = {
  InvalidCredentials: 10,
  TwoFactorRequired: 11,
  InvalidTwoFactorCode: 12,
  SecondFactorUnavailable: 13,
  AccessDenied: 14,
  NotLoggedIn: 15,
  RateLimited: 20,
  EdgeBlocked: 21,
  ServiceUnavailable: 22,
  TransportFailure: 23,
  RequestTimedOut: 24,
  UnexpectedResponse: 25,
  ConfigError: 30,
  DockerConfigError: 31,
  SessionStoreError: 32,
  EmulatorNotStarted: 33
} as const

/** A way to fail that has a code of its own. */
export type Tag = keyof typeof exitCodes

/** A mistake in the program itself. */
export const UNEXPECTED = 1

/** The arguments are not understood, or one was refused. */
export const USAGE = 2

/** Ctrl-C, or a signal. */
export const INTERRUPTED = 130

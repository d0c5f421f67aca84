// The options of the HTTP layer, checked: one place for what is given in code and what is read from Config.
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { checkKey, readCertificates } from "./certificates.ts"
import type { Identity } from "./certificates.ts"
import { LOOPBACK, parseProxy } from "./proxy.ts"
import type { Proxy } from "./proxy.ts"

/** What can be given, under the name of what can be wrong with it. Durations from Config are any text. */
export interface Given {
  readonly httpProxy?: string | Redacted.Redacted<string> | undefined
  readonly httpsProxy?: string | Redacted.Redacted<string> | undefined
  readonly noProxy?: ReadonlyArray<string> | undefined
  readonly ca?: string | undefined
  readonly certificate?: string | undefined
  readonly key?: string | Redacted.Redacted<string> | undefined
  readonly passphrase?: string | Redacted.Redacted<string> | undefined
  readonly maxConnections?: number | undefined
  readonly keepAlive?: Duration.DurationInput | string | undefined
  readonly connectTimeout?: Duration.DurationInput | string | undefined
  readonly headersTimeout?: Duration.DurationInput | string | undefined
  readonly bodyTimeout?: Duration.DurationInput | string | undefined
}

export type Field = keyof Given

/** What the user knows each field by. */
export type Names = Readonly<Record<Field, string>>

/** A field that cannot be, and a whole sentence that says why, without its value where that may be a secret. */
export interface Problem {
  readonly field: Field
  readonly sentence: string
}

/** Times are whole milliseconds, 0 is without end; what is undefined is left to undici and the platform. */
export interface HttpSettings {
  readonly httpProxy: Option.Option<Proxy>
  readonly httpsProxy: Option.Option<Proxy>
  readonly noProxy: ReadonlyArray<string>
  readonly ca: ReadonlyArray<string>
  readonly identity: Identity | undefined
  readonly maxConnections: number | undefined
  /** Here 0 is not at all. */
  readonly keepAlive: number | undefined
  readonly connectTimeout: number
  readonly headersTimeout: number | undefined
  readonly bodyTimeout: number | undefined
}

export const checkSettings = (given: Given, names: Names): Either.Either<HttpSettings, Problem> => {
  const at = <A>(field: Field, checked: Either.Either<A, string>): Either.Either<A, Problem> =>
    Either.mapLeft(checked, (problem) => ({ field, sentence: `${names[field]} ${problem}` }))
  return Either.gen(function* () {
    return {
      httpProxy: yield* at("httpProxy", proxy(given.httpProxy)),
      httpsProxy: yield* at("httpsProxy", proxy(given.httpsProxy)),
      noProxy: given.noProxy ?? LOOPBACK,
      ca: yield* at("ca", given.ca === undefined ? Either.right([]) : readCertificates(given.ca)),
      identity: yield* identity(given, names, at),
      maxConnections: yield* at("maxConnections", connections(given.maxConnections)),
      keepAlive: yield* at("keepAlive", keepAlive(given.keepAlive)),
      connectTimeout: (yield* at("connectTimeout", timeout(given.connectTimeout))) ?? 10_000,
      headersTimeout: yield* at("headersTimeout", timeout(given.headersTimeout)),
      bodyTimeout: yield* at("bodyTimeout", timeout(given.bodyTimeout))
    }
  })
}

const proxy = (url: Given["httpProxy"]): Either.Either<Option.Option<Proxy>, string> =>
  url === undefined ? Either.right(Option.none()) : Either.map(parseProxy(reveal(url).trim()), Option.some)

const identity = (
  { certificate, key, passphrase }: Given,
  names: Names,
  at: <A>(field: Field, checked: Either.Either<A, string>) => Either.Either<A, Problem>
): Either.Either<Identity | undefined, Problem> =>
  Either.gen(function* () {
    if (certificate === undefined && key === undefined) return undefined
    if (certificate === undefined) return yield* at("certificate", Either.left(`is missing: ${names.key} is given`))
    yield* at("certificate", readCertificates(certificate))
    if (key === undefined) {
      return yield* at(
        "key",
        Either.left(`is missing: ${names.certificate} is given; where one file holds both, name it twice`)
      )
    }
    const found: Identity = {
      certificate,
      key: Redacted.make(reveal(key)),
      passphrase: passphrase === undefined ? undefined : Redacted.make(reveal(passphrase))
    }
    yield* at("key", checkKey(found, names))
    return found
  })

const connections = (count: number | undefined): Either.Either<number | undefined, string> =>
  count === undefined || (Number.isSafeInteger(count) && count > 0)
    ? Either.right(count)
    : Either.left("must be a whole number of at least 1")

const keepAlive = (input: Given["keepAlive"]): Either.Either<number | undefined, string> =>
  Either.map(duration(input), (time) => time && millis(time))

const timeout = (input: Given["connectTimeout"]): Either.Either<number | undefined, string> =>
  Either.flatMap(duration(input), (time) => {
    if (time === undefined) return Either.right(time)
    if (Duration.isZero(time)) return Either.left("must be longer than zero")
    return Either.right(Duration.isFinite(time) ? millis(time) : 0)
  })

const duration = (input: Given["keepAlive"]): Either.Either<Duration.Duration | undefined, string> =>
  input === undefined
    ? Either.right(input)
    : Either.fromOption(
        Option.filter(Duration.decodeUnknown(input), () => !isNegative(input)),
        () => 'must be a duration that is not negative, such as "10 seconds"'
      )

/** Effect reads NaN and everything negative as zero; here they are mistakes. */
const isNegative = (input: Duration.DurationInput | string): boolean => {
  if (Duration.isDuration(input)) return false
  if (typeof input === "string") return input.trimStart().startsWith("-")
  return (Array.isArray(input) ? input : [input]).some((part) => !(part >= 0))
}

/** A timer of Node's that is longer fires at once. */
const LONGEST = 2 ** 31 - 1

const millis = (time: Duration.Duration): number => Math.min(LONGEST, Math.ceil(Duration.toMillis(time)))

const reveal = (secret: string | Redacted.Redacted<string>): string =>
  typeof secret === "string" ? secret : Redacted.value(secret)

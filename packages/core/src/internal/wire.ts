// The JSON of Docker Hub's authentication API, as schemas: what we send and what may come back (hub-api.md §1, §2).
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

export const LoginRequest = Schema.Struct({
  username: Schema.String,
  password: Schema.Redacted(Schema.String)
})

export const TwoFactorLoginRequest = Schema.Struct({
  login_2fa_token: Schema.Redacted(Schema.String),
  code: Schema.Redacted(Schema.String)
})

export const AccessTokenRequest = Schema.Struct({
  identifier: Schema.String,
  secret: Schema.Redacted(Schema.String)
})

/** A field that is no string is as good as absent: Hub's three error envelopes differ, and `errinfo` may be an object. */
const text = Schema.optional(
  Schema.UndefinedOr(Schema.String).annotations({ decodingFallback: () => Either.right(undefined) })
)

/** Every field that any of Hub's answers may carry. */
export const Answer = Schema.Struct({
  token: text,
  access_token: text,
  login_2fa_token: text,
  detail: text,
  message: text,
  error: text
})

export type Answer = typeof Answer.Type

/** A body as an answer; none when it is not a JSON object. */
export const decodeAnswer = Schema.decodeUnknownOption(Schema.parseJson(Answer))

/** Whether a body is JSON at all, an object or not. */
export const isJson: (body: string) => boolean = (body) => Option.isSome(parse(body))
const parse = Schema.decodeUnknownOption(Schema.parseJson())

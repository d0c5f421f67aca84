// TwoFactorChallenge: what Docker Hub hands out when a right password is not enough, to be answered with a code.
import * as Data from "effect/Data"
import type * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { nonEmpty, NonEmptySecret } from "./internal/secret.ts"

const Fields = Schema.Struct({
  value: NonEmptySecret,
  account: Schema.Option(Schema.String),
  serverTime: Schema.Option(Schema.DateTimeUtc)
})

/**
 * The `login_2fa_token` of one login, as an opaque secret. Docker calls it "short time lived" and says no more.
 *
 * @since 0.1.0
 * @category models
 */
export class TwoFactorChallenge extends Data.Class<{
  /** The challenge itself. */
  readonly value: Redacted.Redacted<string>
  /** The account it was issued to, as `HubAuth` keeps its holds; none for a challenge that was stored elsewhere. */
  readonly account: Option.Option<string>
  /** The server's clock when it was issued: what a TOTP code should be computed by. */
  readonly serverTime: Option.Option<DateTime.Utc>
}> {
  /**
   * A challenge that was kept elsewhere, between the two requests of one login. Throws a `TypeError` when empty.
   *
   * @since 0.1.0
   */
  static make(value: string | Redacted.Redacted<string>): TwoFactorChallenge {
    return new TwoFactorChallenge({
      value: nonEmpty("challenge", value),
      account: Option.none(),
      serverTime: Option.none()
    })
  }

  /**
   * Its schema. The encoded form holds the challenge in clear: encode only towards a trusted peer.
   *
   * @since 0.1.0
   */
  static readonly schema: Schema.Schema<TwoFactorChallenge, typeof Fields.Encoded> = Schema.transform(
    Fields,
    Schema.instanceOf(TwoFactorChallenge),
    { strict: true, decode: (fields) => new TwoFactorChallenge(fields), encode: (challenge) => challenge }
  ).annotations({
    // Schema's own sentence would print what failed, and that may be the challenge.
    message: () => ({ message: "Expected a challenge: { value, account, serverTime }", override: true })
  })
}

// What a context really holds of a reference, which on its own always has a value.
import * as Context from "effect/Context"

/** The service a context holds; `otherwise`, and not the reference's default, where it holds none. */
export const heldBy = <I, S>(context: Context.Context<never>, reference: Context.Reference<I, S>, otherwise: S): S =>
  Context.get(Context.merge(Context.make(reference, otherwise), context), reference)

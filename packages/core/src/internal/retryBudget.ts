// The retry budget: a token bucket that ends a retry storm, since repeats are taken from it and only successes refill it.
import * as Option from "effect/Option"
import type * as HubPolicy from "../HubPolicy.ts"

export interface RetryBudget {
  /** Take the cost of one repeat; none, and nothing taken, when there is too little left. */
  readonly take: (afterTimeout: boolean) => Option.Option<number>
  /** A success: give back what its repeats took, or a little where it needed none. */
  readonly refund: (taken: number) => void
}

export const make = ({ capacity, retryCost, timeoutCost }: HubPolicy.Service["retryBudget"]): RetryBudget => {
  let left = capacity
  return {
    take: (afterTimeout) => {
      const cost = afterTimeout ? timeoutCost : retryCost
      if (cost > left) return Option.none()
      left -= cost
      return Option.some(cost)
    },
    refund: (taken) => {
      left = Math.min(capacity, left + (taken > 0 ? taken : 1))
    }
  }
}

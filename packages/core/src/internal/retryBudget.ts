// The retry budget: a token bucket that ends a retry storm, since repeats are taken from it and only successes refill it.
import type * as HubPolicy from "../HubPolicy.ts"

export interface RetryBudget {
  /** Take the cost of one repeat; false, and nothing taken, when there is too little left. */
  readonly take: (cost: number) => boolean
  /** A success: give back what its repeats took, or a little where it needed none. */
  readonly refund: (taken: number) => void
}

export const make = ({ capacity }: HubPolicy.Service["retryBudget"]): RetryBudget => {
  let left = capacity
  return {
    take: (cost) => {
      if (cost > left) return false
      left -= cost
      return true
    },
    refund: (taken) => {
      left = Math.min(capacity, left + (taken > 0 ? taken : 1))
    }
  }
}

// RateWindow: counts requests in a fixed window.

export interface Taken {
  readonly limit: number
  readonly remaining: number
  readonly resetAtMillis: number
  readonly exceeded: boolean
}

export interface RateWindow {
  readonly take: (nowMillis: number) => Taken
}

export const make = (limit: number, windowMillis: number): RateWindow => {
  let resetAtMillis = -Infinity
  let count = 0
  return {
    take: (nowMillis) => {
      if (nowMillis >= resetAtMillis) {
        resetAtMillis = nowMillis + windowMillis
        count = 0
      }
      count += 1
      return { limit, remaining: Math.max(0, limit - count), resetAtMillis, exceeded: count > limit }
    }
  }
}

// FaultQueue: the faults still to come, each for a route and a number of requests, first come first served.

import * as Option from "effect/Option"
import type { Fault } from "../Fault.ts"
import type { Route } from "./routes.ts"

export interface FaultQueue {
  readonly add: (fault: Fault, route: Route | undefined, times: number) => void
  readonly take: (route: Route) => Option.Option<Fault>
  readonly clear: () => void
}

export const make = (): FaultQueue => {
  let queue: ReadonlyArray<{ readonly fault: Fault; readonly route: Route | undefined; readonly times: number }> = []
  return {
    add: (fault, route, times) => {
      queue = [...queue, { fault, route, times }]
    },
    take: (route) => {
      const index = queue.findIndex((each) => each.route === undefined || each.route === route)
      const found = queue[index]
      if (found === undefined) return Option.none()
      const rest = found.times > 1 ? [{ ...found, times: found.times - 1 }] : []
      queue = [...queue.slice(0, index), ...rest, ...queue.slice(index + 1)]
      return Option.some(found.fault)
    },
    clear: () => {
      queue = []
    }
  }
}

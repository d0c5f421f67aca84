// The server's clock against ours, in milliseconds.

/** `Date` has whole seconds and an answer takes its time: a smaller difference is none. */
const LEAST_SKEW = 2000

/** The server's clock minus ours; 0 where the difference means nothing. */
export const skew = (theirs: number, ours: number): number => (Math.abs(theirs - ours) < LEAST_SKEW ? 0 : theirs - ours)

// The testing entry point: Docker Hub in memory, and the faults it can be told to have.

/**
 * @since 0.1.0
 */
export * as Faults from "./Faults.ts"

/**
 * @since 0.1.0
 */
export * as HubEmulator from "./HubEmulator.ts"

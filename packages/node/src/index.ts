// What effect-dockerhub needs of Node: every module under its own name.
export * as DockerConfig from "./DockerConfig.ts"
export * as HubEmulatorServer from "./HubEmulatorServer.ts"
export * as NodeHub from "./NodeHub.ts"
export * as NodeHubHttp from "./NodeHubHttp.ts"
export * as NodeSecondFactor from "./NodeSecondFactor.ts"
export * as NodeSessionStore from "./NodeSessionStore.ts"

// What effect-dockerhub needs of Node: every module under its own name.
export * as NodeHubHttp from "./NodeHubHttp.ts"

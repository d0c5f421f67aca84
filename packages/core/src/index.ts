// Docker Hub's login and two-factor login as typed Effect programs: every module under its own name.
export * as AccessToken from "./AccessToken.ts"
export * as AuthError from "./AuthError.ts"
export * as Credentials from "./Credentials.ts"
export * as HubAuth from "./HubAuth.ts"
export * as HubConfig from "./HubConfig.ts"
export * as HubPolicy from "./HubPolicy.ts"
export * as RateLimit from "./RateLimit.ts"
export * as SecondFactor from "./SecondFactor.ts"

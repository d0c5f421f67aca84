// Directory: who the emulated Hub knows, with what secrets, and what repositories they have.

import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { AccountOptions, Options, OrganizationOptions, RepositoryOptions } from "../HubOptions.ts"
import * as Check from "./check.ts"
import * as Identifier from "./identifier.ts"
import * as OneTimeCodes from "./oneTimeCodes.ts"
import type { Settings } from "./settings.ts"

export interface AccessSecret {
  readonly id: string
  readonly scopes: ReadonlyArray<string>
}

export interface Account {
  readonly username: string
  readonly email: string
  readonly uuid: string
  readonly password: string
  readonly ssoEnforced: boolean
  readonly passwordResetRequired: boolean
  readonly codes: Option.Option<OneTimeCodes.OneTimeCodes>
  readonly accessTokens: Map<string, AccessSecret>
}

export interface Organization {
  readonly name: string
  readonly uuid: string
  readonly accessTokens: Map<string, AccessSecret>
}

export interface Repository {
  readonly namespace: string
  readonly name: string
  readonly private: boolean
  readonly tags: ReadonlyArray<string>
}

export interface Directory {
  readonly account: (username: string) => Option.Option<Account>
  readonly organization: (name: string) => Option.Option<Organization>
  readonly repositories: (namespace: string) => ReadonlyArray<Repository>
  readonly addAccount: (account: AccountOptions) => Effect.Effect<void>
  readonly addOrganization: (organization: OrganizationOptions) => Effect.Effect<void>
  readonly addRepository: (repository: RepositoryOptions) => Effect.Effect<void>
  /** Forgets a PAT or an OAT; false when there is none. */
  readonly revoke: (secret: string) => boolean
}

/** Names are case-insensitive on Hub. */
export const key = (name: string): string => name.trim().toLowerCase()

/** Throws for options that cannot be, before anything is built from them. */
export const check = (options: Options, settings: Settings): void => {
  const names = new Set<string>()
  const claim = (name: string) => {
    if (names.has(key(name))) throw new TypeError(`the name ${JSON.stringify(name)} is given twice.`)
    names.add(key(name))
  }
  for (const account of options.accounts ?? []) {
    checkAccount(account, settings)
    claim(account.username)
  }
  for (const organization of options.organizations ?? []) {
    checkOrganization(organization)
    claim(organization.name)
  }
  for (const repository of options.repositories ?? []) checkRepository(repository)
}

export const checkAccount = (account: AccountOptions, settings: Settings): void => {
  Check.text("username of an account", account.username)
  Check.secret(`password of the account ${JSON.stringify(account.username)}`, account.password)
  OneTimeCodes.make(account, settings.codes)
  for (const each of account.personalAccessTokens ?? []) Check.secret("a personal access token", each.token)
}

export const checkOrganization = (organization: OrganizationOptions): void => {
  Check.text("name of an organization", organization.name)
  for (const each of organization.accessTokens ?? []) Check.secret("an organization access token", each.token)
}

export const checkRepository = (repository: RepositoryOptions): void => {
  Check.text("namespace of a repository", repository.namespace)
  Check.text("name of a repository", repository.name)
}

export const make = (options: Options, settings: Settings, learn: (secret: string) => void): Effect.Effect<Directory> =>
  Effect.gen(function* () {
    const accounts = new Map<string, Account>()
    const organizations = new Map<string, Organization>()
    const repositories: Array<Repository> = []

    const directory: Directory = {
      account: (username) => Option.fromNullable(accounts.get(key(username))),
      organization: (name) => Option.fromNullable(organizations.get(key(name))),
      repositories: (namespace) => repositories.filter((each) => key(each.namespace) === key(namespace)),
      addAccount: (account) =>
        Effect.gen(function* () {
          const password = Check.secret("password", account.password)
          learn(password)
          if (account.totpSecret !== undefined) learn(Check.secret("totpSecret", account.totpSecret))
          accounts.set(key(account.username), {
            username: account.username.trim(),
            email: account.email ?? `${key(account.username)}@example.com`,
            uuid: yield* Identifier.uuid,
            password,
            ssoEnforced: account.ssoEnforced ?? false,
            passwordResetRequired: account.passwordResetRequired ?? false,
            codes: OneTimeCodes.make(account, settings.codes),
            accessTokens: yield* accessSecrets(account.personalAccessTokens, ["repo:admin"], learn)
          })
        }),
      addOrganization: (organization) =>
        Effect.gen(function* () {
          organizations.set(key(organization.name), {
            name: organization.name.trim(),
            uuid: yield* Identifier.uuid,
            accessTokens: yield* accessSecrets(
              organization.accessTokens,
              ["scope-repository-list", "scope-image-pull"],
              learn
            )
          })
        }),
      addRepository: (repository) =>
        Effect.sync(() => {
          repositories.push({
            namespace: key(repository.namespace),
            name: repository.name,
            private: repository.private ?? false,
            tags: repository.tags ?? ["latest"]
          })
        }),
      revoke: (secret) => {
        let found = false
        for (const owner of [...accounts.values(), ...organizations.values()]) {
          found = owner.accessTokens.delete(secret) || found
        }
        return found
      }
    }

    yield* Effect.forEach(options.accounts ?? [], directory.addAccount)
    yield* Effect.forEach(options.organizations ?? [], directory.addOrganization)
    yield* Effect.forEach(options.repositories ?? [], directory.addRepository)
    return directory
  })

const accessSecrets = (
  given: AccountOptions["personalAccessTokens"],
  scopes: ReadonlyArray<string>,
  learn: (secret: string) => void
): Effect.Effect<Map<string, AccessSecret>> =>
  Effect.map(
    Effect.forEach(given ?? [], (each) =>
      Effect.map(Identifier.uuid, (id) => {
        const secret = Check.secret("an access token", each.token)
        learn(secret)
        return [secret, { id, scopes: each.scopes ?? scopes }] as const
      })
    ),
    (entries) => new Map<string, AccessSecret>(entries)
  )

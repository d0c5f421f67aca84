// Certificates and keys in PEM form: checked before they are used, so that what is wrong is said in a sentence.
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import { createPrivateKey, X509Certificate } from "node:crypto"
import type { KeyObject } from "node:crypto"
import { readFileSync } from "node:fs"
import * as Tls from "node:tls"

/** A client certificate and its key. */
export interface Identity {
  /** The certificate first, then those that issued it. */
  readonly certificate: string
  readonly key: Redacted.Redacted<string>
  readonly passphrase: Redacted.Redacted<string> | undefined
}

/** The certificates of a PEM text, or what is wrong with it. */
export const readCertificates = (pem: string): Either.Either<ReadonlyArray<string>, string> => {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  if (blocks.length === 0) {
    return Either.left(
      "must hold certificates in PEM form (-----BEGIN CERTIFICATE-----); `openssl x509 -inform der` makes it of a DER file"
    )
  }
  return Either.try({
    try: () => blocks.filter((block) => new X509Certificate(block).raw.length > 0),
    catch: () => "holds a certificate that cannot be read: export it again, in PEM form"
  })
}

/** What is wrong with the key of a client certificate. No sentence has a word of the key or its passphrase. */
export const checkKey = (
  { certificate, key, passphrase }: Identity,
  names: { readonly certificate: string; readonly passphrase: string }
): Either.Either<void, string> => {
  const pem = Redacted.value(key)
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem)) {
    return Either.left("must hold a private key in PEM form (-----BEGIN PRIVATE KEY-----)")
  }
  return Either.try({
    try: () => createPrivateKey({ key: pem, ...(passphrase && { passphrase: Redacted.value(passphrase) }) }),
    catch: () => unreadable(pem, passphrase !== undefined, names.passphrase)
  }).pipe(
    Either.filterOrLeft(
      (privateKey) => belongs(certificate, privateKey),
      () => `does not belong to the first certificate of ${names.certificate}`
    ),
    Either.map(() => undefined)
  )
}

const belongs = (certificate: string, key: KeyObject): boolean => new X509Certificate(certificate).checkPrivateKey(key)

const unreadable = (pem: string, hasPassphrase: boolean, passphrase: string): string => {
  if (!/ENCRYPTED/.test(pem)) return "holds a private key that cannot be read: export it again, in PEM form"
  return hasPassphrase
    ? `cannot be decrypted: ${passphrase} is not its passphrase`
    : `is encrypted: give its passphrase as ${passphrase}`
}

/** What TLS needs beyond Node's own; made once: to parse the roots takes some 20 ms. */
export const secureContext = (
  ca: ReadonlyArray<string>,
  identity: Identity | undefined
): { readonly secureContext?: Tls.SecureContext } => {
  if (ca.length === 0 && identity === undefined) return {}
  return {
    secureContext: Tls.createSecureContext({
      ...(ca.length > 0 && { ca: [...roots(), ...ca] }),
      ...(identity && { cert: identity.certificate, key: Redacted.value(identity.key) }),
      ...(identity?.passphrase && { passphrase: Redacted.value(identity.passphrase) })
    })
  }
}

/** A `ca` replaces all that Node trusts by itself, so that is put in again. */
const roots = (): ReadonlyArray<string> => {
  // From Node 22.15 on, with all that its flags and variables add; the types are those of Node 20.
  const { getCACertificates } = Tls as { readonly getCACertificates?: (type: "default") => ReadonlyArray<string> }
  return getCACertificates?.("default") ?? [...Tls.rootCertificates, ...extraRoots()]
}

/** Node warns of a file that it cannot read, and goes on. */
const extraRoots = (): ReadonlyArray<string> =>
  Either.try(() => readFileSync(process.env["NODE_EXTRA_CA_CERTS"] ?? "", "utf8")).pipe(
    Either.flatMap(readCertificates),
    Either.getOrElse(() => [])
  )

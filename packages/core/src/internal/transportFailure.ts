// From what an HTTP layer threw to a TransportFailure: only a code is read, nothing of the original is kept.
import type * as HttpClientError from "@effect/platform/HttpClientError"
import * as Predicate from "effect/Predicate"
import { TransportFailure } from "../AuthError.ts"

type Reason = TransportFailure["reason"]

/**
 * Error codes of Node, undici, zlib and OpenSSL on a connection that was made, or nearly; first match wins. `sent` is false only where the code proves that the
 * connection was never made, or never trusted.
 */
const table: ReadonlyArray<{ readonly codes: RegExp; readonly reason: Reason; readonly sent: boolean }> = [
  {
    codes:
      /^(CERT_\w+|DEPTH_ZERO_\w+|SELF_SIGNED_\w+|UNABLE_TO_\w+|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_EXCEEDED|ERR_TLS_CERT_\w+)$/,
    reason: "Tls",
    sent: false
  },
  { codes: /^ERR_PROXY_TUNNEL$/, reason: "Proxy", sent: false },
  { codes: /^(EPROTO|ERR_SSL_\w+|ERR_TLS_\w+)$/, reason: "Tls", sent: true },
  { codes: /^(HPE_\w+|HTTPParserError|Z_\w+|UND_ERR_HEADERS_OVERFLOW)$/, reason: "Decode", sent: true },
  {
    codes:
      /^(ECONNRESET|ECONNABORTED|EPIPE|ETIMEDOUT|ERR_STREAM_PREMATURE_CLOSE|UND_ERR_SOCKET|UND_ERR_(HEADERS|BODY)_TIMEOUT|UND_ERR_RES_CONTENT_LENGTH_MISMATCH)$/,
    reason: "Reset",
    sent: true
  }
]

/** undici names a proxy that refuses a tunnel by its sentence alone. */
const PROXY_REFUSAL = /^Proxy response \(\d+\)/

export const failureOf = (error: HttpClientError.HttpClientError): TransportFailure => {
  const causes = causesOf(error.cause)
  if (causes.some(isConnecting)) return new TransportFailure({ reason: "Connect", sent: false })
  if (causes.some((cause) => PROXY_REFUSAL.test(cause.message))) {
    return new TransportFailure({ reason: "Proxy", sent: false })
  }
  for (const { codes, reason, sent } of table) {
    if (causes.some((cause) => codes.test(cause.code))) return new TransportFailure({ reason, sent })
  }
  if (error._tag === "ResponseError") return new TransportFailure({ reason: "Reset", sent: true })
  // A request that could not even be built was not sent.
  return new TransportFailure({ reason: "Unknown", sent: error.reason === "Transport" })
}

interface Fault {
  readonly code: string
  readonly syscall: string
  readonly message: string
}

/** Codes that come from nothing but the making of a connection; other layers than Node's name no system call. */
const CONNECTING = /^(ECONNREFUSED|ENOTFOUND|EAI_\w+|UND_ERR_CONNECT_TIMEOUT)$/

const isConnecting = ({ code, syscall }: Fault): boolean =>
  syscall === "connect" || syscall === "getaddrinfo" || CONNECTING.test(code)

/** An error and what caused it: fetch wraps the one that matters. A chain of ours is never deep; a longer one is a loop. */
const causesOf = (cause: unknown, depth = 0): ReadonlyArray<Fault> => {
  if (!Predicate.isRecord(cause) || depth > 5) return []
  // One failure for each address of a host: the whole has the code of the first and says nothing of the others.
  const parts = Array.isArray(cause["errors"]) ? cause["errors"].flatMap((part) => causesOf(part, depth + 1)) : []
  if (parts.length > 0) return parts.every(isConnecting) ? parts : parts.filter((part) => !isConnecting(part))
  // undici's parser has no code for some of its complaints, only a name.
  const fault = {
    code: text(cause["code"]) || text(cause["name"]),
    syscall: text(cause["syscall"]),
    message: text(cause["message"])
  }
  return [fault, ...causesOf(cause["cause"], depth + 1)]
}

const text = (value: unknown): string => (typeof value === "string" ? value : "")

// Docker's own Hub, for which what `docker login` saved is meant.

export const DOCKERS_HUB = "https://hub.docker.com"

/**
 * Whether a Hub may be sent the credentials that `docker login` saved: Docker's own, and one on this machine, such as the
 * emulator. Never another, whatever `DOCKERHUB_URL` says: a line in a project's `.env` must not carry the password away.
 */
export const mayHaveDockersCredentials = (baseUrl: URL): boolean =>
  baseUrl.origin === DOCKERS_HUB || /^(localhost|\[::1\]|127(\.\d+){3})$/.test(baseUrl.hostname)

/** The tickets that a client holds in memory, by service. */
import type { Credential } from '../formats/credential.js';
import { formatPrincipal, type Principal } from '../formats/principal.js';

/** Tickets that end within this many seconds are not handed out any more. */
const LEAST_LIFE_SECONDS = 60;

export class Tickets {
  readonly #byServer = new Map<string, Credential>();

  /** Keeps a ticket, in place of an older one for the same server. */
  add(credential: Credential, requested: Principal = credential.server): void {
    this.#byServer.set(formatPrincipal(credential.server), credential);
    this.#byServer.set(formatPrincipal(requested), credential);
  }

  /** A ticket for `server` that is valid at `now` (seconds since 1970). An empty realm matches any. */
  find(server: Principal, now: number): Credential | undefined {
    const exact = this.#byServer.get(formatPrincipal(server));
    if (exact !== undefined) return isUsable(exact, now) ? exact : undefined;
    if (server.realm !== '') return undefined;
    for (const credential of this.#byServer.values()) {
      if (sameComponents(credential.server, server) && isUsable(credential, now)) return credential;
    }
    return undefined;
  }

  clear(): void {
    for (const credential of this.#byServer.values()) credential.sessionKey.wipe();
    this.#byServer.clear();
  }
}

function isUsable(credential: Credential, now: number): boolean {
  return credential.startTime <= now + LEAST_LIFE_SECONDS && credential.endTime > now + LEAST_LIFE_SECONDS;
}

function sameComponents(a: Principal, b: Principal): boolean {
  return (
    a.components.length === b.components.length && a.components.every((part, i) => part === b.components[i])
  );
}

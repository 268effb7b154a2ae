/** The tickets that a client holds in memory, by service. */
import type { Key } from '../crypto/key.js';
import type { Credential } from '../formats/credential.js';
import { formatPrincipal, type Principal } from '../formats/principal.js';

/** Former keys are looked through when there are this many, and then twice as many as were left. */
const LEAST_SWEEP = 64;

export class Tickets {
  /** By the name on the ticket, by the name asked for, and by the name without a realm. */
  readonly #byServer: Map<string, Credential> = new Map();
  /** Keys of tickets that are here no more; somebody may still be using them. */
  #former: WeakRef<Key>[] = [];
  #sweepAt = LEAST_SWEEP;
  #wiped = false;

  /**
   * Keeps a ticket, in place of an older one for the same server. Once `wipe` was called, its key is wiped instead.
   * @returns whether it was kept
   */
  add(credential: Credential, requested: Principal = credential.server): boolean {
    if (this.#wiped) {
      credential.sessionKey.wipe();
      return false;
    }
    this.#set(formatPrincipal(credential.server), credential);
    this.#set(formatPrincipal(requested), credential);
    if (credential.server.realm === credential.client.realm) this.#setForAnyRealm(credential);
    return true;
  }

  /**
   * The ticket for `server`, valid or not. A name without realm finds a ticket of the client's own realm, or the one that
   * came of asking under that name: not one that was asked for in another realm by its name.
   */
  find(server: Principal): Credential | undefined {
    return this.#byServer.get(formatPrincipal(server));
  }

  /** Drops the ticket for `server`, under all its names. Whether there was one. */
  remove(server: Principal): boolean {
    const credential = this.find(server);
    if (credential === undefined) return false;
    for (const [name, other] of this.#byServer) if (other === credential) this.#byServer.delete(name);
    this.#retire(credential);
    return true;
  }

  /** Wipes the session keys of all tickets that were ever here, and forgets them. */
  wipe(): void {
    this.#wiped = true;
    for (const { sessionKey } of this.#byServer.values()) sessionKey.wipe();
    for (const key of this.#former) key.deref()?.wipe();
    this.#byServer.clear();
    this.#former = [];
  }

  #setForAnyRealm(credential: Credential): void {
    const name = withoutRealm(credential.server);
    const other = this.#byServer.get(name);
    if (other === undefined || other.endTime <= credential.endTime) this.#set(name, credential);
  }

  #set(name: string, credential: Credential): void {
    const former = this.#byServer.get(name);
    this.#byServer.set(name, credential);
    if (former !== undefined && former !== credential) this.#retire(former);
  }

  #retire({ sessionKey }: Credential): void {
    this.#former.push(new WeakRef(sessionKey));
    if (this.#former.length < this.#sweepAt) return;
    this.#former = this.#former.filter((key) => key.deref() !== undefined);
    this.#sweepAt = Math.max(LEAST_SWEEP, 2 * this.#former.length);
  }
}

function withoutRealm(server: Principal): string {
  return formatPrincipal({ ...server, realm: '' });
}

/**
 * The addresses of a host name, through the system's resolver.
 */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { HostAddress } from './kdcServer.js';

/** Finds the addresses of a host name, best first. */
export type Lookup = (host: string) => Promise<readonly HostAddress[]>;

/**
 * The host's addresses in the order of the system's resolver; an address stands for itself.
 * Rejects with the resolver's error.
 */
export async function lookupHost(host: string): Promise<readonly HostAddress[]> {
  const family = isIP(host);
  if (family !== 0) return [{ address: host, family: family === 6 ? 6 : 4 }];
  const found = await lookup(host, { all: true });
  return found.map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4 }));
}

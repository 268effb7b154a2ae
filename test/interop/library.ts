/** Clients of the library for the MIT realm of the harness. */
import { readFileSync } from 'node:fs';
import type { MitClient } from '../../scripts/realServers/index.mjs';
import { systemEnvironment } from '../../src/client/system.js';
import {
  type Client,
  type ClientOptions,
  type Environment,
  fromKeytab,
  fromPassword,
  type Krb5Config,
  parseConfig,
} from '../../src/index.js';
import { servers } from './servers.js';

/** The configuration that MIT's programs use, with `more` in front of its [libdefaults]. */
export function configOf(kdc: MitClient & { krb5Conf: string }, more = ''): Krb5Config {
  return parseConfig(`[libdefaults]\n${more}\n${readFileSync(kdc.krb5Conf, 'utf8')}`);
}

/** A client of the shared realm by password; the realm's own password unless given. */
export function passwordClient(
  user: string,
  options: ClientOptions & { password?: string; libdefaults?: string } = {},
): Client {
  const { realm } = servers();
  const { password = realm.users[user] ?? '', libdefaults, ...rest } = options;
  return fromPassword(user, password, { config: configOf(realm, libdefaults), ...rest });
}

/** The client of the keytab user. */
export function keytabClient(options: ClientOptions = {}): Promise<Client> {
  const { realm } = servers();
  return fromKeytab({
    config: configOf(realm),
    keytab: realm.keytabs.user,
    principal: realm.keytabUser,
    ...options,
  });
}

/**
 * A client's clock that can be put ahead of the machine's, so that tickets end without waiting for it; KDCs take up to 300
 * seconds.
 */
export function movableClock(): Environment & { aheadSeconds: number } {
  const { nowMs, randomBytes } = systemEnvironment();
  const clock = { aheadSeconds: 0, nowMs: () => nowMs() + clock.aheadSeconds * 1000, randomBytes };
  return clock;
}

/** What `promise` rejects with. */
export async function failure(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('it should have failed');
}

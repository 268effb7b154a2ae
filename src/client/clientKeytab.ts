/**
 * The client keytab, with which a program logs in by itself when nobody did or the tickets near their end, as MIT krb5's
 * GSS-API does (MIT krb5, "Client keytab" and the note `refresh_time` in caches).
 */
import { utf8, utf8Text } from '../bytes.js';
import { KerberosError } from '../errors.js';
import type { AsResult } from '../exchange/as.js';
import { keytabPath } from '../formats/ccacheName.js';
import type { KeytabEntry } from '../formats/keytab.js';
import { krbtgtPrincipal, type Principal, samePrincipal } from '../formats/principal.js';
import type { CredentialCacheStore } from '../stores/cacheStore.js';
import { principalOf } from '../stores/cacheStore.js';
import { readKeytabFile } from '../stores/fileKeytab.js';
import { loginContents } from './loginContents.js';
import { RefusalPause } from './refusalPause.js';

/** Logs in and gives what to store. */
export type KeytabLogin = (principal: Principal, entries: readonly KeytabEntry[]) => Promise<AsResult>;

/**
 * `login`, but after a refusal at most once an hour, unless the keytab has other keys by then; meanwhile it rejects with
 * that refusal.
 */
export function cautiousLogin(login: KeytabLogin, nowSeconds: () => number): KeytabLogin {
  const pause = new RefusalPause();
  let tried = '';
  return async (principal, entries) => {
    const versions = entries.map(({ kvno, key, timestamp }) => `${kvno} ${key.etype} ${timestamp}`).join();
    if (versions !== tried) pause.lift();
    tried = versions;
    const refusal = pause.current(nowSeconds());
    if (refusal !== undefined) throw refusal;
    try {
      return await login(principal, entries);
    } catch (error) {
      pause.failed(error, nowSeconds());
      throw error;
    }
  };
}

/** Note about the whole cache: when to log in again, seconds since 1970 in decimal. */
const REFRESH_TIME = 'refresh_time';
/** A ticket that ends within this is replaced; after a failure it is not tried again for as long. */
const SOON_SECONDS = 30;

/**
 * Logs in with the client keytab `name` if the cache is missing, or if it is this principal's and due. The new ticket
 * replaces the cache's contents. A login that fails while the old tickets are still good is no error.
 * @returns whether there was a login
 * @throws what `login` throws when there is no cache, or it has ended
 */
export async function refreshFromClientKeytab(
  store: CredentialCacheStore,
  name: string,
  nowSeconds: number,
  login: KeytabLogin,
): Promise<boolean> {
  const entries = await readKeytabFile(keytabPath(name)).catch(() => []);
  try {
    const cached = await principalOf(store);
    const principal = cached ?? entries[0]?.principal;
    if (principal === undefined || !entries.some((entry) => samePrincipal(entry.principal, principal))) {
      return false;
    }
    if (cached === undefined) return await logIn(store, principal, entries, login);
    const due = await stateOf(store, principal, nowSeconds);
    if (due === 'good') return false;
    return await logIn(store, principal, entries, login).catch((error: unknown) => {
      if (due === 'ended' || !(error instanceof KerberosError)) throw error;
      return false;
    });
  } finally {
    for (const { key } of entries) key.wipe();
  }
}

async function logIn(
  store: CredentialCacheStore,
  principal: Principal,
  entries: readonly KeytabEntry[],
  login: KeytabLogin,
): Promise<boolean> {
  const result = await login(principal, entries);
  const { startTime, authTime, endTime, client } = result.credential;
  const start = startTime || authTime;
  const halfway = Math.floor(start + (endTime - start) / 2);
  const contents = loginContents(result);
  const note = { key: REFRESH_TIME, principal: undefined, value: utf8(String(halfway)), position: 1 };
  await store.initialize(client, { ...contents, config: [...contents.config, note] });
  return true;
}

/** `due` tickets can still be used. Who finds them due notes that nobody else need try for the next 30 seconds. */
async function stateOf(
  store: CredentialCacheStore,
  principal: Principal,
  nowSeconds: number,
): Promise<'good' | 'due' | 'ended'> {
  const { credentials, kdcTimeOffset } = await store.read();
  const now = nowSeconds + (kdcTimeOffset?.seconds ?? 0);
  const tgs = krbtgtPrincipal(principal.realm);
  const tgt = credentials.find(({ server }) => samePrincipal(server, tgs)) ?? credentials[0];
  if (tgt === undefined || tgt.endTime <= now) return 'ended';
  const note = await store.config(REFRESH_TIME);
  const refreshAt = note === undefined ? 0 : Number(utf8Text(note));
  if (refreshAt > 0 && refreshAt <= now) {
    await store.setConfig(REFRESH_TIME, utf8(String(Math.floor(now) + SOON_SECONDS))).catch(() => undefined);
    return 'due';
  }
  return tgt.endTime < now + SOON_SECONDS ? 'due' : 'good';
}

/** A client of a credential cache that a client keytab fills, again and again. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { fromCcache, type Key, parsePrincipal, readCcacheFile, writeKeytabFile } from '../../src/index.js';
import { HOUR, type Realm, realm, SERVICE } from './identity.js';

const folder = mkdtempSync(join(tmpdir(), 'krb5-client-keytab-'));
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
const principal = parsePrincipal('alice@EXAMPLE.TEST');
const write = (path: string, kvno: number, key: Key): Promise<void> =>
  writeKeytabFile(path, [{ principal, timestamp: kvno, kvno, key }]);

async function keytabClient(made: Realm) {
  const [ccache, clientKeytab] = [join(folder, `cc${files}`), join(folder, `kt${files++}`)];
  await write(clientKeytab, 1, made.key);
  const client = await fromCcache({ ...made.options, ccache, clientKeytab });
  return { ccache, clientKeytab, client };
}

const logins = ({ asked }: Realm): number => asked.filter((one) => one === 'AS').length;

it('goes on after the end of its tickets', async () => {
  const made = realm();
  const { ccache, client } = await keytabClient(made);
  await client.serviceTicket(SERVICE);
  for (let day = 0; day < 3; day++) {
    made.environment.advance(30 * HOUR * 1000);
    await client.serviceTicket(SERVICE);
  }
  expect(logins(made)).toBe(2 * 4);
  const { credentials } = await readCcacheFile(ccache);
  expect(credentials.every(({ endTime }) => endTime > made.environment.nowMs() / 1000)).toBe(true);
});

it('does not lock the account when the key is refused, and goes on when the keytab has another', async () => {
  const made = realm();
  const { clientKeytab, client } = await keytabClient(made);
  const next = made.kdc.freshKey(18);
  made.kdc.addPrincipal('alice', next);
  made.environment.advance(30 * HOUR * 1000);
  const before = made.kdc.timestamps.length;
  for (let i = 0; i < 50; i++) {
    await expect(client.serviceTicket(SERVICE)).rejects.toMatchObject({ code: 'ERR_TICKET_EXPIRED' });
    made.environment.advance(10_000);
  }
  expect(made.kdc.timestamps.length).toBe(before + 1);
  expect(made.events.some(({ event }) => event === 'ccache.login')).toBe(true);
  await write(clientKeytab, 2, next);
  await client.serviceTicket(SERVICE);
});

/** After a refusal of the key, logins that nobody asked for by name wait: each one may count towards the account's lock. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  fromKeytab,
  KdcError,
  type Key,
  parsePrincipal,
  TransportError,
  writeKeytabFile,
} from '../../src/index.js';
import { HOUR, type Realm, realm, SERVICE } from './identity.js';

const folder = mkdtempSync(join(tmpdir(), 'krb5-client-refusal-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A realm in which alice has another key than her client. */
function refusing(): Realm {
  const made = realm();
  made.kdc.addPrincipal('alice', made.kdc.freshKey(18));
  return made;
}

const REFUSED = { code: 'KDC_ERR_PREAUTH_FAILED' };
const refusalOf = (result: Promise<unknown>): Promise<unknown> => result.catch((error: unknown) => error);
const logins = ({ asked }: Realm): number => asked.filter((one) => one === 'AS').length;

describe('a refusal of the key', () => {
  it('is what a thousand calls get, of which one has asked the KDC', async () => {
    const made = refusing();
    const client = made.client();
    const first = await refusalOf(client.serviceTicket(SERVICE));
    expect(first).toMatchObject(REFUSED);
    const asked = logins(made);
    for (let i = 0; i < 1000; i++) {
      expect(await refusalOf(client.serviceTicket(`${SERVICE}${i % 10}`))).toBe(first);
    }
    expect(await refusalOf(client.ticketGrantingTicket())).toBe(first);
    expect(logins(made)).toBe(asked);
  });

  it('is asked for again after an hour', async () => {
    const made = refusing();
    const client = made.client();
    const first = await refusalOf(client.serviceTicket(SERVICE));
    made.environment.advance((HOUR - 1) * 1000);
    expect(await refusalOf(client.serviceTicket(SERVICE))).toBe(first);
    made.environment.advance(2000);
    const second = await refusalOf(client.serviceTicket(SERVICE));
    expect(second).toMatchObject(REFUSED);
    expect(second).not.toBe(first);
    made.environment.advance((HOUR + 1) * 1000);
    made.kdc.addPrincipal('alice', made.key);
    await client.serviceTicket(SERVICE);
  });

  it('does not keep login() from asking; what that gets counts', async () => {
    const made = refusing();
    const client = made.client();
    const first = await refusalOf(client.serviceTicket(SERVICE));
    const second = await refusalOf(client.login());
    expect(second).toMatchObject(REFUSED);
    expect(second).not.toBe(first);
    expect(await refusalOf(client.serviceTicket(SERVICE))).toBe(second);
    made.kdc.addPrincipal('alice', made.key);
    await client.login();
    await client.serviceTicket(SERVICE);
  });

  it.each([
    new TransportError('ERR_KDC_UNREACHABLE', 'no network today'),
    new KdcError({
      ...{ number: 29, symbol: 'KDC_ERR_SVC_UNAVAILABLE', realm: 'EXAMPLE.TEST', principal: 'alice' },
      ...{ serverTimeMs: 0, skewSeconds: 0, eText: undefined, eData: undefined },
    }),
  ])('is nothing else: %s', async (failure) => {
    const made = realm();
    const client = made.client();
    made.failure = failure;
    for (let i = 0; i < 3; i++) await expect(client.serviceTicket(SERVICE)).rejects.toBe(failure);
    made.failure = undefined;
    await client.serviceTicket(SERVICE);
  });
});

describe('the keytab of a client', () => {
  const principal = parsePrincipal('alice@EXAMPLE.TEST');
  let files = 0;
  const write = (path: string, kvno: number, key: Key): Promise<void> =>
    writeKeytabFile(path, [{ principal, timestamp: 0, kvno, key }]);

  async function keytabClient(made: Realm) {
    const keytab = join(folder, `keytab${files++}`);
    await write(keytab, 1, made.key);
    return { keytab, client: await fromKeytab({ ...made.options, keytab, principal: 'alice' }) };
  }

  it('is read again before a login when it has changed, so that no login fails', async () => {
    const made = realm();
    const { keytab, client } = await keytabClient(made);
    await client.login({ lifetimeSeconds: HOUR });
    const next = made.kdc.freshKey(18);
    made.kdc.addPrincipal('alice', next);
    await write(keytab, 2, next);
    made.environment.advance(HOUR * 1000);
    made.kdc.timestamps.length = 0;
    await client.serviceTicket(SERVICE);
    expect(made.kdc.timestamps.length).toBe(1);
  });

  it('is looked at after a refusal, which no longer counts when there are other keys', async () => {
    const made = realm();
    const { keytab, client } = await keytabClient(made);
    const next = made.kdc.freshKey(18);
    made.kdc.addPrincipal('alice', next);
    const refusal = await refusalOf(client.serviceTicket(SERVICE));
    expect(refusal).toMatchObject(REFUSED);
    // Written anew with the same key: nothing is different.
    await write(keytab, 1, made.key);
    expect(await refusalOf(client.serviceTicket(SERVICE))).toBe(refusal);
    rmSync(keytab);
    expect(await refusalOf(client.serviceTicket(SERVICE))).toBe(refusal);
    await write(keytab, 2, next);
    await client.serviceTicket(SERVICE);
  });

  it('may change while the KDC is asked: then it is asked once more', async () => {
    const made = realm();
    const { keytab, client } = await keytabClient(made);
    const next = made.kdc.freshKey(18);
    made.kdc.addPrincipal('alice', next);
    const { connection } = made.options;
    let refused = 0;
    const rotating = await fromKeytab({
      ...made.options,
      ...{ keytab, principal: 'alice' },
      connection: async (question, signal) => {
        const reply = (await connection?.(question, signal)) as Uint8Array;
        if (made.kdc.timestamps.length === 1 && refused++ === 0) await write(keytab, 2, next);
        return reply;
      },
    });
    await rotating.login();
    expect(made.kdc.timestamps.length).toBe(2);
    client.dispose();
  });

  it('leaves the keys at hand when it has none of the principal', async () => {
    const made = realm();
    const { keytab, client } = await keytabClient(made);
    await writeKeytabFile(keytab, []);
    await client.login();
    client.dispose();
    await expect(client.login()).rejects.toMatchObject({ code: 'ERR_DISPOSED' });
  });
});

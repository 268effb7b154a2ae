/** The client against a KDC in memory. */
import { mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { utf8 } from '../../src/bytes.js';
import { stringToKey } from '../../src/crypto/stringToKey.js';
import {
  type Client,
  type ClientOptions,
  encodeKeytab,
  formatPrincipal,
  fromCcache,
  fromKey,
  fromKeytab,
  fromPassword,
  type KdcConnection,
  Key,
  parseConfig,
  parsePrincipal,
  readCcacheFile,
  storeCredential,
  writeCcacheFile,
} from '../../src/index.js';
import { type ScriptedEnvironment, ScriptedKdc, scriptedEnvironment } from '../support/scriptedKdc.js';

const folder = mkdtempSync(join(tmpdir(), 'krb5-client-test-'));
afterAll(() => rmSync(folder, { recursive: true }));

const CONFIG = parseConfig(
  '[libdefaults]\ndefault_realm = EXAMPLE.TEST\n[domain_realm]\n.other.test = OTHER.TEST\n',
);
const PASSWORD = 'correct horse';

interface Setting {
  readonly kdc: ScriptedKdc;
  readonly environment: ScriptedEnvironment;
  readonly options: ClientOptions;
  readonly key: Key;
}

async function setting(): Promise<Setting> {
  const environment = scriptedEnvironment();
  const kdc = new ScriptedKdc({ realm: 'EXAMPLE.TEST', environment });
  const key = await stringToKey(18, utf8(PASSWORD), utf8('EXAMPLE.TESTalice'));
  kdc.addPrincipal('alice', { key, salt: 'EXAMPLE.TESTalice' });
  kdc.addPrincipal('HTTP/web.example.test', kdc.freshKey(18));
  const connection: KdcConnection = async ({ message, tcpOnly }) => kdc.reply(message, tcpOnly);
  return { kdc, environment, key, options: { config: CONFIG, connection, environment } };
}

function ccacheFile(name: string): string {
  return join(folder, name);
}

describe('a client', () => {
  it('logs in with a password of text or octets', async () => {
    const { options } = await setting();
    for (const password of [PASSWORD, utf8(PASSWORD)]) {
      const { credential } = await fromPassword('alice', password, options).login();
      expect(formatPrincipal(credential.client)).toBe('alice@EXAMPLE.TEST');
    }
  });

  it('logs in with a key', async () => {
    const { options, key } = await setting();
    const { replyEtype } = await fromKey('alice@EXAMPLE.TEST', key, options).login();
    expect(replyEtype).toBe(18);
  });

  it('logs in with a keytab, offering only the types of its keys', async () => {
    const { options, key } = await setting();
    const principal = parsePrincipal('alice@EXAMPLE.TEST');
    const keytab = ccacheFile('keytab');
    writeFileSync(keytab, encodeKeytab([{ principal, timestamp: 0, kvno: 3, key }]));
    const client = await fromKeytab({ ...options, keytab });
    expect((await client.login()).replyEtype).toBe(18);
    const stranger = fromKeytab({ ...options, keytab, principal: 'bob' });
    await expect(stranger).rejects.toMatchObject({ code: 'ERR_KEYTAB_NO_KEY' });
  });

  it('keeps tickets and asks once for what many want at once', async () => {
    const { kdc, options } = await setting();
    const client = fromPassword('alice', PASSWORD, options);
    const tickets = await Promise.all(
      Array.from({ length: 10 }, () => client.serviceTicket('HTTP@web.example.test')),
    );
    expect(new Set(tickets).size).toBe(1);
    expect(kdc.requests).toHaveLength(3);
    await client.serviceTicket('HTTP/web.example.test');
    expect(kdc.requests).toHaveLength(3);
    await client.serviceTicket('HTTP/web.example.test', { fresh: true });
    expect(kdc.requests).toHaveLength(4);
  });

  it('logs in once for many callers with signals, until the last of them gives up', async () => {
    const { kdc, options } = await setting();
    const wrong = fromPassword('alice', 'wrong', options);
    const failed = await Promise.allSettled(
      Array.from({ length: 10 }, (_, i) =>
        wrong.serviceTicket(`HTTP@web${i}.example.test`, { signal: new AbortController().signal }),
      ),
    );
    expect(failed.map((one) => one.status === 'rejected' && one.reason.code)).toEqual(
      Array(10).fill('KDC_ERR_PREAUTH_FAILED'),
    );
    expect(kdc.requests).toHaveLength(2);
  });

  it('ends the request when everybody who waits for it has given up, not before', async () => {
    const { options } = await setting();
    const signals: AbortSignal[] = [];
    const connection: KdcConnection = (_, signal) =>
      new Promise((_resolve, reject) => {
        if (signal === undefined) return;
        signals.push(signal);
        signal.addEventListener('abort', () => reject(signal.reason));
      });
    const client = fromPassword('alice', PASSWORD, { ...options, connection });
    const callers = [new AbortController(), new AbortController()];
    const waiting = callers.map(({ signal }) => client.serviceTicket('HTTP@web.example.test', { signal }));
    callers[0]!.abort(new Error('first'));
    await expect(waiting[0]).rejects.toMatchObject({ code: 'ERR_ABORTED', cause: new Error('first') });
    expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
    callers[1]!.abort();
    await expect(waiting[1]).rejects.toMatchObject({ code: 'ERR_ABORTED' });
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
    const late = client.ticketGrantingTicket(AbortSignal.abort());
    await expect(late).rejects.toMatchObject({ code: 'ERR_ABORTED' });
    expect(signals).toHaveLength(1);
  });

  it('logs in again when the ticket is about to expire', async () => {
    const { environment, options } = await setting();
    const client = fromPassword('alice', PASSWORD, options);
    const first = await client.ticketGrantingTicket();
    environment.advance((first.endTime - first.authTime - 30) * 1000);
    const second = await client.ticketGrantingTicket();
    expect(second.endTime).toBeGreaterThan(first.endTime);
  });

  it('takes up the tickets of a credential cache and writes new ones back', async () => {
    const { kdc, options } = await setting();
    const path = ccacheFile('ccache');
    const first = fromPassword('alice', PASSWORD, options);
    await writeCcacheFile(path, first.credentialCache(await first.login()));
    const before = kdc.requests.length;
    await (await fromCcache({ ...options, ccache: `FILE:${path}` })).serviceTicket('HTTP@web.example.test');
    expect(kdc.requests).toHaveLength(before + 1);
    const later = await fromCcache({ ...options, ccache: path, writeBack: false });
    await later.serviceTicket('HTTP@web.example.test');
    expect(kdc.requests).toHaveLength(before + 1);
    const { credentials } = await readCcacheFile(path);
    expect(credentials.map(({ server }) => formatPrincipal(server))).toEqual([
      'krbtgt/EXAMPLE.TEST@EXAMPLE.TEST',
      'HTTP/web.example.test@EXAMPLE.TEST',
    ]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('says what is missing when a cache cannot help', async () => {
    const { environment, options } = await setting();
    await expect(fromCcache({ ...options, ccache: ccacheFile('none') })).rejects.toMatchObject({
      code: 'ERR_CCACHE_MISSING',
    });
    await expect(fromCcache({ ...options, ccache: 'KEYRING:0' })).rejects.toMatchObject({
      code: 'ERR_CCACHE_TYPE',
    });
    const kcm = fromCcache({ ...options, ccache: 'KCM:0', kcmSocket: ccacheFile('none') });
    await expect(kcm).rejects.toMatchObject({ code: 'ERR_CCACHE_IO' });
    const path = ccacheFile('expired');
    const first = fromPassword('alice', PASSWORD, options);
    const { credential } = await first.login();
    await writeCcacheFile(path, {
      version: 4,
      defaultPrincipal: credential.client,
      credentials: [],
      config: [],
    });
    const empty = await fromCcache({ ...options, ccache: path });
    await expect(empty.serviceTicket('HTTP@web.example.test')).rejects.toMatchObject({
      code: 'ERR_NO_TICKET',
    });
    await expect(empty.login()).rejects.toMatchObject({ code: 'ERR_NO_KEY' });
    await storeCredential(path, credential);
    environment.advance(30 * 86_400_000);
    const expired = await fromCcache({ ...options, ccache: path });
    await expect(expired.serviceTicket('HTTP@web.example.test')).rejects.toMatchObject({
      code: 'ERR_TICKET_EXPIRED',
    });
  });

  it('still gives the ticket when it cannot be written back', async () => {
    const { options } = await setting();
    const path = ccacheFile('vanishing');
    const first = fromPassword('alice', PASSWORD, options);
    await writeCcacheFile(path, first.credentialCache(await first.login()));
    const events: string[] = [];
    const client = await fromCcache({ ...options, ccache: path, trace: ({ event }) => events.push(event) });
    rmSync(path);
    symlinkSync(folder, path);
    await client.serviceTicket('HTTP@web.example.test');
    expect(events).toContain('ccache.store');
  });

  it('shows no secret when it is printed', async () => {
    const { options } = await setting();
    const client = fromPassword('alice', PASSWORD, options);
    const result = await client.login();
    const printed =
      inspect([client, result], { depth: 20, showHidden: true }) + JSON.stringify([client, result]);
    expect(printed).not.toContain(PASSWORD);
    expect(printed).not.toContain(Buffer.from(result.credential.sessionKey.value).toString('hex'));
    expect(printed).not.toContain([...result.credential.sessionKey.value].join(', '));
  });

  it('forgets its secrets', async () => {
    const { kdc, options } = await setting();
    const client = fromPassword('alice', PASSWORD, options);
    const { credential } = await client.login();
    client.dispose();
    expect(credential.sessionKey.value.every((octet) => octet === 0)).toBe(true);
    const asked = kdc.requests.length;
    await expect(client.login()).rejects.toMatchObject({ code: 'ERR_DISPOSED' });
    expect(kdc.requests).toHaveLength(asked);
  });

  it('leaves the key that it was given as it is', async () => {
    const { options, key } = await setting();
    fromKey('alice@EXAMPLE.TEST', key, options).dispose();
    await expect(fromKey('alice@EXAMPLE.TEST', key, options).login()).resolves.toBeDefined();
  });

  it("does not put its tickets into a cache that has become somebody else's", async () => {
    const { options } = await setting();
    const path = ccacheFile('taken-over');
    const first = fromPassword('alice', PASSWORD, options);
    const cache = first.credentialCache(await first.login());
    await writeCcacheFile(path, cache);
    const client = await fromCcache({ ...options, ccache: path });
    await writeCcacheFile(path, {
      ...cache,
      defaultPrincipal: parsePrincipal('bob@EXAMPLE.TEST'),
      credentials: [],
    });
    await client.serviceTicket('HTTP@web.example.test');
    expect((await readCcacheFile(path)).credentials).toEqual([]);
  });

  it('passes over tickets of a cache that are of no use to it', async () => {
    const { options } = await setting();
    const path = ccacheFile('mixed');
    const first = fromPassword('alice', PASSWORD, options);
    const cache = first.credentialCache(await first.login());
    const ticket = await first.serviceTicket('HTTP@web.example.test');
    for (const odd of [{ isSkey: true }, { sessionKey: new Key(23, new Uint8Array(16)) }]) {
      await writeCcacheFile(path, { ...cache, credentials: [...cache.credentials, { ...ticket, ...odd }] });
      const client = await fromCcache({ ...options, ccache: path });
      const found = await client.serviceTicket('HTTP@web.example.test');
      expect([found.isSkey, found.sessionKey.etype]).toEqual([false, 18]);
    }
  });

  it('does not believe a clock offset of a cache that leads to before 1970', async () => {
    const { options } = await setting();
    const path = ccacheFile('offset');
    const first = fromPassword('alice', PASSWORD, options);
    const cache = first.credentialCache(await first.login());
    await writeCcacheFile(path, { ...cache, kdcTimeOffset: { seconds: -(2 ** 31), microseconds: 0 } });
    const client = await fromCcache({ ...options, ccache: path });
    await expect(client.serviceTicket('HTTP@web.example.test')).resolves.toBeDefined();
  });

  it('hands errors of the connection on', async () => {
    const { options } = await setting();
    const connection: KdcConnection = () => Promise.reject(new Error('no network today'));
    await expect(fromPassword('alice', PASSWORD, { ...options, connection }).login()).rejects.toThrow(
      'no network',
    );
  });

  it('reports a realm without KDCs', async () => {
    const client: Client = fromPassword('alice@NOWHERE.TEST', PASSWORD, {
      config: parseConfig('[libdefaults]\ndns_lookup_kdc = false\n'),
    });
    await expect(client.login()).rejects.toMatchObject({ code: 'ERR_KDC_UNKNOWN' });
  });
});

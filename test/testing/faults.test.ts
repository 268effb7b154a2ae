/** Every fault of the embedded realm against this library's client: the exact error, and no ticket that stays. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { networkConnection } from '../../src/client/kdcConnection.js';
import {
  type Client,
  fromCcache,
  fromPassword,
  type KdcConnection,
  writeCcacheFile,
} from '../../src/index.js';
import { FAULTS, type Fault, TestRealm } from '../../src/testing/index.js';
import { codeOf } from './clients.js';

const folder = mkdtempSync(join(tmpdir(), 'krb5-faults-'));
afterAll(() => rmSync(folder, { recursive: true }));

interface Scene {
  readonly realm: TestRealm;
  /** Counts requests. */
  readonly connection: KdcConnection;
  requests: number;
  /** Plays the fault, or none any more. */
  readonly play: (name?: string) => void;
  /** The code of an exchange that meets the fault. It gives up soon where that is all it can do. */
  outcome(exchange: () => Promise<unknown>): Promise<string>;
}

/** Two realms that trust each other; faults show in both. */
async function inScene(fault: Fault, action: (scene: Scene) => Promise<void>): Promise<void> {
  const tcpFirst = fault.over === 'tcp' ? { udp_preference_limit: '1' } : {};
  const libdefaults = { ...fault.libdefaults, ...tcpFirst };
  const etypes = [18, 17];
  const principals = { alice: { password: 'secret' }, 'HTTP/localhost': {} };
  await using realm = await TestRealm.start({ principals, etypes, libdefaults });
  await using peer = await TestRealm.start({ realm: 'PEER.TEST', etypes });
  realm.trust(peer);
  const { config } = realm;
  const patient = networkConnection({ config });
  const hasty = networkConnection({ config, timeoutMs: timeoutMs(fault) });
  let connection = patient;
  const scene: Scene = {
    realm,
    requests: 0,
    connection: (question, signal) => {
      scene.requests++;
      return connection(question, signal);
    },
    outcome(exchange) {
      connection = hasty;
      return codeOf(exchange()).finally(() => {
        connection = patient;
      });
    },
    play: (name) => {
      realm.setFault(name);
      peer.setFault(name);
    },
  };
  await action(scene);
}

/** Where nothing usable comes, the client waits to the end; what is too large must have come by then. */
function timeoutMs({ expected }: Fault): number | undefined {
  if (expected === 'ERR_KDC_UNREACHABLE') return 600;
  return expected === 'ERR_REPLY_TOO_LARGE' ? 5000 : undefined;
}

function newClient({ realm, connection }: Scene): Client {
  return fromPassword('alice', 'secret', { config: realm.config, connection });
}

const SERVICE = 'HTTP/localhost';
const faultsIn = (exchange: 'AS' | 'TGS') => FAULTS.filter(({ during }) => during.includes(exchange));

describe.concurrent('AS exchange', () => {
  it.each(faultsIn('AS'))('$name: $expected', async (fault) => {
    await inScene(fault, async (scene) => {
      const client = newClient(scene);
      scene.play(fault.name);
      if (fault.second === true) await newClient(scene).login();
      expect(await scene.outcome(() => client.login())).toBe(fault.expected ?? 'no error');
      scene.play();
      const before = scene.requests;
      // After a refusal of the key only login() asks again: each refusal may count towards the account's lock.
      const refused = fault.expected === 'KDC_ERR_PREAUTH_FAILED';
      await (refused ? client.login() : client.ticketGrantingTicket());
      expect(scene.requests > before, 'the next use asks the KDC').toBe(fault.expected !== undefined);
    });
  });
});

describe.concurrent('TGS exchange', () => {
  it.each(faultsIn('TGS'))('$name: $expected', async (fault) => {
    await inScene(fault, async (scene) => {
      const path = join(folder, fault.name);
      const login = newClient(scene);
      await writeCcacheFile(path, login.credentialCache(await login.login()));
      const client = await fromCcache({
        ccache: path,
        config: scene.realm.config,
        connection: scene.connection,
      });
      scene.play(fault.name);
      if (fault.second === true) await login.serviceTicket(SERVICE);
      const cache = readFileSync(path);
      expect(await scene.outcome(() => client.serviceTicket(SERVICE))).toBe(fault.expected ?? 'no error');
      expect(readFileSync(path).equals(cache), 'the cache is as before').toBe(fault.expected !== undefined);
      scene.play();
      const before = scene.requests;
      await client.serviceTicket(SERVICE);
      expect(scene.requests > before, 'the next use asks the KDC').toBe(fault.expected !== undefined);
    });
  });
});

describe('the list', () => {
  it('has each name once', () => {
    const names = FAULTS.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });

  it('is what setFault knows', async () => {
    await using realm = await TestRealm.start({ etypes: [17], fault: 'drop' });
    expect(() => realm.setFault('no such fault')).toThrow(RangeError);
  });

  it('is the table of docs/threat-model.md', () => {
    const file = fileURLToPath(new URL('../../docs/threat-model.md', import.meta.url));
    const rows = readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('| `'));
    expect(rows).toEqual(FAULTS.map(row));
  });
});

/** A fault as a row of the table. */
function row({ name, does, during, expected, over, second, libdefaults = {} }: Fault): string {
  const where = during.join(', ') + (over === undefined ? '' : ` over ${over.toUpperCase()}`);
  const settings = Object.entries(libdefaults).map(([setting, value]) => ` with \`${setting} = ${value}\``);
  const end = expected === undefined ? 'carries on' : `\`${expected}\``;
  const when = second === true ? ' (from the second on)' : '';
  return `| \`${name}\` | ${does}${when} | ${where}${settings.join('')} | ${end} |`;
}

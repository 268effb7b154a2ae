/**
 * GS2-KRB5 (RFC 5801) at GNU SASL's server, and GS2-KRB5-PLUS at MIT's library, whose server side of the framing is
 * written here; OpenLDAP's is in openLdap.test.ts.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type SaslMechanism, saslClient } from '../../src/adapters/sasl/index.js';
import { concat, utf8 } from '../../src/bytes.js';
import { GssapiPeer, MAJOR, PeerError, routineError } from './gssapiPeer.js';
import { failure, passwordClient } from './library.js';
import { servers } from './servers.js';

const { realm } = servers();
const SERVICE = 'host@localhost';
const CHANNEL_BOUND = 0x800;

/** GNU SASL's program as a server: lines of base64, and a question whether the user may come in. */
class GsaslServer {
  readonly #child: ChildProcessWithoutNullStreams;
  #output = '';
  #wake: () => void = () => undefined;

  constructor(mechanism: string) {
    const args = ['--server', '--mechanism', mechanism, '--service', 'host', '--hostname', 'localhost'];
    this.#child = spawn('gsasl', args, { env: realm.env() });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.on('data', (data) => {
        this.#output += String(data);
        this.#wake();
      });
    }
    this.#child.on('close', (status) => {
      this.#output += `\nstatus ${status}\n`;
      this.#wake();
    });
  }

  send(line: string): void {
    this.#child.stdin.write(`${line}\n`);
  }

  /** Waits for one of the patterns, and forgets what came up to its end. */
  async expect(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.#output);
      if (found !== null) {
        this.#output = this.#output.slice(found.index + found[0].length);
        return found;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const closed = new Promise((resolve) => this.#child.once('close', resolve));
    this.#child.kill('SIGKILL');
    await closed;
  }
}

const base64 = (octets: Uint8Array): string => Buffer.from(octets).toString('base64');
const PROMPT = /Enter base64 authentication data from client.*\n/;

/** What GNU SASL tells of the client after its first message. */
async function gsaslAccepts(server: GsaslServer, mechanism: SaslMechanism): Promise<string[]> {
  await server.expect(PROMPT);
  server.send(base64(mechanism.next()));
  const [, authzid, name] = await server.expect(/Authzid: (.*)\nDisplay Name: (.*)\n/);
  server.send('y');
  return [authzid!, name!];
}

describe("GNU SASL's server", () => {
  it.each([
    [undefined, '(null)'],
    ['bob', 'bob'],
    ['a=b,c', 'a=b,c'],
  ])('accepts GS2-KRB5 as %s, and proves itself', async (authorizationId, theirs) => {
    const server = new GsaslServer('GS2-KRB5');
    try {
      const mechanism = await saslClient(passwordClient('alice'), SERVICE, {
        mechanism: 'GS2-KRB5',
        authorizationId,
      });
      expect(await gsaslAccepts(server, mechanism)).toEqual([theirs, 'alice@EXAMPLE.TEST']);
      const [, challenge] = await server.expect(/([A-Za-z0-9+/]{60,}=*)\n/);
      const response = mechanism.next(Buffer.from(challenge!, 'base64'));
      expect(response).toHaveLength(0);
      server.send(base64(response));
      expect(mechanism.complete).toBe(true);
      expect(mechanism.conclude()).toBeUndefined();
      await server.expect(/Server authentication finished \(client trusted\)/);
    } finally {
      await server.stop();
    }
  });

  it('refuses a ticket for another service', async () => {
    const server = new GsaslServer('GS2-KRB5');
    try {
      const options = { mechanism: 'GS2-KRB5' } as const;
      const mechanism = await saslClient(passwordClient('alice'), 'HTTP@localhost', options);
      await server.expect(PROMPT);
      server.send(base64(mechanism.next()));
      await server.expect(/mechanism error|error.*GSSAPI|status [1-9]/i);
      mechanism.delete();
    } finally {
      await server.stop();
    }
  });
});

describe("GS2-KRB5-PLUS at MIT's library", () => {
  const MECHANISM = Buffer.from('06092a864886f712010202', 'hex');
  const data = Uint8Array.from({ length: 32 }, (_, index) => index);
  let peer: GssapiPeer;
  let side = 0;

  beforeAll(() => {
    peer = new GssapiPeer(realm.env());
  });
  afterAll(() => peer.stop());

  /** Server side of RFC 5801 section 4: the header's text, and the token with its framing again. */
  function readInitial(message: Uint8Array): { header: string; token: Uint8Array } {
    const header = /^(?:p=[A-Za-z0-9.-]+|n|y),(?:a=[^,]*)?,/.exec(
      Buffer.from(message).toString('latin1'),
    )![0];
    const inner = concat(MECHANISM, message.subarray(header.length));
    return { header, token: concat(Uint8Array.of(0x60, 0x82, inner.length >> 8, inner.length & 255), inner) };
  }

  it.each(['tls-server-end-point', 'tls-exporter'])('binds %s and the header', async (type) => {
    const mechanism = await saslClient(passwordClient('alice'), SERVICE, {
      mechanism: 'GS2-KRB5-PLUS',
      authorizationId: 'bob',
      channelBinding: { type, data },
    });
    const { header, token } = readInitial(mechanism.next());
    expect(header).toBe(`p=${type},a=bob,`);
    const accepted = await peer.accept(`plus${side++}`, token, { bound: concat(utf8(header), data) });
    expect(accepted).toMatchObject({ done: true, source: 'alice@EXAMPLE.TEST' });
    expect(accepted.flags & CHANNEL_BOUND).toBe(CHANNEL_BOUND);
    expect(mechanism.conclude(accepted.token)).toBeUndefined();
    expect(mechanism.complete).toBe(true);
  });

  it.each([
    ['another connection', (header: string) => concat(utf8(header), new Uint8Array(32))],
    ['another authorization identity', () => concat(utf8('p=tls-exporter,a=root,'), data)],
    ['no binding', () => utf8('n,a=bob,')],
  ])('is refused by a server that sees %s', async (_what, bound) => {
    const mechanism = await saslClient(passwordClient('alice'), SERVICE, {
      mechanism: 'GS2-KRB5-PLUS',
      authorizationId: 'bob',
      channelBinding: { type: 'tls-exporter', data },
    });
    const { header, token } = readInitial(mechanism.next());
    const error = await failure(peer.accept(`plus${side++}`, token, { bound: bound(header) }));
    expect(error).toBeInstanceOf(PeerError);
    expect(routineError(error as PeerError)).toBe(MAJOR.badBindings);
    mechanism.delete();
  });
});

/** Tokens at real acceptors: Apache's mod_auth_gssapi and MIT's gss-server (RFC 4121, RFC 4178, RFC 4559). */
import { connect, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { ENCTYPES, startGssServer } from '../../scripts/realServers/index.mjs';
import { utf8 } from '../../src/bytes.js';
import { type ContextOptions, GSS_FLAGS, type SecurityContext } from '../../src/index.js';
import { failure, keytabClient, passwordClient } from './library.js';
import { servers } from './servers.js';

const { realm, apache, gssServer } = servers();

interface Answer {
  readonly status: number;
  readonly user: string | null;
  /** The acceptor's token. */
  readonly token: Uint8Array | undefined;
}

async function get(path: string, token: Uint8Array): Promise<Answer> {
  const response = await fetch(`${apache.url}${path}`, {
    headers: { authorization: `Negotiate ${Buffer.from(token).toString('base64')}` },
  });
  await response.arrayBuffer();
  const reply = /^Negotiate (.+)$/.exec(response.headers.get('www-authenticate') ?? '')?.[1];
  return {
    status: response.status,
    user: response.headers.get('x-remote-user'),
    token: reply === undefined ? undefined : Buffer.from(reply, 'base64'),
  };
}

describe('Apache mod_auth_gssapi', () => {
  it.each([
    ['spnego', 'HTTP@localhost'],
    ['krb5', 'HTTP@localhost'],
    ['spnego', 'HTTP/localhost'],
    ['krb5', 'HTTP/localhost@EXAMPLE.TEST'],
  ] as const)('lets a %s token for %s in and proves itself', async (mechanism, service) => {
    const context = await passwordClient('alice').securityContext(service, { mechanism });
    const { status, user, token } = await get('/krb', context.step().token!);
    expect({ status, user }).toEqual({ status: 200, user: 'alice@EXAMPLE.TEST' });
    expect(context.mutuallyAuthenticated).toBe(false);
    expect(context.step(token)).toEqual({ token: undefined, done: true });
    expect(context.mutuallyAuthenticated).toBe(true);
  });

  it('lets a keytab user in', async () => {
    const context = await (await keytabClient()).securityContext('HTTP@localhost');
    const { user } = await get('/krb', context.step().token!);
    expect(user).toBe(`${realm.keytabUser}@EXAMPLE.TEST`);
  });

  it.each(['spnego', 'krb5'] as const)('refuses a %s token the second time', async (mechanism) => {
    const context = await passwordClient('alice').securityContext('HTTP@localhost', { mechanism });
    const { token } = context.step();
    expect((await get('/krb', token!)).status).toBe(200);
    expect((await get('/krb', token!)).status).toBe(401);
  });

  it('is not believed when its reply is changed or belongs to another request', async () => {
    const client = passwordClient('alice');
    const [first, second] = await Promise.all([
      client.securityContext('HTTP@localhost', { mechanism: 'krb5' }),
      client.securityContext('HTTP@localhost', { mechanism: 'krb5' }),
    ]);
    const reply = (await get('/krb', first.step().token!)).token!;
    await get('/krb', second.step().token!);
    expect(() => second.step(reply)).toThrowError(expect.objectContaining({ code: 'ERR_AP_REP' }));
    const changed = reply.slice();
    changed[changed.length - 1]! ^= 1;
    expect(() => first.step(changed)).toThrowError(expect.objectContaining({ code: 'ERR_INTEGRITY' }));
    expect(first.mutuallyAuthenticated).toBe(false);
  });

  it('accepts 50 tokens of one client at once', async () => {
    const client = passwordClient('alice');
    const answers = await Promise.all(
      Array.from({ length: 50 }, async () => {
        const context = await client.securityContext('HTTP@localhost');
        const answer = await get('/krb', context.step().token!);
        context.step(answer.token);
        return `${answer.status} ${context.mutuallyAuthenticated}`;
      }),
    );
    expect(new Set(answers)).toEqual(new Set(['200 true']));
  });
});

/** The conversation of MIT's sample programs: one flag octet, four octets of length, the token. */
class GssServerConnection {
  readonly #socket: Socket;
  #received: Uint8Array = new Uint8Array(0);
  #wake: () => void = () => undefined;

  constructor(port: number) {
    this.#socket = connect(port, '127.0.0.1');
    this.#socket.on('data', (data) => {
      this.#received = Buffer.concat([this.#received, data]);
      this.#wake();
    });
    for (const event of ['close', 'error']) this.#socket.on(event, () => this.#wake());
  }

  send(flags: number, token: Uint8Array): void {
    const header = Buffer.alloc(5);
    header[0] = flags;
    header.writeUInt32BE(token.length, 1);
    this.#socket.write(Buffer.concat([header, token]));
  }

  async receive(): Promise<Uint8Array> {
    for (;;) {
      const length = this.#received.length < 5 ? undefined : Buffer.from(this.#received).readUInt32BE(1);
      if (length !== undefined && this.#received.length >= 5 + length) {
        const token = this.#received.slice(5, 5 + length);
        this.#received = this.#received.slice(5 + length);
        return token;
      }
      if (this.#socket.destroyed) throw new Error('gss-server closed the connection');
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  end(): void {
    this.#socket.end();
  }
}

/** Flags of the sample programs' framing. */
const NOOP = 1;
const CONTEXT = 2;
const DATA = 4;
const CONTEXT_NEXT = 16;
const WRAPPED = 32;
const ENCRYPTED = 64;
const SEND_MIC = 128;

/** Establishes a context, sends one message and checks the server's MIC of it. */
async function converse(port: number, context: SecurityContext, message: string, confidential: boolean) {
  const server = new GssServerConnection(port);
  try {
    server.send(NOOP | CONTEXT_NEXT, new Uint8Array(0));
    for (let result = context.step(); ; ) {
      if (result.token !== undefined) server.send(CONTEXT, result.token);
      if (context.established || result.done) break;
      result = context.step(await server.receive());
    }
    const token = context.wrap(utf8(message), { confidential });
    server.send(DATA | WRAPPED | SEND_MIC | (confidential ? ENCRYPTED : 0), token);
    context.verifyMic(utf8(message), await server.receive());
    server.send(NOOP, new Uint8Array(0));
  } finally {
    server.end();
  }
}

describe("MIT's gss-server", () => {
  const cases: (ContextOptions & { readonly confidential: boolean })[] = [
    { mechanism: 'krb5', confidential: true },
    { mechanism: 'krb5', confidential: false },
    { mechanism: 'spnego', confidential: true },
    { mechanism: 'krb5', confidential: true, flags: GSS_FLAGS.integrity | GSS_FLAGS.confidentiality },
  ];

  it.each(cases)(
    'accepts our context and message, and we its MIC: %o',
    async ({ confidential, ...options }) => {
      const message = `hello ${Math.random()}`;
      const context = await passwordClient('alice').securityContext(gssServer.service, options);
      await converse(gssServer.port, context, message, confidential);
      expect(gssServer.log()).toContain('alice@EXAMPLE.TEST');
      expect(gssServer.log()).toContain(`Received message: "${message}"`);
    },
  );

  it.each(ENCTYPES)('accepts a context under a session key of $name', async ({ name }) => {
    const server = await startGssServer(realm, { service: `sess@${name}` });
    try {
      const context = await passwordClient('alice').securityContext(`sess/${name}`, { mechanism: 'krb5' });
      await converse(server.port, context, `etype ${name}`, true);
      expect(server.log()).toContain(`Received message: "etype ${name}"`);
    } finally {
      await server.stop();
    }
  });

  it('tells us by a KRB-ERROR that its clock is an hour ahead', async () => {
    const server = await startGssServer(realm, { faketime: '+1h' });
    try {
      const context = await passwordClient('alice').securityContext(server.service, { mechanism: 'krb5' });
      const error = await failure(converse(server.port, context, 'never', true));
      expect(error).toMatchObject({ code: 'KRB_AP_ERR_SKEW' });
      expect((error as { details: { skewSeconds: number } }).details.skewSeconds).toBeGreaterThan(3590);
    } finally {
      await server.stop();
    }
  });
});

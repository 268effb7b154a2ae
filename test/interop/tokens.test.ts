/** Tokens at real acceptors: Apache's mod_auth_gssapi and MIT's gss-server (RFC 4121, RFC 4178, RFC 4559). */
import { describe, expect, it } from 'vitest';
import { ENCTYPES, startGssServer } from '../../scripts/realServers/index.mjs';
import { type ContextOptions, GSS_FLAGS } from '../../src/index.js';
import { converse } from './gssServerConnection.js';
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

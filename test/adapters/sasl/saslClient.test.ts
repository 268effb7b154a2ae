/** `saslClient` against the acceptor of the embedded realm: the whole way from a password to a security layer. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type SaslOptions, saslClient } from '../../../src/adapters/sasl/index.js';
import { concat, utf8 } from '../../../src/bytes.js';
import { type Client, fromPassword } from '../../../src/index.js';
import { type AcceptorOptions, TestRealm } from '../../../src/testing/index.js';
import { layerMessage } from '../../sasl/saslPairs.js';

let realm: TestRealm;
let alice: Client;
const channelBinding = { type: 'tls-server-end-point', data: utf8('hash') };

beforeAll(async () => {
  realm = await TestRealm.start({
    principals: { alice: { password: 'secret' }, 'ldap/localhost': {} },
  });
  alice = fromPassword('alice', 'secret', { config: realm.config });
});

afterAll(() => realm.stop());

/** The initial response and the acceptor's answer to it. */
async function begin(options: SaslOptions, bindings?: string) {
  const mechanism = await saslClient(alice, 'ldap@localhost', options);
  const parts: Partial<AcceptorOptions> =
    bindings === undefined ? {} : { channelBindings: { applicationData: utf8(bindings) } };
  const acceptor = realm.acceptor('ldap/localhost', parts);
  return { mechanism, acceptor };
}

describe('saslClient', () => {
  it('GSSAPI', async () => {
    const { mechanism, acceptor } = await begin({ mechanism: 'GSSAPI', authorizationId: 'bob' });
    const { token, context } = acceptor.accept(mechanism.next());
    expect(mechanism.next(token)).toHaveLength(0);
    const offer = context.wrap(layerMessage(7, 0x10000), { confidential: false });
    const { message } = context.unwrap(mechanism.next(offer));
    expect(message).toEqual(concat(layerMessage(4, 0x10000), utf8('bob')));
    const layer = mechanism.conclude()!;
    expect(context.unwrap(layer.encode(utf8('hello')).subarray(4)).message).toEqual(utf8('hello'));
  });

  it('GSSAPI with channel bindings, as Active Directory checks them', async () => {
    const right = await begin({ mechanism: 'GSSAPI', channelBinding }, 'tls-server-end-point:hash');
    const { context } = right.acceptor.accept(right.mechanism.next());
    expect(context.channelBound).toBe(true);
    const wrong = await begin({ mechanism: 'GSSAPI', channelBinding }, 'tls-server-end-point:other');
    expect(() => wrong.acceptor.accept(wrong.mechanism.next())).toThrow('channel bindings');
  });

  it.each(['none', 'integrity', 'confidentiality'] as const)('GSS-SPNEGO, %s', async (layer) => {
    const { mechanism, acceptor } = await begin(
      { mechanism: 'GSS-SPNEGO', layers: [layer], channelBinding },
      'tls-server-end-point:hash',
    );
    const { token, context } = acceptor.accept(mechanism.next());
    expect(mechanism.conclude(token)?.protection ?? 'none').toBe(layer);
    expect(context.channelBound).toBe(true);
  });

  it.each([
    [{ mechanism: 'GS2-KRB5', authorizationId: 'bob' }, 'n,a=bob,', 'n,a=bob,'],
    [{ mechanism: 'GS2-KRB5', channelBinding }, 'y,,', 'y,,'],
    [
      { mechanism: 'GS2-KRB5-PLUS', channelBinding },
      'p=tls-server-end-point,,',
      'p=tls-server-end-point,,hash',
    ],
  ] as const)('%o', async (options, header, bound) => {
    const { mechanism, acceptor } = await begin(options, bound);
    const initial = Buffer.from(mechanism.next());
    expect(initial.subarray(0, header.length).toString()).toBe(header);
    const inner = concat(Buffer.from('06092a864886f712010202', 'hex'), initial.subarray(header.length));
    const framing = Uint8Array.of(0x60, 0x82, inner.length >> 8, inner.length & 0xff);
    const { token, context } = acceptor.accept(concat(framing, inner));
    expect(mechanism.conclude(token)).toBeUndefined();
    expect(context.channelBound).toBe(true);
  });

  it.each([
    [undefined, 'options'],
    [{ mechanism: 'PLAIN' }, 'mechanism'],
    [{ mechanism: 'toString' }, 'mechanism'],
    [{}, 'mechanism'],
    [{ mechanism: 'GS2-KRB5-PLUS' }, 'channelBinding'],
    [{ mechanism: 'GSSAPI', channelBinding: { type: '', data: new Uint8Array(0) } }, 'channelBinding'],
    [{ mechanism: 'GSSAPI', layers: ['sealed'] }, 'layers'],
    [{ mechanism: 'GS2-KRB5', layers: ['confidentiality'] }, 'layers'],
    [{ mechanism: 'GSS-SPNEGO', authorizationId: 'bob' }, 'authorizationId'],
    [{ mechanism: 'GSSAPI', authorizationId: 'a\0' }, 'authorizationId'],
    [{ mechanism: 'GSSAPI', maxReceiveBuffer: -1 }, 'maxReceiveBuffer'],
  ])('%j is refused before a ticket is fetched', async (options, name) => {
    const nobody = fromPassword('nobody', 'x', { config: realm.config });
    const failure = await saslClient(nobody, 'ldap@localhost', options as SaslOptions).catch(
      (error: unknown) => error,
    );
    expect(failure instanceof TypeError || failure instanceof RangeError).toBe(true);
    expect((failure as Error).message).toContain(name);
  });

  it('gives the errors of the ticket, and hears the signal', async () => {
    const options = { mechanism: 'GSSAPI' } as const;
    await expect(saslClient(alice, 'ldap@elsewhere', options)).rejects.toMatchObject({
      code: 'KDC_ERR_S_PRINCIPAL_UNKNOWN',
    });
    const fresh = fromPassword('alice', 'secret', { config: realm.config });
    const signal = AbortSignal.abort();
    await expect(saslClient(fresh, 'ldap@localhost', { ...options, signal })).rejects.toMatchObject({
      code: 'ERR_ABORTED',
    });
  });
});

it.each([undefined, null, 'alice', {}])('saslClient names a client that is none: %o', async (client) => {
  const call = saslClient(client as unknown as Client, 'ldap@localhost', { mechanism: 'GSSAPI' });
  await expect(call).rejects.toThrow(/^client must be/);
});

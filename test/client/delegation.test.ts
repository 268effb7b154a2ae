/** What `delegate` of a client's contexts does, with the embedded realm's KDC and acceptor. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { contextFlags, delegationPolicy } from '../../src/client/contextOptions.js';
import { fromCredentials } from '../../src/client/delegated.js';
import {
  type Client,
  type ContextOptions,
  type Credential,
  fromPassword,
  GSS_FLAGS,
  parseConfig,
  TICKET_FLAGS,
} from '../../src/index.js';
import { TestRealm } from '../../src/testing/index.js';
import { codeOf } from '../testing/clients.js';

let realm: TestRealm;
let other: TestRealm;
beforeAll(async () => {
  realm = await TestRealm.start({
    principals: {
      alice: { password: 'secret' },
      barred: { password: 'secret', forwardable: false },
      'HTTP/trusted': { okAsDelegate: true },
      'HTTP/plain': {},
    },
  });
  other = await TestRealm.start({
    realm: 'OTHER.TEST',
    principals: { 'HTTP/foreign': { okAsDelegate: true } },
  });
  realm.trust(other);
});
afterAll(() => Promise.all([realm.stop(), other.stop()]));

/** A client who has logged in. */
async function login(name = 'alice', forwardable = true): Promise<Client> {
  const client = fromPassword(name, 'secret', { config: realm.config });
  await client.login({ forwardable });
  return client;
}

/** What an acceptor gets. */
async function delegated(
  client: Client,
  service: string,
  options: ContextOptions,
): Promise<readonly Credential[]> {
  const context = await client.securityContext(service, options);
  const accepted = realm.acceptor(service).accept(context.step().token!);
  expect((accepted.context.flags & GSS_FLAGS.delegation) !== 0).toBe(accepted.delegated.length > 0);
  expect(context.flags & GSS_FLAGS.delegation).toBe(accepted.context.flags & GSS_FLAGS.delegation);
  return accepted.delegated;
}

describe('delegate: true', () => {
  it.each(['krb5', 'spnego'] as const)(
    'gives a forwarded ticket without addresses (%s)',
    async (mechanism) => {
      const [tgt, ...more] = await delegated(await login(), 'HTTP/plain', { mechanism, delegate: true });
      expect(more).toEqual([]);
      expect(tgt).toMatchObject({ server: { components: ['krbtgt', 'EXAMPLE.TEST'] }, addresses: [] });
      expect(tgt!.flags & TICKET_FLAGS.forwarded).not.toBe(0);
      expect(tgt!.flags & TICKET_FLAGS.forwardable).not.toBe(0);
    },
  );

  it('gives another ticket to each context, and keeps none', async () => {
    const client = await login();
    const own = await client.ticketGrantingTicket();
    const [first] = await delegated(client, 'HTTP/plain', { delegate: true });
    const [second] = await delegated(client, 'HTTP/plain', { delegate: true });
    expect(first!.ticket).not.toEqual(second!.ticket);
    expect(await client.ticketGrantingTicket()).toBe(own);
  });

  it('logs in where there is no ticket yet', async () => {
    const config = { ...realm.config, forwardable: true };
    const client = fromPassword('alice', 'secret', { config });
    expect(await delegated(client, 'HTTP/trusted', { delegate: true })).toHaveLength(1);
  });

  it.each([
    ['alice', false],
    ['barred', true],
  ])('of %s fails without a forwardable ticket', async (name, forwardable) => {
    const client = await login(name, forwardable);
    expect(await codeOf(client.securityContext('HTTP/trusted', { delegate: true }))).toBe('ERR_DELEGATION');
  });

  it('fails without any ticket-granting ticket', async () => {
    const ticket = await (await login()).serviceTicket('HTTP/plain');
    const client = fromCredentials([ticket], { config: realm.config });
    expect(await codeOf(client.securityContext('HTTP/plain', { delegate: true }))).toBe('ERR_NO_TICKET');
    const policy = await client.securityContext('HTTP/plain', { delegate: false });
    expect(policy.flags & GSS_FLAGS.delegation).toBe(0);
  });

  it('ends with dispose() and with the signal', async () => {
    const client = await login();
    const pending = client.securityContext('HTTP/plain', { delegate: true });
    client.dispose();
    expect(await codeOf(pending)).toBe('ERR_DISPOSED');
    const signal = AbortSignal.abort();
    const aborted = (await login()).securityContext('HTTP/plain', { delegate: true, signal });
    expect(await codeOf(aborted)).toBe('ERR_ABORTED');
  });
});

describe("delegate: 'ok-as-delegate'", () => {
  const delegate = 'ok-as-delegate';

  it('delegates where the KDC says so', async () => {
    const client = await login();
    expect(await delegated(client, 'HTTP/trusted', { delegate })).toHaveLength(1);
    expect(await delegated(client, 'HTTP/plain', { delegate })).toHaveLength(0);
  });

  it('does not believe a realm for which our own does not vouch', async () => {
    const client = await login();
    const context = await client.securityContext('HTTP/foreign@OTHER.TEST', { mechanism: 'krb5', delegate });
    const accepted = other.acceptor('HTTP/foreign').accept(context.step().token!);
    expect([accepted.done, accepted.delegated]).toEqual([true, []]);
  });

  it('goes on without a forwardable ticket, and tells the trace', async () => {
    const told: string[] = [];
    const trace = ({ event, text }: { event: string; text: string }): void => {
      if (event === 'gss.delegation') told.push(text);
    };
    const client = fromPassword('alice', 'secret', { config: realm.config, trace });
    await client.login({ forwardable: false });
    expect(await delegated(client, 'HTTP/trusted', { delegate })).toHaveLength(0);
    expect(told).toEqual([expect.stringContaining('not forwardable')]);
  });
});

describe('options', () => {
  const config = (text: string) => parseConfig(`[libdefaults]\n${text}\n`);

  it('are restricted by enforce_ok_as_delegate', () => {
    const enforced = config('enforce_ok_as_delegate = yes');
    expect(delegationPolicy({ delegate: true }, enforced)).toBe('ok-as-delegate');
    expect(delegationPolicy({ delegate: false }, enforced)).toBe(false);
    expect(delegationPolicy({ delegate: true }, config('enforce_ok_as_delegate = no'))).toBe(true);
    expect(delegationPolicy({}, enforced)).toBe(false);
  });

  it('get channelBound by client_aware_channel_bindings', () => {
    const aware = config('client_aware_channel_bindings = true');
    expect(contextFlags({ flags: 2 }, aware)).toBe(2 | GSS_FLAGS.channelBound);
    expect(contextFlags({ flags: 2 }, config(''))).toBe(2);
  });

  it.each([
    [{ delegate: 'always' }, TypeError],
    [{ delegate: 1 }, TypeError],
    [{ mechanism: 'ntlm' }, TypeError],
    [{ anomalies: 'ignore' }, TypeError],
    [{ flags: GSS_FLAGS.delegation }, RangeError],
    [{ flags: 0x80 }, RangeError],
    [{ channelBindings: 'tls-server-end-point:' }, TypeError],
    [{ channelBindings: { applicationData: 'tls-server-end-point:' } }, TypeError],
  ])('that mean nothing are refused before a KDC is asked: %j', async (options, type) => {
    const client = fromPassword('alice', 'secret', { config: config('default_realm = NOWHERE.TEST') });
    await expect(client.securityContext('HTTP/plain@R', options as ContextOptions)).rejects.toThrow(type);
  });

  it('anonymous is refused before a KDC is asked', async () => {
    const client = fromPassword('alice', 'secret', { config: config('default_realm = NOWHERE.TEST') });
    const context = client.securityContext('HTTP/plain@R', { flags: GSS_FLAGS.anonymous });
    expect(await codeOf(context)).toBe('ERR_NOT_ANONYMOUS');
  });
});

describe('fromCredentials', () => {
  it('acts by what was delegated, as far as that goes', async () => {
    const credentials = await delegated(await login(), 'HTTP/plain', { delegate: true });
    const client = fromCredentials(credentials, { config: realm.config });
    expect(client.principal.components).toEqual(['alice']);
    expect(await delegated(client, 'HTTP/trusted', { delegate: true })).toHaveLength(1);
    expect(await codeOf(client.login())).toBe('ERR_NO_KEY');
    client.dispose();
    expect(credentials[0]!.sessionKey.value.every((octet) => octet === 0)).toBe(true);
    expect(await codeOf(client.serviceTicket('HTTP/plain'))).toBe('ERR_DISPOSED');
  });

  it('needs credentials of one principal', async () => {
    const { config } = realm;
    expect(() => fromCredentials([], { config })).toThrowError(
      expect.objectContaining({ code: 'ERR_NO_TICKET' }),
    );
    const [mine, theirs] = [await login(), await login('barred')];
    const both = [await mine.ticketGrantingTicket(), await theirs.ticketGrantingTicket()];
    expect(() => fromCredentials(both, { config })).toThrow(RangeError);
    expect(() => fromCredentials('x' as unknown as [], { config })).toThrow(TypeError);
  });
});

/** What login options come to on the wire, and which are refused. */
import { describe, expect, it } from 'vitest';
import { type LoginOptions, loginRequest } from '../../src/client/request.js';
import { fromKey, hasFlag, KDC_OPTIONS, type Principal, parsePrincipal } from '../../src/index.js';
import { decode } from '../../src/messages/module.js';
import { config, HOUR, realm } from './identity.js';

/** The last AS-REQ of a login, whatever comes of it. */
async function requestOf(options: LoginOptions) {
  const made = realm();
  const nowSeconds = Math.floor(made.environment.nowMs() / 1000);
  await made
    .client()
    .login(options)
    .catch(() => undefined);
  const requests = made.kdc.requests.map((octets) => decode('AsReq', octets));
  return { requests, body: requests.at(-1)!.reqBody, nowSeconds };
}

describe('login options', () => {
  it('ask for a postdated ticket, whose lifetimes begin when it does', async () => {
    const { body, nowSeconds } = await requestOf({
      ...{ startSeconds: HOUR, lifetimeSeconds: 600, renewLifetimeSeconds: 1200 },
    });
    const start = nowSeconds + HOUR;
    expect([body.from, body.till, body.rtime]).toEqual([start, start + 600, start + 1200]);
    expect(hasFlag(body.kdcOptions, KDC_OPTIONS.postdated)).toBe(true);
    expect(hasFlag(body.kdcOptions, KDC_OPTIONS.allowPostdate)).toBe(true);
  });

  it('ask for addresses', async () => {
    const addresses = [{ addrType: 2, address: Uint8Array.of(10, 0, 0, 1) }];
    expect((await requestOf({ addresses })).body.addresses).toEqual(addresses);
    expect((await requestOf({})).body.addresses).toBeUndefined();
  });

  it.each([
    [true, '3005a0030101ff'],
    [false, '3005a003010100'],
    [undefined, undefined],
  ])('say whether a PAC is wanted in each request: %s', async (requestPac, octets) => {
    const { requests } = await requestOf({ requestPac });
    expect(requests.length).toBe(2);
    for (const { padata = [] } of requests) {
      const wish = padata.find(({ padataType }) => padataType === 128)?.padataValue;
      expect(wish && Buffer.from(wish).toString('hex')).toBe(octets);
    }
  });

  it('let the KDC replace an enterprise name, and no other unless the configuration says so', () => {
    const enterprise = parsePrincipal('alice@example.com@EXAMPLE.TEST', { enterprise: true });
    const options = (client: Principal): number => loginRequest(client, config(), [18], 0, {}).kdcOptions;
    expect(hasFlag(options(enterprise), KDC_OPTIONS.canonicalize)).toBe(true);
    const plain = parsePrincipal('alice@EXAMPLE.TEST');
    expect(hasFlag(options(plain), KDC_OPTIONS.canonicalize)).toBe(false);
  });

  it.each<[string, LoginOptions]>([
    ['lifetimeSeconds', { lifetimeSeconds: Number.NaN }],
    ['lifetimeSeconds', { lifetimeSeconds: 0.5 }],
    ['lifetimeSeconds', { lifetimeSeconds: -1 }],
    ['lifetimeSeconds', { lifetimeSeconds: 0 }],
    ['lifetimeSeconds', { lifetimeSeconds: Number.POSITIVE_INFINITY }],
    ['renewLifetimeSeconds', { renewLifetimeSeconds: -1 }],
    ['renewLifetimeSeconds', { renewLifetimeSeconds: 3.25 }],
    ['startSeconds', { startSeconds: 0 }],
    ['startSeconds', { startSeconds: Number.NaN }],
  ])('are whole numbers: %s in %o', async (name, options) => {
    const made = realm();
    const error = await made
      .client()
      .login(options)
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(RangeError);
    expect((error as Error).message).toContain(name);
    expect(made.asked).toEqual([]);
  });

  it('are numbers', async () => {
    const options = { lifetimeSeconds: '10h' } as unknown as LoginOptions;
    await expect(realm().client().login(options)).rejects.toThrow(TypeError);
  });

  it('may switch off what the configuration asks for', async () => {
    const made = realm();
    const client = fromKey('alice', made.key, {
      ...made.options,
      config: { ...config(), renewLifetimeSeconds: HOUR },
    });
    await client.login({ renewLifetimeSeconds: 0 });
    expect(decode('AsReq', made.kdc.requests[0]!).reqBody.rtime).toBeUndefined();
  });
});

describe('the result of a login', () => {
  it('tells how the client proved itself and whether the KDC knows FAST', async () => {
    const made = realm();
    const client = made.client();
    const result = await client.login();
    expect(result).toMatchObject({ preauthType: 2, fastAvailable: false });
    const { config } = client.credentialCache(result);
    expect(config.map(({ key }) => key)).toEqual(['pa_type']);
  });
});

it('a postdated ticket is of no use before a KDC has validated it', async () => {
  const made = realm();
  const client = made.client();
  made.kdc.extraFlags.set('krbtgt/EXAMPLE.TEST', 0x01000000);
  await client.login().catch(() => undefined);
  made.asked.length = 0;
  made.kdc.extraFlags.clear();
  await client.ticketGrantingTicket();
  expect(made.asked).toEqual(['AS', 'AS']);
});

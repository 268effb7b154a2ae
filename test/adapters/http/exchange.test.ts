/** The negotiation itself, without a server; and what makes one authentication differ from another. */
import { X509Certificate } from 'node:crypto';
import { Agent } from 'node:https';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rememberCertificate } from '../../../src/adapters/http/certificates.js';
import { NegotiateExchange } from '../../../src/adapters/http/exchange.js';
import { negotiateRequest } from '../../../src/adapters/http/index.js';
import { claim, identityOf, isForeign } from '../../../src/adapters/http/nodeConnections.js';
import type { NegotiateOptions } from '../../../src/adapters/http/options.js';
import { settingsOf, targetOf } from '../../../src/adapters/http/settings.js';
import { toBase64 } from '../../../src/bytes.js';
import { KdcError } from '../../../src/errors.js';
import { formatPrincipal } from '../../../src/formats/principal.js';
import type { KdcErrorSymbol } from '../../../src/iana/errorCodes.js';
import type { Client } from '../../../src/index.js';
import { codeThrown } from '../../support/gssContexts.js';
import { certificate, failure, listen, openStage, type Stage } from './servers.js';

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.stop());

const target = targetOf(new URL('https://localhost/'));
const exchange = (options: Partial<NegotiateOptions> = {}): NegotiateExchange =>
  new NegotiateExchange(settingsOf({ client: stage.alice, ...options }), target, stage.alice);

describe('tokens', () => {
  it('that are never written, because every connection shows another certificate, come to an end', async () => {
    const negotiation = exchange();
    const tokens = async (): Promise<never> => {
      for (let made = 0; ; made++) {
        expect(made).toBeLessThan(100);
        await negotiation.authorization();
        negotiation.unsent();
      }
    };
    expect(await failure(tokens())).toMatchObject({ code: 'ERR_HTTP_AUTH_LOOP' });
  });
});

it('a 401 to a token that was bound to this certificate stays, whatever was seen in between', async () => {
  const turns = targetOf(new URL('https://turns.test/'));
  const [one, other] = [certificate(), certificate()].map(({ cert }) => new X509Certificate(cert).raw);
  const show = (raw: unknown): void => rememberCertificate({ getPeerCertificate: () => ({ raw }) }, turns);
  const { client } = scripted();
  const negotiation = new NegotiateExchange(settingsOf({ client }), turns, client);
  show(one);
  await negotiation.authorization();
  show(other);
  expect(negotiation.judge(401, ['Negotiate'])).toBe('authenticate');
  await negotiation.authorization();
  show(one);
  show(other);
  expect(negotiation.judge(401, ['Negotiate'])).toBe('sanitize');
});

describe('a proof that nothing was sent for', () => {
  it.each(['required', 'optional'] as const)('is wrong whatever the status (mutual %s)', (mutual) => {
    for (const status of [200, 302, 404, 500]) {
      const judge = (): unknown => exchange({ mutual }).judge(status, ['Negotiate oQcwBaADCgEA'], true);
      expect(codeThrown(judge)).toBe('ERR_HTTP_MUTUAL_AUTH');
    }
  });
});

/** A client whose contexts give one token after the other, and tell when they are deleted. */
function scripted(more: object = {}) {
  const deleted: number[] = [];
  let contexts = 0;
  const securityContext = async () => {
    const number = contexts++;
    const step = (token?: Uint8Array) => ({ token: token ?? new Uint8Array(1), done: false });
    return { step, mutuallyAuthenticated: false, delete: () => deleted.push(number), ...more };
  };
  return { client: { securityContext } as unknown as Client, deleted };
}

describe('contexts', () => {
  it('are deleted when another token is made, and at the end', async () => {
    const { client, deleted } = scripted();
    const negotiation = new NegotiateExchange(settingsOf({ client }), target, client);
    await negotiation.authorization();
    await negotiation.authorization();
    expect(deleted).toEqual([0]);
    expect(negotiation.judge(500, [])).toBe('sanitize');
    expect(deleted).toEqual([0, 1]);
  });

  it('give the token for the next leg', async () => {
    const { client, deleted } = scripted();
    const negotiation = new NegotiateExchange(settingsOf({ client }), target, client);
    await negotiation.authorization();
    expect(negotiation.judge(401, ['Negotiate AQID'])).toBe('authenticate');
    expect(await negotiation.authorization()).toBe('Negotiate AQID');
    expect(deleted).toEqual([]);
  });
});

describe('a refusal', () => {
  /** Whether each of several refusals of that kind gets another token, and what was forgotten. */
  async function answers(symbol: KdcErrorSymbol): Promise<{ verdicts: string[]; forgotten: unknown[] }> {
    const forgotten: unknown[] = [];
    const step = (token?: Uint8Array) => {
      if (token === undefined) return { token: new Uint8Array(1), done: false };
      const details = { number: 0, symbol, realm: 'R', principal: 'p', serverTimeMs: 0, skewSeconds: 0 };
      throw new KdcError({ ...details, eText: undefined, eData: undefined, sender: 'service' });
    };
    const { client } = scripted({ step });
    Object.assign(client, { forget: (service: unknown) => forgotten.push(service) });
    const negotiation = new NegotiateExchange(settingsOf({ client }), target, client);
    const verdicts: string[] = [];
    for (let i = 0; i < 3 && verdicts.at(-1) !== 'sanitize'; i++) {
      await negotiation.authorization();
      verdicts.push(negotiation.judge(401, ['Negotiate AAAA']));
    }
    expect(negotiation.refusal).toMatchObject({ code: symbol });
    return { verdicts, forgotten };
  }

  it.each<[KdcErrorSymbol, string[], string[]]>([
    ['KRB_AP_ERR_REPEAT', ['authenticate', 'sanitize'], []],
    ['KRB_AP_ERR_MODIFIED', ['authenticate', 'sanitize'], ['HTTP@localhost']],
    ['KRB_AP_ERR_BADKEYVER', ['authenticate', 'sanitize'], ['HTTP@localhost']],
    ['KRB_AP_ERR_TKT_EXPIRED', ['authenticate', 'sanitize'], ['HTTP@localhost']],
    ['KRB_AP_ERR_SKEW', ['sanitize'], []],
  ])('%s leads to %j, and what is forgotten is %j', async (symbol, verdicts, forgotten) => {
    expect(await answers(symbol)).toEqual({ verdicts, forgotten });
  });
});

describe('whether the server has proved itself', () => {
  it('is what the context says, not that its token was no error', async () => {
    const { client } = scripted();
    const negotiation = new NegotiateExchange(settingsOf({ client }), target, client);
    await negotiation.authorization();
    expect(codeThrown(() => negotiation.judge(200, ['Negotiate AAAA']))).toBe('ERR_HTTP_MUTUAL_AUTH');
  });

  it('is asked of each answer anew', async () => {
    const negotiation = exchange();
    const token = Buffer.from((await negotiation.authorization()).slice('Negotiate '.length), 'base64');
    const proof = stage.realm.acceptor('HTTP/localhost').accept(new Uint8Array(token)).token!;
    expect(negotiation.judge(200, [`Negotiate ${toBase64(proof)}`])).toBe('deliver');
    expect(negotiation.verified).toBe(true);
    expect(negotiation.judge(500, [])).toBe('sanitize');
    expect(negotiation.verified).toBe(false);
  });
});

describe('connections', () => {
  /** The identity that requests with these options have. */
  const keyOf = (options: Partial<NegotiateOptions> = {}): string =>
    identityOf(exchange(options), undefined, settingsOf({ client: stage.alice, ...options })).key;

  it.each<[string, Partial<NegotiateOptions>]>([
    ['service', { service: 'other' }],
    ['hostname', { hostname: 'www.example.test' }],
    ['mechanism', { mechanism: 'krb5' }],
    ['mutual', { mutual: 'optional' }],
    ['delegate', { delegate: true }],
    ['channelBindings', { channelBindings: 'required' }],
  ])('are not shared by requests that differ in %s', (_, options) => {
    expect(keyOf(options)).not.toBe(keyOf());
    expect(keyOf(options)).toBe(keyOf(options));
  });

  it('are not shared by requests of other identities at the proxy', () => {
    const settings = settingsOf({ client: stage.alice });
    const proxy = (client: Client): NegotiateExchange =>
      new NegotiateExchange(settingsOf({ client }), { ...target, proxy: true }, client);
    const key = (client: Client): string => identityOf(exchange(), proxy(client), settings).key;
    expect(key(stage.alice)).not.toBe(key(stage.bob));
    expect(key(stage.bob)).toBe(key(stage.bob));
  });

  it('belong to who sent a token over them, client and all', () => {
    const identity = { client: stage.alice, owner: stage.alice, key: 'a' };
    const socket = {};
    expect(isForeign(socket, identity)).toBe(false);
    claim(socket, identity);
    expect(isForeign(socket, { ...identity })).toBe(false);
    expect(isForeign(socket, { ...identity, key: 'b' })).toBe(true);
    expect(isForeign(socket, { ...identity, client: stage.bob })).toBe(true);
    expect(isForeign(socket, { ...identity, client: undefined })).toBe(true);
  });

  it('that were authenticated without bindings are of no use where bindings are required', async () => {
    const acceptor = stage.realm.acceptor('HTTP/localhost');
    const known = new WeakMap<object, string>();
    const server = await listen(({ headers: { authorization }, socket }, response) => {
      if (authorization !== undefined) {
        const accepted = acceptor.accept(new Uint8Array(Buffer.from(authorization.slice(10), 'base64')));
        known.set(socket, formatPrincipal(accepted.client!));
        response.setHeader('www-authenticate', `Negotiate ${toBase64(accepted.token!)}`);
      }
      if (!known.has(socket)) response.writeHead(401, { 'www-authenticate': 'Negotiate' });
      response.end(known.get(socket));
    }, certificate());
    const agent = new Agent({ keepAlive: true, rejectUnauthorized: false });
    for (const channelBindings of ['off', 'off', 'required', 'required'] as const) {
      const options = { client: stage.alice, request: { agent }, connectionBound: true, channelBindings };
      const response = await negotiateRequest(server.origin, options);
      expect(await response.toArray()).toHaveLength(1);
    }
    // One 401 and one token for each policy, and requests without token on the connection of the same policy.
    expect(server.authorizations.map((value) => value !== undefined)).toEqual([
      ...[false, true, false],
      ...[false, true, false],
    ]);
    agent.destroy();
    await server.stop();
  });
});

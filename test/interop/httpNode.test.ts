/** node:http and node:https at Apache. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { startApacheSite } from '../../scripts/realServers/index.mjs';
import { type NegotiateRequestOptions, negotiateRequest } from '../../src/adapters/http/index.js';
import { alice, mark, requestsWith, useServer } from './httpSupport.js';
import { failure } from './library.js';

const site = useServer(startApacheSite);

const USER = 'REMOTE_USER=alice@EXAMPLE.TEST\n';
const MUTUAL = { code: 'ERR_HTTP_MUTUAL_AUTH' };
const BODY = 'body '.repeat(30_000);
const ECHOED = `length=${BODY.length}\nsha256=${createHash('sha256').update(BODY).digest('hex')}\n`;

describe('node:http and node:https', () => {
  type Options = Partial<NegotiateRequestOptions>;

  const textOf = async (response: IncomingMessage) => Buffer.concat(await response.toArray()).toString();

  function ask(url: string, options: Options = {}): Promise<IncomingMessage> {
    const { request: sent, ...rest } = options;
    const ca = readFileSync(site().ca);
    return negotiateRequest(url, { client: alice(), request: { ca, ...sent }, ...rest });
  }

  async function get(url: string, options: Options = {}): Promise<[status: number, text: string]> {
    const response = await ask(url, options);
    return [response.statusCode ?? 0, await textOf(response)];
  }

  it('node: requests are let in, after a 401 and at once', async () => {
    for (const preemptive of [false, true]) {
      const query = mark();
      expect(await get(`${site().http}/krb${query}`, { preemptive })).toEqual([200, USER]);
      expect(await get(`${site().https}/krb`, { preemptive })).toEqual([200, USER]);
      const requests = await requestsWith(site(), query);
      expect(requests.map(({ status }) => status)).toEqual(preemptive ? [200] : [401, 200]);
    }
  });

  it('node: mutual authentication', async () => {
    expect(await failure(ask(`${site().http}/stripped`))).toMatchObject(MUTUAL);
    expect(await failure(ask(`${site().http}/forged`, { mutual: 'optional' }))).toMatchObject(MUTUAL);
    expect(await get(`${site().http}/stripped`, { mutual: 'optional' })).toEqual([200, USER]);
    expect(await get(`${site().http}/forged`, { mutual: 'disabled' })).toEqual([200, USER]);
  });

  it('node: error responses without proof are sanitized, unless told not to', async () => {
    const response = await ask(`${site().http}/stripped/500`);
    expect(response.headers).not.toHaveProperty('x-secret');
    expect([response.statusCode, await textOf(response)]).toEqual([500, '']);
    expect(await get(`${site().http}/stripped/500`, { sanitizeErrors: false })).toEqual([500, 'a secret\n']);
    expect(await get(`${site().http}/error/500`)).toEqual([500, 'a secret\n']);
  });

  it('node: several schemes and headers, and one more token after a refusal', async () => {
    expect(await get(`${site().http}/several`)).toEqual([200, USER]);
    expect(await get(`${site().http}/list`)).toEqual([200, USER]);
    const query = mark();
    expect((await get(`${site().http}/other-key${query}`))[0]).toBe(401);
    expect(await requestsWith(site(), query)).toHaveLength(3);
  });

  it('node: bodies arrive whole, or are refused', async () => {
    const post = async (body: NegotiateRequestOptions['body'], options: Options = {}) =>
      (await get(`${site().http}/echo`, { body, request: { method: 'POST' }, ...options }))[1];
    for (const preemptive of [false, true]) {
      expect(await post(BODY, { preemptive })).toContain(ECHOED);
      expect(await post(Buffer.from(BODY), { preemptive })).toContain(ECHOED);
    }
    expect(await post(Readable.from([BODY]), { preemptive: true })).toContain(ECHOED);
    expect(await post(Readable.from([BODY]), { replayLimit: 1_000_000 })).toContain(ECHOED);
    const error = await failure(post(Readable.from([BODY])));
    expect(error).toMatchObject({ code: 'ERR_HTTP_BODY_REPLAY' });
  });

  it('node: redirections are handed out, not followed', async () => {
    const response = await ask(`${site().http}/go/same`);
    expect(response.statusCode).toBe(302);
    response.resume();
  });

  it('node: delegation only on opt-in, over TLS', async () => {
    expect((await get(`${site().https}/deleg`))[1]).toContain('KRB5CCNAME=(none)');
    expect((await get(`${site().https}/deleg`, { delegate: true }))[1]).toContain('KRB5CCNAME=FILE:');
    const error = await failure(ask(`${site().http}/deleg`, { delegate: true }));
    expect(error).toMatchObject({ code: 'ERR_HTTP_DELEGATION' });
  });

  it('node: one token per connection where the server binds the identity to it', async () => {
    const client = alice();
    const query = mark();
    for (let i = 0; i < 5; i++) {
      const url = `${site().http}/bound${query}`;
      expect(await get(url, { client, preemptive: true, connectionBound: true })).toEqual([200, USER]);
    }
    const requests = await requestsWith(site(), query);
    expect(new Set(requests.map(({ connection }) => connection)).size).toBe(1);
    expect(requests.filter(({ authorization }) => authorization !== undefined)).toHaveLength(1);
    expect(requests.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
  });

  it('node: the connection of one identity is not used for another', async () => {
    const query = mark();
    const url = `${site().http}/bound${query}`;
    const options = { preemptive: true, connectionBound: true };
    expect(await get(url, options)).toEqual([200, USER]);
    const response = await ask(url, { ...options, client: () => undefined, mutual: 'optional' });
    response.resume();
    expect(response.statusCode).toBe(401);
  });

  it('node: 50 requests at once', async () => {
    const client = alice();
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => get(`${site().https}/krb`, { client })),
    );
    expect(new Set(answers.map(([status, text]) => `${status} ${text}`))).toEqual(new Set([`200 ${USER}`]));
  });
});

/** axios and got at Apache. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import axios from 'axios';
import got from 'got';
import { describe, expect, it } from 'vitest';
import { startApacheSite } from '../../scripts/realServers/index.mjs';
import { negotiateFetch, negotiateGotHooks } from '../../src/adapters/http/index.js';
import { alice, fetchThrough, mark, requestsWith, useAgent, useServer } from './httpSupport.js';
import { failure } from './library.js';

const site = useServer(startApacheSite);
const trusting = fetchThrough(useAgent(() => site().ca));

const USER = 'REMOTE_USER=alice@EXAMPLE.TEST\n';
const MUTUAL = { code: 'ERR_HTTP_MUTUAL_AUTH' };
const BODY = 'body '.repeat(30_000);
const ECHOED = `length=${BODY.length}\nsha256=${createHash('sha256').update(BODY).digest('hex')}\n`;

describe('axios', () => {
  const client = (options: object = {}) =>
    axios.create({
      adapter: 'fetch',
      env: { fetch: negotiateFetch({ client: alice(), fetch: trusting, ...options }) },
    });

  it('axios: requests are let in, after a 401 and at once', async () => {
    for (const preemptive of [false, true]) {
      const { status, data } = await client({ preemptive }).get(`${site().https}/krb`);
      expect([status, data]).toEqual([200, USER]);
      const echoed = await client({ preemptive }).post(`${site().http}/echo`, BODY);
      expect(echoed.data).toContain(ECHOED);
    }
  });

  it('axios: mutual authentication, redirections', async () => {
    expect(await failure(client().get(`${site().http}/stripped`))).toMatchObject({ cause: MUTUAL });
    expect((await client().get(`${site().http}/dir`)).data).toBe(USER);
    expect(await failure(client().get(`${site().http}/go/port`))).toMatchObject({
      response: { status: 401 },
    });
  });
});

describe('got', () => {
  const client = (options: object = {}) =>
    got.extend({
      hooks: negotiateGotHooks({ client: alice(), origins: [site().http, site().https], ...options }),
      https: { certificateAuthority: readFileSync(site().ca, 'utf8') },
      retry: { limit: 0 },
    });

  it('got: requests are let in, after a 401 and at once', async () => {
    for (const preemptive of [false, true]) {
      expect(await client({ preemptive })(`${site().https}/krb`).text()).toBe(USER);
      const echoed = await client({ preemptive }).post(`${site().http}/echo`, { body: BODY }).text();
      expect(echoed).toContain(ECHOED);
    }
  });

  it('got: redirections get a fresh token for each hop, and none outside the list', async () => {
    for (const preemptive of [false, true]) {
      const query = mark();
      expect(await client({ preemptive })(`${site().http}/dir${query}`).text()).toBe(USER);
      const requests = await requestsWith(site(), query);
      const tokens = requests.flatMap(({ authorization }) => authorization ?? []);
      expect(new Set(tokens).size).toBe(tokens.length);
      expect(await failure(client({ preemptive })(`${site().http}/go/port`))).toMatchObject({
        response: { statusCode: 401 },
      });
    }
  });

  it('got: mutual authentication', async () => {
    const error = await failure(client()(`${site().http}/stripped`));
    expect([
      (error as { code?: string }).code,
      (error as { cause?: { code?: string } }).cause?.code,
    ]).toContain('ERR_HTTP_MUTUAL_AUTH');
    expect(await client({ mutual: 'optional' })(`${site().http}/stripped`).text()).toBe(USER);
  });

  it('got: streams are refused, for nothing could be verified before they flow', async () => {
    const stream = client().stream(`${site().http}/krb`);
    expect(await failure(stream.toArray())).toMatchObject({ message: expect.stringContaining('got.stream') });
  });

  it('got: error responses without proof are sanitized, unless told not to', async () => {
    const body = async (options: object) => {
      const answer = await client(options)(`${site().http}/stripped/500`, { throwHttpErrors: false });
      return [answer.statusCode, answer.body, answer.headers['x-secret']];
    };
    expect(await body({})).toEqual([500, '', undefined]);
    expect(await body({ sanitizeErrors: false })).toEqual([500, 'a secret\n', '1']);
  });
});

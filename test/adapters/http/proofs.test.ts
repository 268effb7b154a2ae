/** Proofs of servers: required, optional, disabled; error responses without proof are sanitized. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type NegotiateFetchOptions,
  negotiateFetch,
  negotiationOf,
} from '../../../src/adapters/http/index.js';
import { failure, listen, openStage, type Stage } from './servers.js';

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.stop());

const negotiate = (options: Partial<NegotiateFetchOptions> = {}): typeof fetch =>
  negotiateFetch({ client: stage.alice, ...options });

describe('proofs', () => {
  /** Authenticates, then answers with a status and headers of the test's own. */
  const answering = (status: number, headers: Record<string, string | string[]> = {}) =>
    stage.negotiating((_request, response) => {
      if (headers['www-authenticate'] === '') response.removeHeader('www-authenticate');
      else for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
      response.statusCode = status;
      response.setHeader('x-secret', '1');
      response.setHeader('server', 'test');
      response.end('the body');
    });
  const without = { 'www-authenticate': '' };
  const MUTUAL = { code: 'ERR_HTTP_MUTUAL_AUTH' };

  it('required: no proof, no response', async () => {
    for (const status of [200, 204, 304, 302]) {
      const own = await answering(status, without);
      expect(await failure(negotiate({ preemptive: true })(own.origin))).toMatchObject(MUTUAL);
      expect(await failure(negotiate()(own.origin))).toMatchObject(MUTUAL);
    }
  });

  it('required: a page that asks for nothing is refused', async () => {
    const open = await listen((_request, response) => void response.end('open'));
    const error = await failure(negotiate()(open.origin));
    expect(error).toMatchObject(MUTUAL);
    expect(error.message).toContain('preemptive');
    expect(await (await negotiate({ mutual: 'optional' })(open.origin)).text()).toBe('open');
    await open.stop();
  });

  it('a wrong proof is refused, whatever the status, unless nobody looks', async () => {
    const wrong = { 'www-authenticate': 'Negotiate oQcwBaADCgEA' };
    for (const status of [200, 404, 500]) {
      const own = await answering(status, wrong);
      for (const mutual of ['required', 'optional'] as const) {
        const error = await failure(negotiate({ mutual })(own.origin));
        expect(error).toMatchObject({
          ...MUTUAL,
          cause: expect.objectContaining({ code: 'ERR_SPNEGO_TOKEN' }),
        });
      }
      expect((await negotiate({ mutual: 'disabled' })(own.origin)).status).toBe(status);
    }
  });

  it('errors with a proof are handed out whole', async () => {
    const own = await answering(403);
    const response = await negotiate()(own.origin);
    expect([response.status, response.headers.get('x-secret')]).toEqual([403, '1']);
    expect(await response.text()).toBe('the body');
  });

  it('errors without proof are sanitized unless told not to', async () => {
    const own = await answering(500, without);
    const response = await negotiate()(own.origin);
    expect([...response.headers.keys()].sort()).toEqual(['content-length', 'date', 'server']);
    expect(response).toMatchObject({
      status: 500,
      statusText: 'Internal Server Error',
      url: `${own.origin}/`,
    });
    expect(await response.text()).toBe('');
    expect(negotiationOf(response)?.verified).toBe(false);
    for (const options of [
      { sanitizeErrors: false },
      { mutual: 'optional' },
      { mutual: 'disabled' },
    ] as const) {
      const whole = await negotiate(options)(own.origin);
      expect([whole.status, await whole.text()]).toEqual([500, 'the body']);
    }
  });

  it('a 401 that stays keeps its challenges', async () => {
    const own = await listen((_request, response) => {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"', 'x-secret': '1' }).end('the body');
    });
    const response = await negotiate()(own.origin);
    expect([response.status, await response.text()]).toEqual([401, '']);
    expect(response.headers.get('www-authenticate')).toBe('Basic realm="x"');
    expect(response.headers.get('x-secret')).toBe(null);
    await own.stop();
  });

  it('disabled: no proof is asked for', async () => {
    let mutual: boolean | undefined;
    const own = await stage.negotiating((_request, response, { context }) => {
      mutual = context.mutuallyAuthenticated;
      response.end();
    });
    await negotiate({ mutual: 'disabled' })(own.origin);
    expect(mutual).toBe(false);
    await negotiate()(own.origin);
    expect(mutual).toBe(true);
  });

  it('clones know where they come from', async () => {
    const own = await answering(500, without);
    const clone = (await negotiate()(own.origin)).clone();
    expect([clone.url, clone.redirected, clone.status]).toEqual([`${own.origin}/`, false, 500]);
  });
});

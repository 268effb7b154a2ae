/** What a caller gets wrong: an error that names the argument, and never the end of the program. */
import type { OutgoingHttpHeaders } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type NegotiateRequestOptions,
  negotiateFetch,
  negotiateInterceptor,
  negotiateRequest,
} from '../../../src/adapters/http/index.js';
import { failure, type Listening, openStage, type Stage } from './servers.js';

let stage: Stage;
let server: Listening;
beforeAll(async () => {
  stage = await openStage();
  server = await stage.negotiating();
});
afterAll(() => stage.stop());

/** As JavaScript would pass it. */
const request = (options: Record<string, unknown>): Promise<unknown> =>
  negotiateRequest(server.origin, {
    client: stage.alice,
    request: { method: 'POST' },
    ...options,
  } as unknown as NegotiateRequestOptions);

const form = new FormData();
form.set('a', 'b');

describe('a body that negotiateRequest cannot send', () => {
  it.each<[string, unknown]>([
    ['null', null],
    ['a number', 5],
    ['an object', { a: 1 }],
    ['an ArrayBuffer', new ArrayBuffer(3)],
    ['other numbers than octets', new Uint16Array(3)],
    ['a Blob', new Blob(['x'])],
    ['a FormData', form],
    ['an empty FormData', new FormData()],
    ['a URLSearchParams', new URLSearchParams('a=b')],
  ])('%s', async (_, body) => {
    const before = server.requests.length;
    for (const preemptive of [true, false]) {
      const error = await failure(request({ body, preemptive }));
      expect(error).toBeInstanceOf(TypeError);
      expect(error.message).toMatch(/^body must be/);
    }
    expect(server.requests.length).toBe(before);
  });

  it.each<[string, unknown]>([
    ['numbers', [1, 2]],
    ['objects', [{ a: 1 }]],
  ])('an iterable of %s', async (_, body) => {
    expect(await failure(request({ body, preemptive: true }))).toBeInstanceOf(TypeError);
  });
});

describe('options', () => {
  it.each<[string, unknown]>([
    ['client', 'alice'],
    ['client', Promise.resolve()],
    ['connectionBound', 'false'],
    ['preemptive', 1],
    ['hostname', 5],
    ['trace', console],
    ['replayLimit', -1],
  ])('%s: %o', async (name, value) => {
    const error = await failure(request({ [name]: value }));
    expect(error).toBeInstanceOf(name === 'replayLimit' ? RangeError : TypeError);
    expect(error.message).toMatch(new RegExp(`^${name} must be`));
  });

  it.each([null, 'alice', {}])('client: a function that gives %o', async (given) => {
    const client = (() => given) as unknown as () => undefined;
    expect((await failure(negotiateFetch({ client })(server.origin))).message).toMatch(/^client must give/);
    expect((await failure(request({ client }))).message).toMatch(/^client must give/);
    const errors: Error[] = [];
    const refused = new Promise<void>((resolve) => {
      const handler = {
        onResponseError(_controller: unknown, error: Error) {
          errors.push(error);
          resolve();
        },
      };
      const dispatch = (_options: object, _handler: object) => true;
      const intercepted = negotiateInterceptor({ client, origins: [server.origin] })(dispatch);
      intercepted({ origin: server.origin, method: 'GET' }, handler);
    });
    await refused;
    expect(errors[0]?.message).toMatch(/^client must give/);
  });
});

describe('headers', () => {
  it.each<[string, OutgoingHttpHeaders | readonly string[]]>([
    ['an object', { 'X-A': ['1', '2'], 'x-b': 3, 'x-c': undefined }],
    ['a list', ['X-A', '1', 'x-a', '2', 'x-b', '3']],
  ])('%s arrives beside the token, from the first request on', async (_, headers) => {
    const own = await stage.negotiating(({ rawHeaders }, response) =>
      response.end(JSON.stringify(rawHeaders)),
    );
    for (const preemptive of [true, false]) {
      const answer = await negotiateRequest(own.origin, {
        client: stage.alice,
        preemptive,
        request: { headers },
      });
      const raw: string[] = JSON.parse(Buffer.concat(await answer.toArray()).toString());
      const given = raw.flatMap((name, i) => (/^x-/i.test(name) ? [`${name}: ${raw[i + 1]}`] : []));
      expect(given).toEqual(['X-A: 1', 'X-A: 2', 'x-b: 3']);
      expect(raw.filter((name) => name.toLowerCase() === 'host')).toHaveLength(1);
    }
  });

  it('expect: 100-continue does not keep the token away', async () => {
    const headers = { Expect: '100-continue' };
    for (const preemptive of [true, false]) {
      const sent = { client: stage.alice, preemptive, request: { method: 'POST', headers }, body: 'hello' };
      const answer = await negotiateRequest(server.origin, sent);
      expect(Buffer.concat(await answer.toArray()).toString()).toBe('alice@EXAMPLE.TEST POST / hello');
    }
  });
});

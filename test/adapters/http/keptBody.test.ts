/** Bodies that can be read once, read again. */
import { expect, it } from 'vitest';
import { KeptBody } from '../../../src/adapters/http/body.js';
import { failure } from './servers.js';

async function read(body: KeptBody): Promise<unknown[]> {
  const chunks: unknown[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return chunks;
}

async function* parts(...chunks: string[]): AsyncGenerator<string> {
  yield* chunks;
}

it('a source that failed fails again: it must not look as if it had ended', async () => {
  async function* broken(): AsyncGenerator<string> {
    yield 'a';
    throw new Error('broken');
  }
  const body = new KeptBody(broken(), 100);
  for (let i = 0; i < 2; i++) {
    expect((await failure(read(body))).message).toBe('broken');
    body.rewind('401');
  }
});

it.each([0, 1])('an iteration fails when another has begun, also when that is %i ahead', async (ahead) => {
  const body = new KeptBody(parts('a', 'b', 'c'), 100);
  const first = body[Symbol.asyncIterator]();
  expect(await first.next()).toEqual({ done: false, value: 'a' });
  const second = body[Symbol.asyncIterator]();
  const rest = ['a', 'b', 'c'];
  for (const value of rest.splice(0, ahead + 1)) expect(await second.next()).toEqual({ done: false, value });
  expect((await failure(first.next())).message).toBe('the body is being sent again');
  for (const value of rest) expect(await second.next()).toEqual({ done: false, value });
  expect((await second.next()).done).toBe(true);
});

it('what is beyond the limit is not kept, and not given a second time without it', async () => {
  const kept = new KeptBody(parts('ab', 'cd'), 4);
  expect([await read(kept), await read(kept)]).toEqual([
    ['ab', 'cd'],
    ['ab', 'cd'],
  ]);
  const body = new KeptBody(parts('ab', 'cd', 'ef'), 4);
  expect(await read(body)).toEqual(['ab', 'cd', 'ef']);
  expect(() => body.rewind('401')).toThrow(expect.objectContaining({ code: 'ERR_HTTP_BODY_REPLAY' }));
});

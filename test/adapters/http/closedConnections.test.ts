/** Connections that end without an answer: what is sent again, and what must not be. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type NegotiateRequestOptions, negotiateRequest } from '../../../src/adapters/http/index.js';
import { failure, listen, openStage, type Stage } from './servers.js';

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.stop());

/** A server that ends the connection on the requests of those numbers, the first being 1; and how often it was asked. */
async function ending(...numbers: number[]) {
  const handler = stage.realm.httpHandler('HTTP/localhost', (_request, response) => response.end('ok'));
  let requests = 0;
  const server = await listen((request, response) => {
    if (numbers.includes(++requests)) request.socket.destroy();
    else handler(request, response);
  });
  const ask = async (request: NegotiateRequestOptions['request'], body?: string): Promise<string> => {
    const options = { client: stage.alice, preemptive: true, request, body };
    return Buffer.concat(await (await negotiateRequest(server.origin, options)).toArray()).toString();
  };
  return { ask, asked: () => requests, stop: server.stop };
}

it.each(['GET', 'HEAD', 'PUT', 'DELETE'])('%s on an idle connection is sent again', async (method) => {
  const { ask, asked, stop } = await ending(2);
  expect(await ask({})).toBe('ok');
  expect(await ask({ method })).toBe(method === 'HEAD' ? '' : 'ok');
  expect(asked()).toBe(3);
  await stop();
});

it.each(['POST', 'PATCH'])('%s is not: it may have been done', async (method) => {
  const { ask, asked, stop } = await ending(2);
  expect(await ask({})).toBe('ok');
  expect(await failure(ask({ method }, 'x'))).toMatchObject({ code: 'ECONNRESET' });
  expect(asked()).toBe(2);
  await stop();
});

it('nor is anything on a new connection', async () => {
  const { ask, asked, stop } = await ending(1, 2);
  expect(await failure(ask({}))).toMatchObject({ code: 'ECONNRESET' });
  expect(asked()).toBe(1);
  await stop();
});

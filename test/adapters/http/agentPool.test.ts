/** How many agents negotiateRequest keeps, and for how long. */
import { Agent, createServer, get, type IncomingMessage } from 'node:http';
import type { AddressInfo, LookupFunction } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { AgentPool, IDLE_MS, MOST_AGENTS } from '../../../src/adapters/http/agentPool.js';
import { negotiateRequest } from '../../../src/adapters/http/index.js';
import { fromPassword, parseConfig } from '../../../src/index.js';

/** A pool, and the agents that it has not retired. */
function watchedPool() {
  const pool = new AgentPool();
  const made = new Map<string, Agent>();
  const ask = (name: string): Agent =>
    pool.agent(name, () => {
      const agent = new Agent({ keepAlive: true });
      made.set(name, agent);
      return agent;
    });
  const kept = (): string[] =>
    [...made].flatMap(([name, { maxFreeSockets }]) => (maxFreeSockets === 0 ? [] : [name]));
  return { ask, kept };
}

afterEach(() => {
  vi.useRealTimers();
});

describe('a pool of agents', () => {
  it('keeps those that were asked for last, of any number of origins', () => {
    const { ask, kept } = watchedPool();
    const first = ask('first');
    for (let i = 0; i < 10_000; i++) {
      ask(String(i));
      if (i % 100 === 0) expect(ask('first')).toBe(first);
    }
    expect(kept()).toHaveLength(MOST_AGENTS);
    expect(kept()).toContain('first');
    expect(kept()).toContain('9999');
  });

  it('retires those that were not asked for in a while, without a further request', () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    const { ask, kept } = watchedPool();
    const used = ask('used');
    ask('idle');
    vi.advanceTimersByTime(IDLE_MS - 1);
    expect(ask('used')).toBe(used);
    expect(kept()).toEqual(['used', 'idle']);
    vi.advanceTimersByTime(1);
    expect(kept()).toEqual(['used']);
    vi.advanceTimersByTime(IDLE_MS);
    expect([kept(), vi.getTimerCount()]).toEqual([[], 0]);
    expect(ask('used')).not.toBe(used);
  });

  it('lets a response of a retired agent come to its end, then closes the connection', async () => {
    let answer: (() => void) | undefined;
    const server = createServer((_request, response) => {
      response.write('beginning ');
      answer = () => response.end('end');
    });
    server.keepAliveTimeout = 0;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const { ask } = watchedPool();
    const agent = ask('busy');
    const message = await new Promise<IncomingMessage>((resolve) => get({ port, agent }, resolve));
    for (let i = 0; i < MOST_AGENTS; i++) ask(String(i));
    expect(ask('busy')).not.toBe(agent);
    const closed = new Promise((resolve) => message.socket.once('close', resolve));
    answer!();
    expect(Buffer.concat(await message.toArray()).toString()).toBe('beginning end');
    await closed;
    server.close();
  });
});

describe('negotiateRequest', () => {
  it('leaves no more idle connections behind than it keeps agents, however many origins there are', async () => {
    const server = createServer((_request, response) => response.end('ok'));
    server.keepAliveTimeout = 0;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const lookup: LookupFunction = (_host, { all }, found) =>
      all === true ? found(null, [{ address: '127.0.0.1', family: 4 }]) : found(null, '127.0.0.1', 4);
    const config = parseConfig('[libdefaults]\n default_realm = EXAMPLE.TEST\n');
    const client = fromPassword('alice', 'secret', { config });
    const ask = async (host: number): Promise<string> => {
      const url = `http://host${host}.example.test:${port}/`;
      const message = await negotiateRequest(url, { client, mutual: 'disabled', request: { lookup } });
      return Buffer.concat(await message.toArray()).toString();
    };
    const open = () =>
      new Promise<number>((resolve, reject) =>
        server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
      );
    for (let i = 0; i < MOST_AGENTS + 100; i++) expect(await ask(i)).toBe('ok');
    await vi.waitFor(async () => expect(await open()).toBe(MOST_AGENTS), { timeout: 10_000 });
    expect(await ask(0)).toBe('ok');
    server.closeAllConnections();
    server.close();
  }, 60_000);
});

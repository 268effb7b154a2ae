/** Refreshing in the background, with timers and a clock that the test moves. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { KdcError, type RefreshFailure, TransportError } from '../../src/index.js';
import { type ScriptedEnvironment, scriptedEnvironment } from '../support/scriptedKdc.js';
import { HOUR, type Realm, realm } from './identity.js';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] }));
afterEach(() => void vi.useRealTimers());

const UNREACHABLE = new TransportError('ERR_KDC_UNREACHABLE', 'no network today');

/** The clock of the fake timers, finely ticking. */
function fakeClock(): ScriptedEnvironment {
  let readings = 0;
  return { ...scriptedEnvironment(), nowMs: () => Date.now() + (++readings % 1000) / 1e6 };
}

const newRealm = (): Realm => realm({}, fakeClock());
const pass = (seconds: number): Promise<unknown> => vi.advanceTimersByTimeAsync(seconds * 1000);

describe('a client that is kept fresh', () => {
  it('has a timer only when asked, and renews after half of the life, give or take a tenth', async () => {
    const made = newRealm();
    const client = made.client();
    await client.login({ lifetimeSeconds: 10 * HOUR, renewLifetimeSeconds: 100 * HOUR });
    expect(vi.getTimerCount()).toBe(0);
    made.asked.length = 0;
    const stop = client.keepFresh();
    await pass(5 * HOUR - 1);
    expect(made.asked).toEqual([]);
    await pass(HOUR + 2);
    expect(made.asked).toEqual(['renew']);
    await pass(70 * HOUR);
    expect(new Set(made.asked)).toEqual(new Set(['renew']));
    expect(made.asked.length).toBeGreaterThanOrEqual(11);
    expect(made.asked.length).toBeLessThanOrEqual(15);
    stop();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('logs in at once when there is no ticket, and again when renewing is at its end', async () => {
    const made = newRealm();
    const client = made.client();
    client.keepFresh();
    await pass(1);
    expect(made.asked).toEqual(['AS', 'AS']);
    await pass(15 * HOUR);
    expect(made.asked).toEqual(['AS', 'AS', 'AS', 'AS']);
    client.dispose();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('waits longer after each failure, tells of it, and goes on afterwards', async () => {
    const made = newRealm();
    const failures: RefreshFailure[] = [];
    made.failure = UNREACHABLE;
    const client = made.client();
    client.keepFresh({ onFailure: (failure) => failures.push(failure) });
    await pass(24 * HOUR);
    const waits = failures.map(({ retryInSeconds }) => retryInSeconds!);
    expect(failures.every(({ error }) => error === UNREACHABLE)).toBe(true);
    for (const [i, wait] of waits.entries()) {
      const least = Math.min(2 ** i, 600);
      expect(wait).toBeGreaterThanOrEqual(least);
      expect(wait).toBeLessThanOrEqual(least * 1.25);
    }
    expect(waits.length).toBeGreaterThan((24 * HOUR) / 750);
    expect(waits.length).toBeLessThan((24 * HOUR) / 600 + 12);
    expect(made.events.filter(({ event }) => event === 'tgt.refresh')).toHaveLength(waits.length);
    made.failure = undefined;
    made.asked.length = 0;
    await pass(750);
    expect(made.asked).toEqual(['AS', 'AS']);
    client.dispose();
  });

  it('asks once an hour after a refusal', async () => {
    const made = newRealm();
    const failures: unknown[] = [];
    const client = made.client();
    made.kdc.addPrincipal('alice', made.kdc.freshKey(18));
    client.keepFresh({ onFailure: ({ error }) => failures.push(error) });
    await pass(10 * HOUR);
    expect(failures.length).toBeGreaterThanOrEqual(8);
    expect(failures.length).toBeLessThanOrEqual(10);
    expect(failures.every((error) => error instanceof KdcError)).toBe(true);
    client.dispose();
  });

  it('gives up when there is nothing left to hope for', async () => {
    const made = newRealm();
    const login = await made.client().login({ lifetimeSeconds: HOUR });
    const { Client } = await import('../../src/client/client.js');
    const { config, connection } = made.options as Required<typeof made.options>;
    const client = new Client({
      ...{ config: config!, connection: connection!, environment: made.environment },
      principal: login.credential.client,
      credentials: [login.credential],
    });
    const failures: RefreshFailure[] = [];
    made.asked.length = 0;
    client.keepFresh({ onFailure: (failure) => failures.push(failure) });
    await pass(HOUR - 10);
    expect(failures).toEqual([]);
    await pass(HOUR);
    expect(failures).toMatchObject([{ error: { code: 'ERR_TICKET_EXPIRED' }, retryInSeconds: undefined }]);
    expect(vi.getTimerCount()).toBe(0);
    expect(made.asked).toEqual([]);
  });

  it.each([1, 2, 5])('is no busy loop with tickets of %i s', async (maxLifeSeconds) => {
    const made = realm({ maxLifeSeconds }, fakeClock());
    const client = made.client();
    const stop = client.keepFresh();
    await pass(100);
    const logins = made.asked.length / 2;
    expect(logins).toBeGreaterThan(100 / maxLifeSeconds / 2);
    expect(logins).toBeLessThanOrEqual(101);
    stop();
  });

  it('looks for what others put into the cache without asking in a circle', async () => {
    const made = newRealm();
    const other = made.client();
    let inCache = (await other.login({ lifetimeSeconds: HOUR })).credential;
    const { Client } = await import('../../src/client/client.js');
    const { config, connection } = made.options as Required<typeof made.options>;
    let readings = 0;
    const client = new Client({
      ...{ config: config!, connection: connection!, environment: made.environment },
      principal: inCache.client,
      credentials: [inCache],
      reload: async () => {
        readings++;
        return [inCache];
      },
    });
    client.keepFresh();
    await pass(HOUR - 60);
    expect(readings).toBeLessThan(20);
    inCache = (await other.login({ lifetimeSeconds: HOUR })).credential;
    await pass(90);
    expect(await client.ticketGrantingTicket()).toBe(inCache);
    await pass(24 * HOUR);
    expect(readings).toBeLessThan(300);
    client.dispose();
  });

  it('ends with the signal, also in the middle of a request', async () => {
    const made = newRealm();
    const controller = new AbortController();
    const failures: RefreshFailure[] = [];
    const connection = (_: unknown, signal?: AbortSignal): Promise<Uint8Array> =>
      new Promise((_resolve, reject) =>
        signal!.addEventListener('abort', () => reject(new Error('ended')), { once: true }),
      );
    const client = made.client({ connection });
    client.keepFresh({ signal: controller.signal, onFailure: (failure) => failures.push(failure) });
    await pass(1);
    controller.abort();
    await pass(HOUR);
    expect([vi.getTimerCount(), failures]).toEqual([0, []]);
    client.keepFresh({ signal: controller.signal });
    expect(vi.getTimerCount()).toBe(0);
  });

  it('shares requests with callers and other refreshing', async () => {
    const made = newRealm();
    const client = made.client();
    const stops = [client.keepFresh(), client.keepFresh()];
    const tickets = Promise.all([client.ticketGrantingTicket(), client.ticketGrantingTicket()]);
    await pass(1);
    expect(new Set(await tickets).size).toBe(1);
    expect(made.asked).toEqual(['AS', 'AS']);
    stops[0]!();
    await pass(15 * HOUR);
    expect(made.asked).toHaveLength(4);
    stops[1]!();
  });

  it('does not keep the program running', async () => {
    vi.useRealTimers();
    const made = newRealm();
    const spy = vi.spyOn(globalThis, 'setTimeout');
    const stop = made.client().keepFresh();
    const timer = spy.mock.results[0]!.value as NodeJS.Timeout;
    expect(timer.hasRef()).toBe(false);
    stop();
    spy.mockRestore();
  });
});

/** Identities that stay logged in by themselves, against MIT's KDC; lifetimes of seconds, so this waits for real. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { fromCcache, type TraceEvent } from '../../src/index.js';
import { configOf, failure, keytabClient, passwordClient } from './library.js';
import { servers } from './servers.js';

const { realm } = servers();

/** Credential cache of MIT's kinit with a ticket of few seconds. */
async function kinit(options: readonly string[]): Promise<string> {
  const ccache = realm.newCcache();
  const input = `${realm.users.alice}\n`;
  const done = await realm.run('kinit', [...options, 'alice'], { ccache, input });
  expect(done).toMatchObject({ status: 0 });
  return ccache;
}

describe('an identity', () => {
  it("renews the ticket of MIT's kinit before its end, for MIT's programs too", async () => {
    const ccache = await kinit(['-l', '5s', '-r', '1h']);
    const events: TraceEvent[] = [];
    const client = await fromCcache({ config: configOf(realm), ccache, trace: (e) => events.push(e) });
    const first = await client.ticketGrantingTicket();
    expect(first.endTime - first.authTime).toBeLessThanOrEqual(6);
    const stop = client.keepFresh();
    await sleep(7000);
    stop();
    expect(events.filter(({ event }) => event === 'tgt.refresh')).toEqual([]);
    const renewed = await client.ticketGrantingTicket();
    expect(renewed.authTime).toBe(first.authTime);
    expect(renewed.endTime).toBeGreaterThan(first.endTime);
    await client.serviceTicket('HTTP@localhost');
    expect(await realm.run('kvno', ['host/localhost'], { ccache })).toMatchObject({ status: 0 });
  });

  it('says so when the tickets of a cache have expired', async () => {
    const ccache = await kinit(['-l', '3s']);
    const client = await fromCcache({ config: configOf(realm), ccache });
    await client.ticketGrantingTicket();
    await sleep(4000);
    const error = await failure(client.serviceTicket('HTTP@localhost'));
    expect(error).toMatchObject({ code: 'ERR_TICKET_EXPIRED' });
  });

  it('logs in again with its keytab after the end', async () => {
    await realm.kadmin([`modprinc -maxlife "4 seconds" ${realm.keytabUser}`]);
    try {
      const client = await keytabClient();
      const service = await client.serviceTicket('HTTP@localhost');
      const first = await client.ticketGrantingTicket();
      expect(first.endTime - first.authTime).toBeLessThanOrEqual(5);
      await sleep(5000);
      const next = await client.serviceTicket('HTTP@localhost');
      expect(next.endTime).toBeGreaterThan(service.endTime);
      expect((await client.ticketGrantingTicket()).authTime).toBeGreaterThan(first.authTime);
      client.dispose();
    } finally {
      await realm.kadmin([`modprinc -maxlife "1 day" ${realm.keytabUser}`]);
    }
  });

  it("forgets a ticket after the service's key was changed", async () => {
    await realm.kadmin(['addprinc -randkey rekeyed/localhost']);
    const client = passwordClient('alice');
    const first = await client.serviceTicket('rekeyed/localhost');
    await realm.kadmin(['cpw -randkey rekeyed/localhost']);
    expect(await client.serviceTicket('rekeyed/localhost')).toBe(first);
    expect(client.forget('rekeyed/localhost')).toBe(true);
    expect((await client.serviceTicket('rekeyed/localhost')).ticket).not.toEqual(first.ticket);
  });
});

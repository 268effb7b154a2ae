/** Identities that stay logged in by themselves, against MIT's KDC; the client's clock is put ahead to where tickets end. */
import { describe, expect, it, vi } from 'vitest';
import { fromCcache, type TraceEvent } from '../../src/index.js';
import { configOf, failure, keytabClient, movableClock, passwordClient } from './library.js';
import { servers } from './servers.js';

const { realm } = servers();

/** Credential cache of MIT's kinit. */
async function kinit(options: readonly string[]): Promise<string> {
  const ccache = realm.newCcache();
  const input = `${realm.users.alice}\n`;
  const done = await realm.run('kinit', [...options, 'alice'], { ccache, input });
  expect(done).toMatchObject({ status: 0 });
  return ccache;
}

describe('an identity', () => {
  it("renews the ticket of MIT's kinit before its end, for MIT's programs too", async () => {
    const ccache = await kinit(['-l', '5m', '-r', '1h']);
    const events: TraceEvent[] = [];
    const trace = (event: TraceEvent): number => events.push(event);
    const environment = movableClock();
    const client = await fromCcache({ config: configOf(realm), ccache, trace, environment });
    const first = await client.ticketGrantingTicket();
    expect(first.endTime - first.authTime).toBeLessThanOrEqual(301);
    // Past half of its life: renewed at once, and again each second. `ticketGrantingTicket` would do so 70 seconds later.
    environment.aheadSeconds = 200;
    const stop = client.keepFresh();
    const renewed = await vi.waitFor(
      async () => {
        const ticket = await client.ticketGrantingTicket();
        expect(ticket.endTime).toBeGreaterThan(first.endTime);
        return ticket;
      },
      { timeout: 30_000 },
    );
    stop();
    environment.aheadSeconds = 0;
    expect(events.filter(({ event }) => event === 'tgt.refresh')).toEqual([]);
    expect(renewed.authTime).toBe(first.authTime);
    await client.serviceTicket('HTTP@localhost');
    expect(await realm.run('kvno', ['host/localhost'], { ccache })).toMatchObject({ status: 0 });
  });

  it('says so when the tickets of a cache have expired', async () => {
    const ccache = await kinit(['-l', '5m']);
    const environment = movableClock();
    const client = await fromCcache({ config: configOf(realm), ccache, environment });
    await client.ticketGrantingTicket();
    environment.aheadSeconds = 301;
    const error = await failure(client.serviceTicket('HTTP@localhost'));
    expect(error).toMatchObject({ code: 'ERR_TICKET_EXPIRED' });
  });

  it('logs in again with its keytab after the end', async () => {
    const environment = movableClock();
    const client = await keytabClient({ environment });
    await realm.kadmin([`modprinc -maxlife "4 minutes" ${realm.keytabUser}`]);
    try {
      const service = await client.serviceTicket('HTTP@localhost');
      const first = await client.ticketGrantingTicket();
      expect(first.endTime - first.authTime).toBe(240);
      await realm.kadmin([`modprinc -maxlife "1 day" ${realm.keytabUser}`]);
      environment.aheadSeconds = 245;
      const next = await client.serviceTicket('HTTP@localhost');
      expect(next.endTime).toBeGreaterThan(service.endTime + 3600);
      expect(await client.ticketGrantingTicket()).not.toBe(first);
    } finally {
      client.dispose();
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

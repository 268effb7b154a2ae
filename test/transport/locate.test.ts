import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import type { TraceEvent } from '../../src/trace.js';
import { type LocateSource, locateKdcs, orderRecords, type SrvRecord } from '../../src/transport/locate.js';
import { fuzzRuns } from '../support/fuzz.js';

const srv = (name: string, priority = 0, weight = 0, port = 88): SrvRecord => ({
  name,
  port,
  priority,
  weight,
});

function source(
  records: Readonly<Record<string, readonly SrvRecord[]>>,
  more: Partial<LocateSource> = {},
): LocateSource {
  return {
    configured: () => [],
    dnsLookup: true,
    resolveSrv: async (name) => {
      const found = records[name];
      if (found === undefined) throw Object.assign(new Error('none'), { code: 'ENOTFOUND' });
      return found;
    },
    random: () => 0,
    ...more,
  };
}

describe('locateKdcs', () => {
  it('takes the configured servers and asks no DNS', async () => {
    const servers = [{ host: 'kdc.example.test', port: 88 }];
    const configured = (realm: string) => (realm === 'EXAMPLE.TEST' ? servers : []);
    const resolveSrv = vi.fn();
    expect(await locateKdcs('EXAMPLE.TEST', source({}, { resolveSrv, configured }))).toEqual(servers);
    expect(resolveSrv).not.toHaveBeenCalled();
  });

  it('asks no DNS when told so', async () => {
    const resolveSrv = vi.fn();
    expect(await locateKdcs('EXAMPLE.TEST', source({}, { resolveSrv, dnsLookup: false }))).toEqual([]);
    expect(resolveSrv).not.toHaveBeenCalled();
  });

  it('asks for both protocols with a trailing dot (RFC 4120 section 7.2.3)', async () => {
    const records = {
      '_kerberos._udp.EXAMPLE.TEST.': [srv('kdc2.example.test.', 1), srv('kdc1.example.test', 0)],
      '_kerberos._tcp.EXAMPLE.TEST.': [srv('kdc1.example.test', 0, 0, 750)],
    };
    for (const realm of ['EXAMPLE.TEST', 'EXAMPLE.TEST.']) {
      expect(await locateKdcs(realm, source(records))).toEqual([
        { host: 'kdc1.example.test', port: 88, protocol: 'udp' },
        { host: 'kdc2.example.test', port: 88, protocol: 'udp' },
        { host: 'kdc1.example.test', port: 750, protocol: 'tcp' },
      ]);
    }
  });

  it('leaves the protocol open when only UDP has records', async () => {
    const records = { '_kerberos._udp.A.TEST.': [srv('kdc.a.test')] };
    expect(await locateKdcs('A.TEST', source(records))).toEqual([{ host: 'kdc.a.test', port: 88 }]);
  });

  it('keeps to TCP when only TCP has records', async () => {
    const records = { '_kerberos._tcp.A.TEST.': [srv('kdc.a.test')], '_kerberos._udp.A.TEST.': [srv('.')] };
    expect(await locateKdcs('A.TEST', source(records))).toEqual([
      { host: 'kdc.a.test', port: 88, protocol: 'tcp' },
    ]);
  });

  it('finds password servers', async () => {
    const records = { '_kpasswd._udp.A.TEST.': [srv('kdc.a.test', 0, 0, 464)] };
    const found = await locateKdcs('A.TEST', source(records, { service: 'kpasswd' }));
    expect(found).toEqual([{ host: 'kdc.a.test', port: 464 }]);
  });

  it('gives an empty list and traces why when DNS fails', async () => {
    const events: TraceEvent[] = [];
    expect(await locateKdcs('A.TEST', source({}, { trace: (e) => events.push(e) }))).toEqual([]);
    expect(events.map((e) => e.event)).toEqual(['kdc.locate', 'kdc.locate']);
    expect(events[0]?.text).toBe('DNS SRV _kerberos._udp.A.TEST.: host name not found');
  });

  it.each(['', 'two words.test', 'a..test', 'evil\n.test', 'x'.repeat(64), 'a.'.repeat(120), 'ü.test'])(
    'does not ask DNS for the realm %j',
    async (realm) => {
      const resolveSrv = vi.fn();
      expect(await locateKdcs(realm, source({}, { resolveSrv }))).toEqual([]);
      expect(resolveSrv).not.toHaveBeenCalled();
    },
  );

  it('gives up on DNS in time', async () => {
    const resolveSrv = () => new Promise<never>(() => {});
    expect(await locateKdcs('A.TEST', source({}, { resolveSrv, timeoutMs: 20 }))).toEqual([]);
  });

  it('stops when aborted, before and on the way', async () => {
    const resolveSrv = () => new Promise<never>(() => {});
    const early = locateKdcs('A.TEST', source({}, { signal: AbortSignal.abort('no') }));
    await expect(early).rejects.toMatchObject({ code: 'ERR_ABORTED', cause: 'no' });
    const controller = new AbortController();
    const late = locateKdcs('A.TEST', source({}, { resolveSrv, signal: controller.signal }));
    controller.abort('late');
    await expect(late).rejects.toMatchObject({ code: 'ERR_ABORTED', cause: 'late' });
  });

  it('cancels the queries of the system resolver', async () => {
    const controller = new AbortController();
    const { resolveSrv: _, ...system } = source({}, { signal: controller.signal });
    const asking = locateKdcs('A.TEST', system);
    controller.abort('enough');
    await expect(asking).rejects.toMatchObject({ code: 'ERR_ABORTED' });
  });
});

describe('orderRecords (RFC 2782)', () => {
  it('sorts by priority and leaves out the target "." and unusable names', () => {
    const records = [srv('c', 30), srv('.', 0), srv('a', 5), srv('', 1), srv('bad name', 1), srv('b', 20)];
    expect(orderRecords(records, () => 0).map((r) => r.name)).toEqual(['a', 'b', 'c']);
  });

  it('draws by weight among equal priorities', () => {
    const records = [srv('heavy', 0, 90), srv('light', 0, 10), srv('never', 0, 0)];
    const firstFor = (random: number) => orderRecords(records, () => random)[0]?.name;
    expect([0, 0.1, 0.5, 0.95].map(firstFor)).toEqual(['never', 'heavy', 'heavy', 'light']);
  });

  it('loses no usable record and keeps priorities ascending', () => {
    const record = fc.record({
      name: fc.constantFrom('a', 'b.test', 'c'),
      port: fc.integer({ min: 1, max: 65_535 }),
      priority: fc.nat({ max: 3 }),
      weight: fc.nat({ max: 65_535 }),
    });
    const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(fc.array(record, { maxLength: 10 }), random, (records, number) => {
        const ordered = orderRecords(records, () => number);
        expect(new Set(ordered)).toEqual(new Set(records));
        expect(ordered.length).toBe(records.length);
        const priorities = ordered.map((r) => r.priority);
        expect(priorities).toEqual(priorities.toSorted((a, b) => a - b));
      }),
      { numRuns: fuzzRuns },
    );
  });

  it('ignores records beyond a bound', () => {
    expect(
      orderRecords(
        Array.from({ length: 1000 }, () => srv('a')),
        () => 0,
      ),
    ).toHaveLength(64);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat, fromHex, toHex, utf8, utf8Text } from '../../src/bytes.js';
import { Key } from '../../src/crypto/key.js';
import {
  type CcacheLayout,
  type CredentialCache,
  cacheOf,
  decodeCcacheLayout,
  decodeCredentialCache,
  encodeCredentialCache,
} from '../../src/formats/ccache.js';
import { encodeEntry, removalPatches } from '../../src/formats/ccacheEntry.js';
import { formatPrincipal } from '../../src/formats/principal.js';
import { fuzzRuns } from '../support/fuzz.js';
import { expectSame } from '../support/octets.js';
import { ccache, mutated, valueOrFormatError } from './arbitraries.js';
import { mitCcache } from './mitFiles.js';

/** A cache as comparable data: keys are shown, which Key itself never does. */
function plain(cache: CredentialCache): unknown {
  const credentials = cache.credentials.map(({ sessionKey, ...rest }) => ({
    ...rest,
    etype: sessionKey.etype,
    key: toHex(sessionKey.value),
  }));
  return { ...cache, credentials };
}

describe('the cache that MIT krb5 wrote', () => {
  const cache = decodeCredentialCache(mitCcache);

  it('has the tickets that klist shows', () => {
    expect(formatPrincipal(cache.defaultPrincipal)).toBe('alice@FMT.TEST');
    expect(cache.kdcTimeOffset).toEqual({ seconds: 0, microseconds: 0 });
    expect(cache.credentials.map((credential) => formatPrincipal(credential.server))).toEqual([
      'krbtgt/FMT.TEST@FMT.TEST',
      'HTTP/www.fmt.test@FMT.TEST',
    ]);
    const tgt = cache.credentials[0]!;
    expect(tgt.sessionKey.etype).toBe(18);
    expect(tgt.sessionKey.value.length).toBe(32);
    expect(tgt.endTime - tgt.startTime).toBe(24 * 3600);
    expect(tgt.renewTill - tgt.startTime).toBe(3 * 24 * 3600);
    expect(tgt.flags).toBe(0x00c10000);
    expect(tgt.ticket[0]).toBe(0x61);
  });

  it('has its notes beside the tickets', () => {
    expect(
      cache.config.map(({ key, principal, value, position }) => [key, principal, utf8Text(value), position]),
    ).toEqual([['fast_avail', 'krbtgt/FMT.TEST@FMT.TEST', 'yes', 0]]);
  });

  it('is encoded to the same octets', () => {
    expect(toHex(encodeCredentialCache(cache))).toBe(toHex(mitCcache));
  });

  it('cut off at any octet is an error, or a shorter cache where that is asked for', () => {
    const ends: number[] = [];
    for (let length = 0; length < mitCcache.length; length++) {
      const part = mitCcache.subarray(0, length);
      if (decodes(() => decodeCredentialCache(part))) ends.push(length);
      const lenient = decodes(() => decodeCredentialCache(part, { ignoreTruncatedTail: true }));
      expect(lenient).toBe(length >= ends[0]!);
    }
    // After the default principal, the note and the first ticket.
    expect(ends.length).toBe(3);
  });

  it('mutated gives a value or a FormatError', () => {
    fc.assert(
      fc.property(mutated(mitCcache), (octets) => valueOrFormatError(() => decodeCredentialCache(octets))),
      { numRuns: fuzzRuns },
    );
  });
});

function decodes(decode: () => unknown): boolean {
  let value: unknown;
  valueOrFormatError(() => {
    value = decode();
  });
  return value !== undefined;
}

describe('decodeCredentialCache', () => {
  it('gives back what was encoded', () => {
    fc.assert(
      fc.property(ccache, (cache) => {
        const octets = encodeCredentialCache(cache);
        expectSame(plain(decodeCredentialCache(octets)), plain(cache));
      }),
      { numRuns: fuzzRuns },
    );
  });

  it('gives a value or a FormatError for any octets', () => {
    const octets = fc
      .tuple(fc.constantFrom(1, 2, 3, 4), fc.uint8Array({ maxLength: 200, max: 255 }))
      .map(([version, rest]) => Uint8Array.of(5, version, ...rest));
    fc.assert(
      fc.property(fc.oneof(octets, fc.uint8Array({ maxLength: 64 })), (input) =>
        valueOrFormatError(() => decodeCredentialCache(input)),
      ),
      { numRuns: fuzzRuns },
    );
  });

  it('copies what it takes', () => {
    const octets = mitCcache.slice();
    const cache = decodeCredentialCache(octets);
    octets.fill(0);
    expect(cache.credentials[0]!.ticket[0]).toBe(0x61);
  });

  it.each(['', '05', '0500', '0505', '0604', '0504ffff', '050400000000000100000001ffffffff'])(
    'refuses %s with an offset',
    (hex) => {
      const expected = { code: 'ERR_CCACHE_FORMAT', file: 'x', offset: expect.any(Number) };
      expect(() => decodeCredentialCache(fromHex(hex), { file: 'x' })).toThrow(
        expect.objectContaining(expected),
      );
    },
  );

  it('refuses counts that cannot fit without reserving memory for them', () => {
    const input = fromHex('0504 0000 00000001 ffffffff 00000001 52');
    expect(() => decodeCredentialCache(input)).toThrow(
      expect.objectContaining({ code: 'ERR_CCACHE_FORMAT' }),
    );
  });

  it('refuses more entries or list elements than memory is meant for', () => {
    const nobody = '00000000 00000000 00000000';
    const entry = (addresses: string) => `${nobody} ${nobody} 0000 00000000 ${'00'.repeat(21)} ${addresses}`;
    const head = fromHex(`0504 0000 ${nobody}`);
    const file = (part: string, count: number) => concat(head, fromHex(part), new Uint8Array(count));
    const tooMany = expect.objectContaining({
      code: 'ERR_CCACHE_FORMAT',
      message: expect.stringMatching(/more than/),
    });
    expect(() => decodeCredentialCache(file(entry('00080001'), 6 * 0x80001))).toThrow(tooMany);
    const whole = fromHex(`${entry('00000000')} 00000000 00000000 00000000`);
    const many = new Uint8Array(head.length + 65_537 * whole.length);
    many.set(head);
    for (let at = head.length; at < many.length; at += whole.length) many.set(whole, at);
    expect(() => decodeCredentialCache(many)).toThrow(tooMany);
    expect(decodeCredentialCache(many.subarray(0, -whole.length)).credentials).toHaveLength(65_536);
  });

  it('skips header fields that it does not know', () => {
    const input = fromHex(
      '0504 0012 0063 0002 abcd 0001 0008 ffffffff 00000005 00000001 00000001 00000001 52 00000001 61',
    );
    const cache = decodeCredentialCache(input);
    expect(cache.kdcTimeOffset).toEqual({ seconds: -1, microseconds: 5 });
    expect(cache.defaultPrincipal).toEqual({ nameType: 1, components: ['a'], realm: 'R' });
  });

  it('leaves out entries that MIT krb5 marked as removed', () => {
    const cache = decodeCredentialCache(mitCcache);
    const [tgt, service] = cache.credentials;
    const removed = { ...tgt!, authTime: 0xffffffff, endTime: 0 };
    const removedNote = { ...tgt!, server: { ...tgt!.server, realm: 'X-RMED-CONF:' } };
    const octets = encodeCredentialCache({ ...cache, credentials: [removed, removedNote, service!] });
    expect(decodeCredentialCache(octets).credentials.map((c) => c.server)).toEqual([service!.server]);
  });
});

describe('decodeCcacheLayout', () => {
  it('gives the same for a file that was known before as for a new one, whatever has changed', () => {
    const changed = fc.oneof(
      mutated(mitCcache),
      fc.tuple(ccache, fc.nat(40)).map(([cache, cut]) => {
        const added = cache.credentials.map(encodeEntry);
        const octets = concat(mitCcache, ...added);
        return octets.subarray(0, octets.length - Math.min(cut, octets.length - mitCcache.length));
      }),
    );
    const options = { ignoreTruncatedTail: true };
    const known = { octets: mitCcache, layout: decodeCcacheLayout(mitCcache) };
    const outcome = (decode: () => CcacheLayout) => {
      try {
        const layout = decode();
        return { ...(plain(cacheOf(layout)) as object), end: layout.end };
      } catch (error) {
        return error;
      }
    };
    fc.assert(
      fc.property(changed, (octets) => {
        const anew = outcome(() => decodeCcacheLayout(octets, options));
        expectSame(
          outcome(() => decodeCcacheLayout(octets, { ...options, known })),
          anew,
        );
      }),
      { numRuns: fuzzRuns },
    );
  });

  it('knows where to mark an entry as removed', () => {
    const octets = mitCcache.slice();
    for (const entry of decodeCcacheLayout(octets).entries) {
      for (const patch of removalPatches(entry)) octets.set(patch.octets, patch.offset);
    }
    expect(decodeCcacheLayout(octets).end).toBe(mitCcache.length);
    expect(decodeCredentialCache(octets)).toMatchObject({ credentials: [], config: [] });
  });
});

describe('the older versions', () => {
  const data = (order: 'big' | 'little', octets: Uint8Array) => concat(int(order, 4, octets.length), octets);
  function int(order: 'big' | 'little', size: 2 | 4, value: number): Uint8Array {
    const octets = new Uint8Array(size);
    const view = new DataView(octets.buffer);
    if (size === 2) view.setUint16(0, value, order === 'little');
    else view.setUint32(0, value, order === 'little');
    return octets;
  }

  /** One ticket for s@R of the client c@R, laid out by hand from the format's description. */
  function file(version: 1 | 2 | 3, order: 'big' | 'little'): Uint8Array {
    const int32 = (value: number) => int(order, 4, value);
    const text = (value: string) => data(order, utf8(value));
    const name = (component: string) =>
      version === 1
        ? concat(int32(2), text('R'), text(component))
        : concat(int32(1), int32(1), text('R'), text(component));
    const etype = int(order, 2, 18);
    return concat(
      Uint8Array.of(5, version),
      name('c'),
      concat(name('c'), name('s'), etype, version === 3 ? etype : new Uint8Array()),
      concat(data(order, Uint8Array.of(1, 2, 3)), int32(10), int32(20), int32(0xfffffffe), int32(40)),
      concat(Uint8Array.of(1), int32(0x40800000)),
      concat(int32(1), int(order, 2, 2), data(order, Uint8Array.of(127, 0, 0, 1))),
      concat(int32(1), int(order, 2, 0xffff), data(order, Uint8Array.of(9))),
      concat(data(order, utf8('not DER')), data(order, utf8('second'))),
    );
  }

  it.each<[1 | 2 | 3, 'big' | 'little']>([
    [1, 'little'],
    [1, 'big'],
    [2, 'little'],
    [2, 'big'],
    [3, 'big'],
  ])('version %i, %s-endian', (version, byteOrder) => {
    const { credentials, defaultPrincipal } = decodeCredentialCache(file(version, byteOrder), { byteOrder });
    const nameType = version === 1 ? 0 : 1;
    expect(defaultPrincipal).toEqual({ nameType, components: ['c'], realm: 'R' });
    expect(credentials).toEqual([
      {
        client: { nameType, components: ['c'], realm: 'R' },
        server: { nameType, components: ['s'], realm: 'R' },
        sessionKey: expect.any(Key),
        authTime: 10,
        startTime: 20,
        endTime: 0xfffffffe,
        renewTill: 40,
        isSkey: true,
        flags: 0x40800000,
        addresses: [{ addrType: 2, address: Uint8Array.of(127, 0, 0, 1) }],
        authData: [{ adType: -1, adData: Uint8Array.of(9) }],
        ticket: utf8('not DER'),
        secondTicket: utf8('second'),
      },
    ]);
    expect(toHex(credentials[0]!.sessionKey.value)).toBe('010203');
  });

  it.each<[1 | 2, 'big' | 'little']>([
    [1, 'little'],
    [1, 'big'],
    [2, 'little'],
    [2, 'big'],
  ])('version %i: the octet order %s is found out', (version, byteOrder) => {
    const octets = file(version, byteOrder);
    expect(decodeCredentialCache(octets)).toEqual(decodeCredentialCache(octets, { byteOrder }));
  });
});

describe('encodeCredentialCache', () => {
  const [tgt] = decodeCredentialCache(mitCcache).credentials;
  const cacheOf = (changes: object): CredentialCache => ({
    version: 4,
    defaultPrincipal: tgt!.client,
    credentials: [{ ...tgt!, ...changes }],
    config: [],
  });

  it('brings times into the range of the format', () => {
    const cache = decodeCredentialCache(
      encodeCredentialCache(cacheOf({ endTime: 253402300799, startTime: -5 })),
    );
    expect(cache.credentials[0]).toMatchObject({ endTime: 0xffffffff, startTime: 0 });
  });

  it.each([
    { sessionKey: new Key(0x10000, new Uint8Array()) },
    { sessionKey: new Key(0x8000, new Uint8Array()) },
    { addresses: [{ addrType: -1, address: new Uint8Array() }] },
    { authData: [{ adType: 0x8000, adData: new Uint8Array() }] },
  ])('refuses a type that the format cannot hold', (changes) => {
    expect(() => encodeCredentialCache(cacheOf(changes))).toThrow(
      expect.objectContaining({ code: 'ERR_CCACHE_FORMAT' }),
    );
  });
});

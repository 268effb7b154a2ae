/** The security layer (RFC 4422 section 3.7): buffers cut anywhere, limits of both sides, broken tokens. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat, uint32be } from '../../src/bytes.js';
import { KerberosError } from '../../src/errors.js';
import { BufferReader } from '../../src/sasl/bufferReader.js';
import { fuzzRuns } from '../support/fuzz.js';
import { codeThrown, establishedPair } from '../support/gssContexts.js';
import { expectOctets } from '../support/octets.js';
import { testEnvironment } from '../support/scriptedAcceptor.js';
import { framed, layerPair, unframed } from './saslPairs.js';

const POOL = testEnvironment().randomBytes(100_000);
const octetsOf = (count: number): Uint8Array => POOL.slice(0, count);

/** Everything that a layer makes of the chunks. */
function decodeAll(
  layer: { decode(octets: Uint8Array): Iterable<Uint8Array> },
  chunks: readonly Uint8Array[],
): Uint8Array[] {
  return chunks.flatMap((chunk) => [...layer.decode(chunk)]);
}

function chunksOf(octets: Uint8Array, size: number): Uint8Array[] {
  const count = Math.ceil(octets.length / size);
  return Array.from({ length: count }, (_, i) => octets.slice(i * size, (i + 1) * size));
}

describe('encode', () => {
  it.each(['integrity', 'confidentiality'] as const)('protects by %s', (protection) => {
    const { layer, acceptor } = layerPair({ protection });
    const [token, ...more] = unframed(layer.encode(Buffer.from('hello')));
    expect(more).toEqual([]);
    const { message, sealed } = acceptor.unwrap(token!);
    expect(Buffer.from(message).toString()).toBe('hello');
    expect(sealed).toBe(protection === 'confidentiality');
  });

  it.each(['integrity', 'confidentiality'] as const)('splits to the limit of the peer: %s', (protection) => {
    fc.assert(
      fc.property(fc.integer({ min: 200, max: 2000 }), fc.nat(6000), (maxSendBuffer, count) => {
        const { layer, acceptor } = layerPair({ protection, maxSendBuffer });
        const plaintext = octetsOf(count);
        const tokens = unframed(layer.encode(plaintext));
        for (const token of tokens) expect(token.length).toBeLessThanOrEqual(maxSendBuffer);
        expectOctets(concat(...tokens.map((token) => acceptor.unwrap(token).message)), plaintext);
        expect(tokens.length).toBeLessThanOrEqual(Math.ceil(count / (maxSendBuffer - 72)));
      }),
      { numRuns: fuzzRuns / 10 },
    );
  });

  it('sends nothing for nothing', () => expect(layerPair().layer.encode(new Uint8Array(0))).toHaveLength(0));

  it('wants octets', () => {
    expect(() => layerPair().layer.encode('x' as unknown as Uint8Array)).toThrow(TypeError);
  });

  it('is not possible after delete()', () => {
    const { layer } = layerPair();
    layer.delete();
    expect(codeThrown(() => layer.encode(Uint8Array.of(1)))).toBe('ERR_GSS_STATE');
  });

  it('is not possible when no message fits', () => {
    expect(codeThrown(() => layerPair({ maxSendBuffer: 10 }))).toBe('ERR_SASL_LAYER');
  });
});

describe('decode', () => {
  it.each([1, 2, 3, 4, 5, 7, 64, 100_000])('reads chunks of %i octets', (size) => {
    const { layer, acceptor } = layerPair();
    const messages = [0, 1, 5, 300, 20_000].map(octetsOf);
    const stream = concat(...messages.map((message) => framed(acceptor.wrap(message))));
    expect(decodeAll(layer, chunksOf(stream, size))).toEqual(messages);
    layer.end();
  });

  it('reads any chunks', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(200), { maxLength: 5 }), fc.array(fc.nat(600)), (lengths, cuts) => {
        const { layer, acceptor } = layerPair();
        const messages = lengths.map(octetsOf);
        const stream = concat(...messages.map((message) => framed(acceptor.wrap(message))));
        const ends = [...cuts.filter((cut) => cut < stream.length).sort((a, b) => a - b), stream.length];
        const chunks = ends.map((end, index) => stream.slice(ends[index - 1] ?? 0, end));
        expect(decodeAll(layer, chunks)).toEqual(messages);
      }),
      { numRuns: fuzzRuns / 10 },
    );
  });

  it('accepts any rotation, and encryption where integrity is enough', () => {
    const { layer, acceptor } = layerPair({ protection: 'integrity' });
    const tokens = [
      acceptor.wrap(octetsOf(9), { rrc: 28, ec: 16 }),
      acceptor.wrap(octetsOf(9), { sealed: false, rrc: 12 }),
    ];
    expect(decodeAll(layer, tokens.map(framed))).toEqual([octetsOf(9), octetsOf(9)]);
  });

  it('refuses a length above the limit before anything of it is read', () => {
    const { layer } = layerPair({ maxReceiveBuffer: 1000 });
    expect(codeThrown(() => decodeAll(layer, [Uint8Array.of(0, 0, 3)]))).toBe('nothing');
    expect(codeThrown(() => decodeAll(layer, [Uint8Array.of(0xe9)]))).toBe('ERR_SASL_BUFFER');
    expect(codeThrown(() => decodeAll(layer, [Uint8Array.of(0)]))).toBe('ERR_GSS_STATE');
  });

  it('accepts a length of the limit', () => {
    const { acceptor } = layerPair();
    const token = acceptor.wrap(octetsOf(100));
    const { layer } = layerPair({ maxReceiveBuffer: token.length });
    expect(decodeAll(layer, [framed(token)])).toHaveLength(1);
    const narrow = layerPair({ maxReceiveBuffer: token.length - 1 }).layer;
    expect(codeThrown(() => decodeAll(narrow, [framed(token)]))).toBe('ERR_SASL_BUFFER');
  });

  it('says so when the server goes on in the clear', () => {
    const ldap = Buffer.from('300c02010161070a010004000400', 'hex');
    expect(codeThrown(() => decodeAll(layerPair().layer, [ldap]))).toBe('ERR_SASL_BUFFER');
  });

  it('refuses a message in the clear where encryption was agreed', () => {
    const { layer, acceptor } = layerPair();
    const token = acceptor.wrap(octetsOf(5), { sealed: false });
    expect(codeThrown(() => decodeAll(layer, [framed(token)]))).toBe('ERR_SASL_LAYER');
    expect(codeThrown(() => layer.encode(octetsOf(1)))).toBe('ERR_GSS_STATE');
  });

  it('refuses an empty buffer, an altered one, a repeated one and a lost one', () => {
    const code = (make: (pair: ReturnType<typeof layerPair>) => Uint8Array): string => {
      const pair = layerPair();
      return codeThrown(() => decodeAll(pair.layer, [make(pair)]));
    };
    expect(code(() => uint32be(0))).toBe('ERR_GSS_TOKEN');
    expect(
      code(({ acceptor }) => {
        const token = acceptor.wrap(octetsOf(5));
        token[token.length - 1]! ^= 1;
        return framed(token);
      }),
    ).toBe('ERR_INTEGRITY');
    expect(
      code(({ acceptor }) => {
        const token = framed(acceptor.wrap(octetsOf(5)));
        return concat(token, token);
      }),
    ).toBe('ERR_GSS_SEQUENCE');
    expect(
      code(({ acceptor }) => {
        acceptor.wrap(octetsOf(5));
        return framed(acceptor.wrap(octetsOf(5)));
      }),
    ).toBe('ERR_GSS_SEQUENCE');
  });

  it('does not accept a repeated buffer when the context only reports it', () => {
    const { context, acceptor } = establishedPair({}, { anomalies: 'report' });
    const { layer } = layerPair({ context });
    const buffer = framed(acceptor.wrap(octetsOf(5)));
    expect(decodeAll(layer, [buffer])).toEqual([octetsOf(5)]);
    expect(codeThrown(() => decodeAll(layer, [buffer]))).toBe('ERR_GSS_SEQUENCE');
  });

  it('gives the messages before a broken buffer first', () => {
    const { layer, acceptor } = layerPair();
    const first = framed(acceptor.wrap(octetsOf(5)));
    const messages = layer.decode(concat(first, framed(octetsOf(40))));
    expect(messages.next()).toEqual({ done: false, value: octetsOf(5) });
    expect(codeThrown(() => messages.next())).toBe('ERR_GSS_TOKEN');
    expect(codeThrown(() => decodeAll(layer, [first]))).toBe('ERR_GSS_STATE');
  });

  it('gives our own error for whatever comes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 4 }), (chunks) => {
        const { layer } = layerPair({ maxReceiveBuffer: 100 });
        try {
          expect(decodeAll(layer, chunks)).toEqual([]);
        } catch (error) {
          expect(error).toBeInstanceOf(KerberosError);
        }
      }),
      { numRuns: fuzzRuns / 10 },
    );
  });

  it('gives our own error for a change anywhere', () => {
    const stream = framed(layerPair().acceptor.wrap(octetsOf(40)));
    fc.assert(
      fc.property(fc.nat(stream.length - 1), fc.integer({ min: 1, max: 255 }), (place, change) => {
        const changed = stream.slice();
        changed[place]! ^= change;
        const { layer } = layerPair();
        let code = codeThrown(() => {
          for (const message of layer.decode(changed)) expect(message).toEqual(octetsOf(40));
        });
        if (code === 'nothing') code = codeThrown(() => layer.end());
        // A rotation by the whole length changes nothing (RFC 4121 section 4.2.5).
        if (place !== 10 && place !== 11) expect(code).not.toBe('nothing');
      }),
      { numRuns: fuzzRuns / 10 },
    );
  });

  it('wants octets', () => {
    expect(() => [...layerPair().layer.decode('x' as unknown as Uint8Array)]).toThrow(TypeError);
  });
});

describe('end', () => {
  it('is an error within a buffer', () => {
    const { layer, acceptor } = layerPair();
    const stream = framed(acceptor.wrap(octetsOf(5)));
    for (let cut = 1; cut < stream.length; cut++) {
      const { layer: other } = layerPair();
      expect([...other.decode(stream.subarray(0, cut))]).toEqual([]);
      expect(codeThrown(() => other.end())).toBe('ERR_SASL_BUFFER');
    }
    layer.end();
  });
});

describe('buffers', () => {
  it('are what a plain reading of the stream says, whatever comes', () => {
    const lengthy = fc.tuple(fc.nat(40), fc.uint8Array({ maxLength: 40 }));
    const stream = fc
      .array(lengthy, { maxLength: 6 })
      .map((parts) => concat(...parts.flatMap(([length, octets]) => [uint32be(length), octets])));
    fc.assert(
      fc.property(stream, fc.integer({ min: 1, max: 30 }), (octets, size) => {
        const reader = new BufferReader(30);
        const read = (): Uint8Array[] => chunksOf(octets, size).flatMap((chunk) => [...reader.read(chunk)]);
        const expected: Uint8Array[] = [];
        let offset = 0;
        for (let length = 0; octets.length - offset >= 4; offset += 4 + length) {
          length = new DataView(octets.buffer, octets.byteOffset).getUint32(offset);
          if (length > 30) {
            expect(codeThrown(read)).toBe('ERR_SASL_BUFFER');
            return;
          }
          if (offset + 4 + length > octets.length) break;
          expected.push(octets.slice(offset + 4, offset + 4 + length));
        }
        expect(read()).toEqual(expected);
        expect(reader.atBoundary).toBe(offset === octets.length);
      }),
      { numRuns: fuzzRuns },
    );
  });
});

describe('memory', () => {
  it('is taken as octets arrive, not as they are announced', () => {
    const readers = Array.from({ length: 2000 }, () => new BufferReader(0xffffff));
    const before = process.memoryUsage().arrayBuffers;
    for (const reader of readers) expect([...reader.read(Uint8Array.of(0, 0xff, 0xff, 0xff, 1))]).toEqual([]);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * 1024 * 1024);
  });

  it('holds a buffer of the largest size that comes octet by octet', () => {
    const reader = new BufferReader(100_000);
    const body = octetsOf(100_000);
    const buffers = chunksOf(framed(body), 1).flatMap((octet) => [...reader.read(octet)]);
    expect(buffers).toHaveLength(1);
    expectOctets(buffers[0]!, body);
    expect(reader.atBoundary).toBe(true);
  });
});

it('belongs to one context: its own octets come back as an error', () => {
  const { layer } = layerPair();
  expect(codeThrown(() => decodeAll(layer, [layer.encode(octetsOf(3))]))).toBe('ERR_GSS_TOKEN');
});

/**
 * Exported contexts (GSS_Export_sec_context and GSS_Import_sec_context, RFC 2743 sections 2.2.8 and 2.2.9), in a format of
 * this library. They hold the context's keys in the clear: whoever reads one can read and forge the messages.
 *
 * "KGSC", version 1, side, anomalies, flags, end time, numbers, source, target, initiator's key, acceptor's subkey if any;
 * integers big-endian, octets and lists after their count in 32 bits.
 */
import { utf8, utf8Text, wipe } from '../bytes.js';
import { Key } from '../crypto/key.js';
import { ProtocolError } from '../errors.js';
import { OctetWriter } from '../formats/octetWriter.js';
import type { Principal } from '../formats/principal.js';
import type { EstablishedParts } from './establishedParts.js';
import { messageProtection } from './messageProtection.js';

const MAGIC = utf8('KGSC');
const VERSION = 1;
const SIDES = ['initiator', 'acceptor'] as const;
const POLICIES = ['refuse', 'report'] as const;

/** The octets of a context; they contain its keys. */
export function encodeExportedContext(parts: EstablishedParts): Uint8Array {
  const writer = new OctetWriter();
  writer.octets(MAGIC);
  writer.uint8(VERSION);
  writer.uint8(SIDES.indexOf(parts.side));
  writer.uint8(POLICIES.indexOf(parts.anomalies ?? 'refuse'));
  writer.uint32(parts.flags);
  const { base, next, received } = parts.received;
  for (const number of [BigInt(Math.trunc(parts.endTime)), parts.sendSequence, base, next, received]) {
    writer.octets(uint64(number));
  }
  for (const principal of [parts.source, parts.target]) writePrincipal(writer, principal);
  writeKey(writer, parts.initiatorKey);
  writer.uint8(parts.acceptorSubkey === undefined ? 0 : 1);
  if (parts.acceptorSubkey !== undefined) writeKey(writer, parts.acceptorSubkey);
  return writer.finish();
}

function writePrincipal(writer: OctetWriter, { nameType, components, realm }: Principal): void {
  writer.uint32(nameType);
  writer.uint32(components.length);
  for (const text of [...components, realm]) writeCounted(writer, utf8(text));
}

function writeKey(writer: OctetWriter, { etype, value }: Key): void {
  writer.uint32(etype);
  writeCounted(writer, value);
}

function writeCounted(writer: OctetWriter, octets: Uint8Array): void {
  writer.uint32(octets.length);
  writer.octets(octets);
}

function uint64(number: bigint): Uint8Array {
  const octets = new Uint8Array(8);
  new DataView(octets.buffer).setBigUint64(0, BigInt.asUintN(64, number));
  return octets;
}

/**
 * The context in `octets`.
 * @throws ProtocolError ERR_GSS_TOKEN when they are none; CryptoError ERR_ETYPE_UNSUPPORTED, ERR_KEY_LENGTH
 */
export function decodeExportedContext(octets: Uint8Array): EstablishedParts {
  const reader = new Reader(octets);
  if (utf8Text(reader.take(MAGIC.length)) !== utf8Text(MAGIC)) throw broken('not from this library');
  const version = reader.uint8();
  if (version !== VERSION) throw broken(`of version ${version}; this is version ${VERSION}`);
  const side = reader.oneOf(SIDES);
  const anomalies = reader.oneOf(POLICIES);
  const flags = reader.uint32();
  const endTime = Number(BigInt.asIntN(64, reader.uint64()));
  const sendSequence = reader.uint64();
  const received = { base: reader.uint64(), next: reader.uint64(), received: reader.uint64() };
  const [source, target] = [readPrincipal(reader), readPrincipal(reader)];
  const initiatorKey = readKey(reader);
  const acceptorSubkey = reader.oneOf([false, true] as const) ? readKey(reader) : undefined;
  reader.end();
  const { sequenceBits } = messageProtection((acceptorSubkey ?? initiatorKey).etype);
  if ([sendSequence, received.base, received.next].some((number) => number >> BigInt(sequenceBits) !== 0n))
    throw broken('a number wider than its messages have');
  return {
    side,
    anomalies,
    flags,
    endTime,
    sendSequence,
    received,
    source,
    target,
    initiatorKey,
    acceptorSubkey,
  };
}

function readPrincipal(reader: Reader): Principal {
  const nameType = reader.uint32() | 0;
  const components: string[] = [];
  for (let left = reader.uint32(); left > 0; left--) components.push(utf8Text(reader.counted()));
  return { nameType, components, realm: utf8Text(reader.counted()) };
}

/** A key that can be used. */
function readKey(reader: Reader): Key {
  const etype = reader.uint32() | 0;
  const value = reader.counted();
  const key = new Key(etype, value);
  wipe(value);
  void key.checksumType;
  return key;
}

/** A cursor that never goes beyond the end. */
class Reader {
  readonly #octets: Uint8Array;
  #offset = 0;

  constructor(octets: Uint8Array) {
    this.#octets = octets;
  }

  /** A copy of the next octets. */
  take(length: number): Uint8Array {
    const start = this.#offset;
    if (length > this.#octets.length - start) throw broken('truncated');
    this.#offset += length;
    return new Uint8Array(this.#octets.subarray(start, this.#offset));
  }

  uint8(): number {
    return this.take(1)[0]!;
  }

  uint32(): number {
    return new DataView(this.take(4).buffer).getUint32(0);
  }

  uint64(): bigint {
    return new DataView(this.take(8).buffer).getBigUint64(0);
  }

  /** The value with the number that comes next. */
  oneOf<Value>(values: readonly Value[]): Value {
    const index = this.uint8();
    if (index >= values.length) throw broken('an unknown choice');
    return values[index]!;
  }

  counted(): Uint8Array {
    return this.take(this.uint32());
  }

  end(): void {
    if (this.#offset !== this.#octets.length) throw broken('octets after its end');
  }
}

function broken(problem: string): ProtocolError {
  return new ProtocolError('ERR_GSS_TOKEN', 'exported context', problem);
}

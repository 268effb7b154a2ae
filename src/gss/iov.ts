/**
 * Messages in several buffers, some of which are signed but not encrypted: GSS_WrapEx and GSS_UnwrapEx as MIT krb5's
 * gss_wrap_iov and gss_unwrap_iov have them, for DCE RPC and WinRM.
 */
import type { MessagePart, SignOnlyOctets } from '../crypto/encryptionType.js';

/**
 * What a buffer is for: `header`, `padding` and `trailer` are made, or were made, by the context; `data` is protected;
 * `signOnly` is signed but not sent by the context; `stream` is a whole token, for `unwrapIov` only.
 */
export type IovType = 'header' | 'data' | 'signOnly' | 'padding' | 'trailer' | 'stream';

/** One buffer. The order of buffers is that of the octets on their way, and what the checksum covers is in it too. */
export interface IovBuffer {
  readonly type: IovType;
  /** Its octets; when wrapping, those of header, padding and trailer are ignored. */
  readonly octets?: Uint8Array | undefined;
}

/** A buffer with its octets. */
export interface IovOctets {
  readonly type: IovType;
  readonly octets: Uint8Array;
}

/** What buffers there are. */
export interface Iov {
  /** Data and what is only signed, in order. */
  readonly parts: readonly MessagePart[];
  readonly header: Uint8Array;
  /** Undefined: there is no such buffer. */
  readonly padding: Uint8Array | undefined;
  /** How many of `parts` stand before the padding. */
  readonly paddingAt: number;
  readonly trailer: Uint8Array | undefined;
}

/** What is made for the buffers. */
export interface WrappedIov {
  readonly header: Uint8Array;
  /** For each `data` buffer. */
  readonly data: readonly Uint8Array[];
  readonly padding: Uint8Array;
  readonly trailer: Uint8Array;
}

/** What was in the buffers. */
export interface UnwrappedIov {
  /** For each `data` buffer. */
  readonly data: readonly Uint8Array[];
  readonly sealed: boolean;
  readonly sequence: bigint;
}

/** Octets that each buffer needs. */
export interface IovLengths {
  readonly header: number;
  readonly padding: number;
  readonly trailer: number;
}

/** A token cut into buffers. */
export interface SplitToken {
  readonly header: Uint8Array;
  readonly data: Uint8Array;
  readonly padding: Uint8Array;
  readonly trailer: Uint8Array;
}

const EMPTY: Uint8Array = new Uint8Array(0);
const TYPES: ReadonlySet<string> = new Set(['header', 'data', 'signOnly', 'padding', 'trailer', 'stream']);

/**
 * Sorts buffers by type.
 * @throws TypeError naming the argument when they are no buffers; RangeError when there is not one header, or more than one
 *   padding, trailer or header, or a stream
 */
export function readIov(buffers: readonly IovBuffer[]): Iov {
  checkBuffers(buffers);
  if (buffers.some(({ type }) => type === 'stream')) {
    throw new RangeError('buffers must have no stream here, or else no header, padding and trailer');
  }
  const header = onlyOne(buffers, 'header');
  if (header === undefined) throw new RangeError('buffers must have one header');
  return {
    parts: partsOf(buffers),
    header,
    padding: onlyOne(buffers, 'padding'),
    paddingAt: partsOf(buffers.slice(0, buffers.findIndex(({ type }) => type === 'padding') + 1)).length,
    trailer: onlyOne(buffers, 'trailer'),
  };
}

/**
 * Puts what a stream holds in place of it and of the data buffer; undefined when there is no stream.
 * @throws TypeError, RangeError when there is not one stream and one data buffer, or a header, padding or trailer
 */
export function readStream(
  buffers: readonly IovBuffer[],
  split: (token: Uint8Array) => SplitToken,
): Iov | undefined {
  checkBuffers(buffers);
  const token = onlyOne(buffers, 'stream');
  if (token === undefined) return undefined;
  const others = buffers.filter(({ type }) => type !== 'stream' && type !== 'data' && type !== 'signOnly');
  if (others.length > 0 || buffers.filter(({ type }) => type === 'data').length !== 1) {
    throw new RangeError('buffers must have one data buffer beside the stream, and else only signOnly');
  }
  const { data, ...rest } = split(token);
  const filled = buffers.map((buffer) => (buffer.type === 'data' ? { ...buffer, octets: data } : buffer));
  const parts = partsOf(filled);
  return { ...rest, parts, paddingAt: parts.length };
}

/** The buffers with what was made for them. */
export function fillIov(buffers: readonly IovBuffer[], filling: Partial<WrappedIov>): IovOctets[] {
  let next = 0;
  return buffers.map(({ type, octets = EMPTY }) => {
    if (type === 'data') return { type, octets: filling.data?.[next++] ?? octets };
    if (type === 'signOnly' || type === 'stream') return { type, octets };
    return { type, octets: filling[type] ?? octets };
  });
}

/** Whether there is anything to encrypt. */
export function hasData({ parts }: Iov): boolean {
  return parts.some(({ signOnly }) => !signOnly);
}

/** The octets of the data buffers. */
export function dataOf({ parts }: Iov): Uint8Array[] {
  return parts.filter(({ signOnly }) => !signOnly).map(({ octets }) => octets);
}

/** `octets` cut into pieces as long as the data buffers. */
export function cutLike(iov: Iov, octets: Uint8Array): Uint8Array[] {
  let end = 0;
  return dataOf(iov).map(({ length }) => {
    end += length;
    return octets.subarray(end - length, end);
  });
}

/** Octets of all data buffers together. */
export function dataLength(iov: Iov): number {
  return dataOf(iov).reduce((sum, { length }) => sum + length, 0);
}

/** What is only signed, and where in the data. */
export function signOnlyOf({ parts }: Iov): SignOnlyOctets[] {
  const found: SignOnlyOctets[] = [];
  let at = 0;
  for (const { octets, signOnly } of parts) {
    if (signOnly) found.push({ at, octets });
    else at += octets.length;
  }
  return found;
}

function partsOf(buffers: readonly IovBuffer[]): MessagePart[] {
  return buffers
    .filter(({ type }) => type === 'data' || type === 'signOnly')
    .map(({ type, octets = EMPTY }) => ({ octets, signOnly: type === 'signOnly' }));
}

function onlyOne(buffers: readonly IovBuffer[], type: IovType): Uint8Array | undefined {
  const found = buffers.filter((buffer) => buffer.type === type);
  if (found.length > 1) throw new RangeError(`buffers must not have more than one ${type}`);
  return found.length === 0 ? undefined : (found[0]!.octets ?? EMPTY);
}

function checkBuffers(buffers: readonly IovBuffer[]): void {
  if (!Array.isArray(buffers)) throw new TypeError('buffers must be an array of { type, octets }');
  for (const buffer of buffers as readonly (IovBuffer | undefined)[]) {
    if (!TYPES.has(buffer?.type ?? ''))
      throw new TypeError(`buffers must be of type ${[...TYPES].join(', ')}`);
    const { octets } = buffer!;
    if (octets !== undefined && !(octets instanceof Uint8Array))
      throw new TypeError('octets of buffers must be a Uint8Array');
  }
}

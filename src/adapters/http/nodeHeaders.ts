/**
 * Headers of a request of node:http, whatever shape they come in, and what they say about where its body ends (RFC 9112
 * section 6). A body that ends elsewhere than its header says would go on as a request of its own on the connection.
 */
import { type OutgoingHttpHeaders, validateHeaderValue } from 'node:http';
import { isWhole, type KeptBody } from './body.js';

/** What is sent after the headers. */
export type NodeBody = string | Uint8Array | KeptBody | undefined;

/** What the caller's headers say; `expect` apart, for node:http takes no token any more once it was told of it. */
export interface GivenHeaders {
  readonly headers: OutgoingHttpHeaders;
  readonly expect: string | undefined;
  /** Octets that a body which is read piece by piece must have. */
  readonly length: number | undefined;
}

/** Of these there is one line: the last that is given. */
const SINGLE: ReadonlySet<string> = new Set([
  'authorization',
  'content-length',
  'content-type',
  'expect',
  'from',
  'host',
  'if-modified-since',
  'if-unmodified-since',
  'max-forwards',
  'proxy-authorization',
  'referer',
  'transfer-encoding',
  'user-agent',
]);

type Lines = Map<string, [name: string, value: string | string[]]>;

/**
 * The headers of a request with such a body; they say where it ends.
 * @throws TypeError, RangeError for headers that are none or contradict the body
 */
export function headersOf(given: unknown, body: NodeBody): GivenHeaders {
  const lines: Lines = new Map();
  for (const [name, value] of entriesOf(given)) if (value !== undefined) add(lines, name, value);
  const expect = lines.get('expect')?.[1] as string | undefined;
  lines.delete('expect');
  if (expect !== undefined) validateHeaderValue('expect', expect);
  const length = frame(lines, body);
  return { headers: Object.fromEntries(lines.values()), expect, length };
}

function entriesOf(given: unknown): readonly (readonly [string, unknown])[] {
  if (given === undefined || given === null) return [];
  if (typeof given !== 'object') throw noHeaders();
  if (Array.isArray(given) && !Array.isArray(given[0])) return pairsOf(given);
  if (!(Symbol.iterator in given)) return Object.entries(given);
  return [...(given as Iterable<unknown>)].map(checkedPair);
}

function pairsOf(list: readonly unknown[]): (readonly [string, unknown])[] {
  if (list.length % 2 === 1) throw noHeaders();
  return list.flatMap((name, i) => (i % 2 === 0 ? [checkedPair([name, list[i + 1]])] : []));
}

function checkedPair(pair: unknown): readonly [string, unknown] {
  if (Array.isArray(pair) && pair.length === 2 && typeof pair[0] === 'string')
    return pair as [string, unknown];
  throw noHeaders();
}

function noHeaders(): TypeError {
  return new TypeError('headers must be an object, a list of names and values by turns, or pairs of them');
}

function add(lines: Lines, given: string, value: unknown): void {
  const name = given.toLowerCase();
  if (SINGLE.has(name)) return void lines.set(name, [given, single(name, value)]);
  const [first, earlier] = lines.get(name) ?? [given, []];
  const values = [earlier, value].flat().map(String);
  lines.set(name, [first, values.length === 1 ? values[0]! : values]);
}

function single(name: string, value: unknown): string {
  if (!Array.isArray(value)) return String(value);
  const framing = name === 'content-length' || name === 'transfer-encoding';
  if (framing || value.length !== 1) throw new TypeError(`headers: ${name} must be one value, not a list`);
  return String(value[0]);
}

/** node:http itself says nothing about the length of a body that goes with GET, DELETE and their like. */
function frame(lines: Lines, body: NodeBody): number | undefined {
  const length = lines.get('content-length')?.[1] as string | undefined;
  const encoding = lines.get('transfer-encoding')?.[1] as string | undefined;
  if (encoding !== undefined) checkEncoding(encoding, length);
  if (length !== undefined) return checkedLength(length, body);
  if (body === undefined || encoding !== undefined) return undefined;
  if (isWhole(body)) lines.set('content-length', ['content-length', String(Buffer.byteLength(body))]);
  else lines.set('transfer-encoding', ['transfer-encoding', 'chunked']);
  return undefined;
}

function checkEncoding(encoding: string, length: string | undefined): void {
  if (length !== undefined)
    throw new TypeError('headers: content-length and transfer-encoding exclude each other');
  const codings = encoding.split(',').map((coding) => coding.trim().toLowerCase());
  if (codings.indexOf('chunked') !== codings.length - 1)
    throw new TypeError("headers: transfer-encoding must end in 'chunked', and have it once");
}

function checkedLength(text: string, body: NodeBody): number | undefined {
  const length = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(length))
    throw new TypeError('headers: content-length must be a number of octets');
  if (body === undefined && length > 0) throw new TypeError('headers: content-length without a body');
  if (body !== undefined && !isWhole(body)) return length;
  const octets = Buffer.byteLength(body ?? '');
  if (length !== octets)
    throw new RangeError(`headers: content-length is ${length}, but body has ${octets} octets`);
  return undefined;
}

/**
 * The chunks of a body, of `length` octets where that is said. Then the one that makes them complete waits for the end: a
 * request that is too long must fail, and never look complete to the server.
 * @throws TypeError for a chunk that node:http cannot write; RangeError where there are more octets, or fewer
 */
export async function* chunksOf(body: AsyncIterable<unknown>, length?: number): AsyncGenerator<unknown> {
  const last: unknown[] = [];
  let left = length ?? Number.POSITIVE_INFINITY;
  for await (const chunk of body) {
    if (!isWhole(chunk)) throw new TypeError('body must consist of strings or Uint8Arrays');
    left -= Buffer.byteLength(chunk);
    if (left < 0) throw new RangeError(`headers: content-length is ${length}, but body has more octets`);
    if (left === 0) last.push(chunk);
    else yield chunk;
  }
  if (length !== undefined && left > 0)
    throw new RangeError(`headers: content-length is ${length}, but body has ${length - left} octets`);
  yield* last;
}

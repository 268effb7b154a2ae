/**
 * Challenges in WWW-Authenticate and Proxy-Authenticate (RFC 9110 sections 11.2, 11.3 and 11.6.1): several headers, lists,
 * quoted strings, token68. One pass over the text; what breaks the grammar is read over up to the next comma.
 */
import { ProtocolError } from '../../errors.js';

/** One challenge. */
export interface Challenge {
  /** In lower case. */
  readonly scheme: string;
  /** Base64 and its like, as it came. */
  readonly token68: string | undefined;
  /** Parameters by name in lower case; of two with one name the first counts. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** Longest text of all headers together that is read, characters; Node.js itself takes 16 KiB unless told otherwise. */
export const MAX_CHALLENGE_LENGTH = 131_072;

/**
 * The challenges in their order.
 * @param headers values of the header, one for each line
 * @throws ProtocolError ERR_HTTP_CHALLENGE when they are too long
 */
export function parseChallenges(headers: readonly string[]): Challenge[] {
  const length = headers.reduce((sum, header) => sum + header.length, 0);
  if (length > MAX_CHALLENGE_LENGTH) {
    throw badChallenge(`${length} characters, the limit is ${MAX_CHALLENGE_LENGTH}`);
  }
  return headers.flatMap((header) => parseHeader(header));
}

/** What a server says about Negotiate. */
export interface NegotiateChallenge {
  /** Whether the scheme is among the challenges. */
  readonly offered: boolean;
  /** The token of RFC 4559 section 4, if there is one. */
  readonly token: Uint8Array | undefined;
}

/**
 * The Negotiate challenge among the others.
 * @throws ProtocolError ERR_HTTP_CHALLENGE: too long, a token that is no base64, or several tokens
 */
export function negotiateChallenge(headers: readonly string[]): NegotiateChallenge {
  const own = parseChallenges(headers).filter(({ scheme }) => scheme === 'negotiate');
  const tokens = own.flatMap(({ token68 }) => (token68 === undefined ? [] : [token68]));
  if (tokens.length > 1) throw badChallenge(`${tokens.length} Negotiate tokens`);
  return { offered: own.length > 0, token: tokens[0] === undefined ? undefined : octetsOf(tokens[0]) };
}

/** Base64 as RFC 4648 section 4 has it, padding included. */
function octetsOf(token68: string): Uint8Array {
  if (token68.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(token68)) {
    throw badChallenge('the Negotiate token is no base64');
  }
  return new Uint8Array(Buffer.from(token68, 'base64'));
}

function badChallenge(problem: string): ProtocolError {
  return new ProtocolError('ERR_HTTP_CHALLENGE', 'challenge', problem, 'RFC 9110 section 11.6.1');
}

interface Draft extends Challenge {
  token68: string | undefined;
  readonly parameters: Map<string, string>;
}

function parseHeader(text: string): Challenge[] {
  const challenges: Draft[] = [];
  const reader = new Reader(text);
  while (!reader.atEnd) {
    if (!readItem(reader, challenges)) reader.skipItem();
    reader.skip(SEPARATORS);
  }
  return challenges;
}

/** A scheme with what follows it, or one more parameter of the last challenge; false where the grammar is broken. */
function readItem(reader: Reader, challenges: Draft[]): boolean {
  const name = reader.token();
  if (name === '') return false;
  const afterName = reader.position;
  reader.skip(BLANKS);
  const last = challenges.at(-1);
  if (reader.peek === '=') return last !== undefined && readParameter(reader, name, last);
  const challenge: Draft = { scheme: name.toLowerCase(), token68: undefined, parameters: new Map() };
  challenges.push(challenge);
  if (reader.atItemEnd) return true;
  if (reader.position === afterName) return false;
  challenge.token68 = reader.token68();
  if (challenge.token68 !== undefined) return true;
  const parameter = reader.token();
  reader.skip(BLANKS);
  return readParameter(reader, parameter, challenge);
}

/** `=` and a value after the name. */
function readParameter(reader: Reader, name: string, { parameters }: Draft): boolean {
  if (name === '' || !reader.take('=')) return false;
  reader.skip(BLANKS);
  const value = reader.peek === '"' ? reader.quoted() : reader.token();
  reader.skip(BLANKS);
  if (value === undefined || !reader.atItemEnd) return false;
  const key = name.toLowerCase();
  if (!parameters.has(key)) parameters.set(key, value);
  return true;
}

const BLANKS = /[ \t]*/y;
const SEPARATORS = /[ \t,]*/y;
/** token (RFC 9110 section 5.6.2). */
const TOKEN = /[!#$%&'*+.^_`|~0-9A-Za-z-]*/y;
/** token68 (section 11.2). */
const TOKEN68 = /[A-Za-z0-9._~+/-]+=*/y;
/** The contents of a quoted-string (section 5.6.4). */
const QUOTED = /"((?:[^"\\]|\\.)*)"/suy;

/** A position in a text; each method reads forward. */
class Reader {
  position = 0;
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
    this.skip(SEPARATORS);
  }

  get peek(): string | undefined {
    return this.#text[this.position];
  }

  get atEnd(): boolean {
    return this.position >= this.#text.length;
  }

  get atItemEnd(): boolean {
    return this.atEnd || this.peek === ',';
  }

  skip(pattern: RegExp): void {
    this.#match(pattern);
  }

  take(character: string): boolean {
    if (this.peek !== character) return false;
    this.position++;
    return true;
  }

  token(): string {
    return this.#match(TOKEN)?.[0] ?? '';
  }

  /** A token68 that is all there is up to the next comma; otherwise nothing is read. */
  token68(): string | undefined {
    const start = this.position;
    const found = this.#match(TOKEN68)?.[0];
    this.skip(BLANKS);
    if (found !== undefined && this.atItemEnd) return found;
    this.position = start;
    return undefined;
  }

  quoted(): string | undefined {
    return this.#match(QUOTED)?.[1]?.replace(/\\(.)/gsu, '$1');
  }

  /** Up to the next comma that is in no quoted string. */
  skipItem(): void {
    for (; !this.atItemEnd; this.position++) {
      if (this.peek !== '"') continue;
      if (this.quoted() === undefined) this.position = this.#text.length;
      else this.position--;
    }
  }

  #match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.position;
    const match = pattern.exec(this.#text);
    if (match === null) return undefined;
    this.position += match[0].length;
    return match;
  }
}

/** As much of an LDAP client (RFC 4511) as the SASL tests need: bind in several steps, Who am I?, search. */
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import {
  type ChannelBinding,
  type SaslMechanism,
  SaslStream,
  type SecurityLayer,
  tlsChannelBinding,
} from '../../src/adapters/sasl/index.js';

const SEQUENCE = 0x30;
const INTEGER = 0x02;
const OCTET_STRING = 0x04;
const ENUMERATED = 0x0a;
const BIND_REQUEST = 0x60;
const BIND_RESPONSE = 0x61;
const SEARCH_REQUEST = 0x63;
const SEARCH_ENTRY = 0x64;
const SEARCH_DONE = 0x65;
const EXTENDED_REQUEST = 0x77;
const EXTENDED_RESPONSE = 0x78;
const SASL_CREDENTIALS = 0xa3;
const SERVER_SASL_CREDS = 0x87;
const RESPONSE_VALUE = 0x8b;
const SASL_BIND_IN_PROGRESS = 14;
const WHO_AM_I = '1.3.6.1.4.1.4203.1.11.3';

interface Element {
  readonly tag: number;
  readonly value: Buffer;
}

function ber(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const value = Buffer.concat(contents);
  const length = Buffer.alloc(5, 0x84);
  length.writeUInt32BE(value.length, 1);
  return Buffer.concat([Buffer.of(tag), value.length < 128 ? Buffer.of(value.length) : length, value]);
}

const octetString = (text: string): Buffer => ber(OCTET_STRING, Buffer.from(text));
const integer = (value: number, tag = INTEGER): Buffer => ber(tag, Buffer.of(value >> 8, value & 0xff));

/** The element at the start, or undefined if it is not complete. */
function firstElement(octets: Buffer): (Element & { readonly end: number }) | undefined {
  const first = octets[1] ?? 0x80;
  const start = first < 128 ? 2 : 2 + (first & 0x7f);
  if (octets.length < start) return undefined;
  const length = first < 128 ? first : octets.readUIntBE(2, first & 0x7f);
  const end = start + length;
  return octets.length < end ? undefined : { tag: octets[0]!, value: octets.subarray(start, end), end };
}

function elements(octets: Buffer): Element[] {
  const found: Element[] = [];
  for (let rest = octets; rest.length > 0; ) {
    const element = firstElement(rest);
    if (element === undefined) throw new Error('truncated');
    found.push(element);
    rest = rest.subarray(element.end);
  }
  return found;
}

/** The server refused. */
export class LdapError extends Error {
  readonly resultCode: number;

  constructor(resultCode: number, text: string) {
    super(`LDAP result ${resultCode}: ${text}`);
    this.resultCode = resultCode;
  }
}

/** One connection to a server. */
export class LdapClient {
  readonly #socket: Duplex;
  #stream: Duplex;
  #received: Buffer = Buffer.alloc(0);
  #failure: Error | undefined;
  #ended = false;
  #wake: () => void = () => undefined;
  #messageId = 0;

  /** @param socket connected */
  constructor(socket: Duplex) {
    this.#socket = socket;
    this.#stream = socket;
    this.#listen(socket);
  }

  /** Connects to localhost; with the certificate of an authority by TLS. */
  static async connect(port: number, ca?: Buffer): Promise<LdapClient> {
    const socket =
      ca === undefined
        ? connect(port, '127.0.0.1')
        : connectTls({ port, host: '127.0.0.1', servername: 'localhost', ca });
    await new Promise((resolve, reject) => {
      socket.once(ca === undefined ? 'connect' : 'secureConnect', resolve);
      socket.once('error', reject);
    });
    return new LdapClient(socket);
  }

  /** Our port. */
  get localPort(): number {
    return (this.#socket as Socket).localPort!;
  }

  /** What binds an exchange to this TLS connection. */
  get channelBinding(): ChannelBinding {
    const binding = tlsChannelBinding(this.#socket as TLSSocket);
    if (binding === undefined) throw new Error('no channel binding');
    return binding;
  }

  /** Binds and installs the security layer, if one was agreed. */
  async bind(mechanism: SaslMechanism): Promise<void> {
    for (let response: Uint8Array | undefined = mechanism.next(); ; ) {
      const reply = await this.#bindStep(mechanism.name, response);
      if (reply.resultCode === SASL_BIND_IN_PROGRESS) {
        response = mechanism.next(reply.credentials ?? new Uint8Array(0));
        continue;
      }
      if (reply.resultCode !== 0) throw new LdapError(reply.resultCode, reply.text);
      const layer = mechanism.conclude(reply.credentials);
      if (layer !== undefined) this.#install(layer);
      return;
    }
  }

  /** Who the server thinks we are (RFC 4532), such as `dn:uid=alice,...`. */
  async whoAmI(): Promise<string> {
    this.#send(ber(EXTENDED_REQUEST, ber(0x80, Buffer.from(WHO_AM_I))));
    const { value } = await this.#receive(EXTENDED_RESPONSE);
    const [code, , text, ...more] = elements(value);
    if (code!.value.at(-1) !== 0) throw new LdapError(code!.value.at(-1)!, String(text?.value));
    return String(more.find(({ tag }) => tag === RESPONSE_VALUE)?.value ?? '');
  }

  /** The entries below `base`, in octets as they came: `one` level, or `base` itself. */
  async search(base: string, scope: 'base' | 'one', attributes: readonly string[] = []): Promise<Buffer[]> {
    const request = [
      octetString(base),
      integer(scope === 'base' ? 0 : 1, ENUMERATED),
      integer(0, ENUMERATED),
      integer(0),
      integer(0),
      ber(1, Buffer.of(0)),
      ber(0x87, Buffer.from('objectClass')),
      ber(SEQUENCE, ...attributes.map(octetString)),
    ];
    this.#send(ber(SEARCH_REQUEST, ...request));
    const entries: Buffer[] = [];
    for (;;) {
      const { tag, value } = await this.#receive(SEARCH_ENTRY, SEARCH_DONE);
      if (tag === SEARCH_ENTRY) entries.push(value);
      else {
        const [code, , text] = elements(value);
        if (code!.value.at(-1) !== 0) throw new LdapError(code!.value.at(-1)!, String(text?.value));
        return entries;
      }
    }
  }

  /** Ends the connection; resolves when it is gone. */
  async end(): Promise<void> {
    if (this.#stream.destroyed) return;
    const closed = new Promise((resolve) => this.#stream.once('close', resolve));
    this.#stream.end();
    this.#stream.resume();
    await closed;
  }

  async #bindStep(mechanism: string, response: Uint8Array) {
    const credentials = ber(SASL_CREDENTIALS, octetString(mechanism), ber(OCTET_STRING, response));
    this.#send(ber(BIND_REQUEST, integer(3), octetString(''), credentials));
    const { value } = await this.#receive(BIND_RESPONSE);
    const [code, , text, ...more] = elements(value);
    return {
      resultCode: code!.value.at(-1)!,
      text: String(text?.value),
      credentials: more.find(({ tag }) => tag === SERVER_SASL_CREDS)?.value,
    };
  }

  #send(operation: Buffer): void {
    this.#messageId++;
    this.#stream.write(ber(SEQUENCE, integer(this.#messageId), operation));
  }

  async #receive(...tags: readonly number[]): Promise<Element> {
    for (;;) {
      const message = firstElement(this.#received);
      if (message !== undefined) {
        this.#received = this.#received.subarray(message.end);
        const operation = elements(message.value)[1]!;
        if (!tags.includes(operation.tag)) throw new Error(`unexpected operation ${operation.tag}`);
        return operation;
      }
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#ended) throw new Error('the server has closed the connection');
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #install(layer: SecurityLayer): void {
    this.#socket.removeAllListeners('data');
    this.#stream = new SaslStream(this.#socket, layer);
    this.#listen(this.#stream);
  }

  #listen(stream: Duplex): void {
    stream.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake();
    });
    stream.on('error', (error) => {
      this.#failure = error;
      this.#wake();
    });
    stream.on('close', () => {
      this.#ended = true;
      this.#wake();
    });
  }
}

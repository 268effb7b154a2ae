/** A client of MIT's gss-server (krb5-gss-samples). */
import { connect, type Socket } from 'node:net';
import { utf8 } from '../../src/bytes.js';
import type { SecurityContext } from '../../src/index.js';

/** The conversation of MIT's sample programs: one flag octet, four octets of length, the token. */
class GssServerConnection {
  readonly #socket: Socket;
  #received: Uint8Array = new Uint8Array(0);
  #wake: () => void = () => undefined;

  constructor(port: number) {
    this.#socket = connect(port, '127.0.0.1');
    this.#socket.on('data', (data) => {
      this.#received = Buffer.concat([this.#received, data]);
      this.#wake();
    });
    for (const event of ['close', 'error']) this.#socket.on(event, () => this.#wake());
  }

  send(flags: number, token: Uint8Array): void {
    const header = Buffer.alloc(5);
    header[0] = flags;
    header.writeUInt32BE(token.length, 1);
    this.#socket.write(Buffer.concat([header, token]));
  }

  async receive(): Promise<Uint8Array> {
    for (;;) {
      const length = this.#received.length < 5 ? undefined : Buffer.from(this.#received).readUInt32BE(1);
      if (length !== undefined && this.#received.length >= 5 + length) {
        const token = this.#received.slice(5, 5 + length);
        this.#received = this.#received.slice(5 + length);
        return token;
      }
      if (this.#socket.destroyed) throw new Error('gss-server closed the connection');
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  end(): void {
    this.#socket.end();
  }
}

/** Flags of the sample programs' framing. */
const NOOP = 1;
const CONTEXT = 2;
const DATA = 4;
const CONTEXT_NEXT = 16;
const WRAPPED = 32;
const ENCRYPTED = 64;
const SEND_MIC = 128;

/** Establishes a context, sends one message and checks the server's MIC of it. */
export async function converse(
  port: number,
  context: SecurityContext,
  message: string,
  confidential: boolean,
): Promise<void> {
  const server = new GssServerConnection(port);
  try {
    server.send(NOOP | CONTEXT_NEXT, new Uint8Array(0));
    for (let result = context.step(); ; ) {
      if (result.token !== undefined) server.send(CONTEXT, result.token);
      if (context.established || result.done) break;
      result = context.step(await server.receive());
    }
    const token = context.wrap(utf8(message), { confidential });
    server.send(DATA | WRAPPED | SEND_MIC | (confidential ? ENCRYPTED : 0), token);
    context.verifyMic(utf8(message), await server.receive());
    server.send(NOOP, new Uint8Array(0));
  } finally {
    server.end();
  }
}

/**
 * A request and its reply over a TCP connection of their own (RFC 4120 section 7.2.2).
 */
import { connect, type Socket } from 'node:net';
import type { Channel, ChannelEvents, Request } from './channel.js';
import { FrameReader, frame } from './framing.js';
import type { Endpoint } from './kdcServer.js';

/** Connects to the endpoint, sends the request and reads the reply. */
export function openTcp(endpoint: Endpoint, request: Request, events: ChannelEvents): Channel {
  return new TcpChannel(endpoint, request, events);
}

class TcpChannel implements Channel {
  readonly #request: Request;
  readonly #events: ChannelEvents;
  readonly #socket: Socket;
  readonly #reader: FrameReader;
  readonly #connectTimer: NodeJS.Timeout;
  #established = false;
  #closed = false;

  constructor(endpoint: Endpoint, request: Request, events: ChannelEvents) {
    this.#request = request;
    this.#events = events;
    this.#reader = new FrameReader(request.maxReplyOctets);
    this.#socket = connect({ host: endpoint.address, port: endpoint.server.port, noDelay: true });
    this.#socket.on('connect', () => this.#connected());
    this.#socket.on('data', (segment) => this.#receive(segment));
    this.#socket.on('end', () => this.#fail(new Error(this.#closedText())));
    this.#socket.on('close', () => this.#fail(new Error(this.#closedText())));
    this.#socket.on('error', (error) => this.#fail(error));
    this.#connectTimer = setTimeout(() => this.#fail(new Error(this.pending())), request.connectTimeoutMs);
  }

  get established(): boolean {
    return this.#established;
  }

  resend(): boolean {
    return false;
  }

  pending(): string {
    if (!this.#established) return 'no connection in time';
    const { received, expected } = this.#reader.progress;
    return received === 0 && expected === 4
      ? 'connected, but no answer in time'
      : `only ${received} of ${expected} octets came in time`;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#connectTimer);
    this.#socket.destroy();
  }

  #connected(): void {
    if (this.#closed) return;
    clearTimeout(this.#connectTimer);
    this.#established = true;
    this.#socket.write(frame(this.#request.message));
    this.#events.sent();
  }

  #receive(segment: Uint8Array): void {
    if (this.#closed) return;
    try {
      const reply = this.#reader.push(segment)[0];
      if (reply !== undefined) this.#finish(reply);
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  #finish(reply: Uint8Array): void {
    if (!this.#request.isReply(reply)) {
      throw new Error(`answered with ${reply.length} octets that are no Kerberos reply`);
    }
    this.close();
    this.#events.reply(reply);
  }

  #closedText(): string {
    const { received, expected } = this.#reader.progress;
    return `connection closed after ${received} of ${expected} octets`;
  }

  #fail(error: Error): void {
    if (this.#closed) return;
    this.close();
    this.#events.failed(error);
  }
}

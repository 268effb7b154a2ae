/**
 * A request and its reply as UDP datagrams (RFC 4120 section 7.2.1). The socket is bound to the wildcard address and
 * connected, so the system drops datagrams of others and reports a refusal (ICMP port unreachable). Datagrams that are no
 * reply are ignored, for anybody can forge them. Retransmission is the caller's.
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import type { Channel, ChannelEvents, Request } from './channel.js';
import type { Endpoint } from './kdcServer.js';

/** Sends the request to the endpoint and listens for the reply. */
export function openUdp(endpoint: Endpoint, request: Request, events: ChannelEvents): Channel {
  return new UdpChannel(endpoint, request, events);
}

class UdpChannel implements Channel {
  readonly established = false;
  readonly #request: Request;
  readonly #events: ChannelEvents;
  readonly #socket: Socket;
  #peer: { address: string; port: number } | undefined;
  #sends = 0;
  #closed = false;

  constructor(endpoint: Endpoint, request: Request, events: ChannelEvents) {
    this.#request = request;
    this.#events = events;
    this.#socket = createSocket(endpoint.family === 6 ? 'udp6' : 'udp4');
    this.#socket.on('error', (error) => this.#fail(error));
    this.#socket.on('message', (octets, from) => this.#receive(octets, from));
    this.#socket.on('connect', () => this.#connected());
    this.#socket.connect(endpoint.server.port, endpoint.address);
  }

  resend(): boolean {
    if (this.#closed || this.#peer === undefined) return false;
    this.#sends++;
    this.#socket.send(this.#request.message, (error) => {
      if (error) this.#fail(error);
    });
    this.#events.sent();
    return true;
  }

  pending(): string {
    if (this.#sends === 0) return 'nothing was sent in time';
    return `no answer within ${this.#sends} ${this.#sends === 1 ? 'try' : 'tries'}`;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close();
  }

  #connected(): void {
    if (this.#closed) return;
    this.#peer = this.#socket.remoteAddress();
    this.resend();
  }

  #receive(octets: Uint8Array, from: RemoteInfo): void {
    if (this.#closed || !this.#isPeer(from) || !this.#request.isReply(octets)) return;
    this.close();
    this.#events.reply(Uint8Array.from(octets));
  }

  /** The queue may hold a datagram of somebody else that came between bind and connect. */
  #isPeer(from: RemoteInfo): boolean {
    return from.port === this.#peer?.port && from.address === this.#peer.address;
  }

  #fail(error: Error): void {
    if (this.#closed) return;
    this.close();
    this.#events.failed(error);
  }
}

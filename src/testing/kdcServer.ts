/** The sockets of a KDC: UDP and TCP on one port of the loopback addresses (RFC 4120 section 7.2). */
import { createSocket, type Socket as DatagramSocket, type RemoteInfo } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { FrameReader, frame } from '../transport/framing.js';
import type { Wire } from './hooks.js';

/** Takes a request and answers over the wire, or not. */
export type Listener = (request: Uint8Array, wire: Wire) => void;

const ADDRESSES = ['127.0.0.1', '::1'] as const;
/** A port that is free on one socket may be taken on the next. */
const MAX_TRIES = 20;
/** No request of a client is as long. */
const MAX_REQUEST_OCTETS = 65_536;

/** Listening sockets. */
export class KdcServer {
  readonly port: number;
  /** Of 127.0.0.1 and ::1 those that this machine has. */
  readonly addresses: readonly string[];
  readonly #udp: readonly DatagramSocket[];
  readonly #tcp: readonly Server[];
  readonly #connections: Set<Socket>;

  private constructor(sockets: Sockets) {
    this.port = sockets.port;
    this.addresses = sockets.addresses;
    this.#udp = sockets.udp;
    this.#tcp = sockets.tcp;
    this.#connections = sockets.connections;
  }

  /** Listens on a free port. Rejects with the system's error. */
  static async start(listener: Listener): Promise<KdcServer> {
    for (let attempt = 1; ; attempt++) {
      const sockets: Sockets = { port: 0, addresses: [], udp: [], tcp: [], connections: new Set() };
      try {
        for (const address of ADDRESSES) await listenOn(address, sockets, listener);
        return new KdcServer(sockets);
      } catch (error) {
        await close(sockets);
        if (codeOf(error) !== 'EADDRINUSE' || attempt === MAX_TRIES) throw error;
      }
    }
  }

  /** Ends all connections and frees the port. */
  async stop(): Promise<void> {
    await close({ udp: this.#udp, tcp: this.#tcp, connections: this.#connections });
  }
}

interface Sockets {
  port: number;
  addresses: readonly string[];
  udp: readonly DatagramSocket[];
  tcp: readonly Server[];
  readonly connections: Set<Socket>;
}

/** Both protocols on one address; the first address chooses the port, a missing one is passed over. */
async function listenOn(address: string, sockets: Sockets, listener: Listener): Promise<void> {
  const tcp = createServer((connection) => {
    sockets.connections.add(connection);
    connection.once('close', () => sockets.connections.delete(connection));
    serveConnection(connection, listener);
  });
  try {
    tcp.listen({ port: sockets.port, host: address, ipv6Only: true });
    await once(tcp, 'listening');
  } catch (error) {
    if (sockets.port !== 0 && ADDRESS_MISSING.has(codeOf(error))) return;
    throw error;
  }
  sockets.tcp = [...sockets.tcp, tcp];
  sockets.port = (tcp.address() as AddressInfo).port;
  const udp = createSocket({
    type: address.includes(':') ? 'udp6' : 'udp4',
    ipv6Only: address.includes(':'),
  });
  sockets.udp = [...sockets.udp, udp];
  udp.on('message', (message, peer) => listener(message, datagramWire(udp, peer)));
  udp.bind(sockets.port, address);
  await once(udp, 'listening');
  // An answer to a client that has gone is no error of the server.
  udp.on('error', () => undefined);
  sockets.addresses = [...sockets.addresses, address];
}

const ADDRESS_MISSING: ReadonlySet<string | undefined> = new Set(['EADDRNOTAVAIL', 'EAFNOSUPPORT']);

function codeOf(error: unknown): string | undefined {
  return (error as { code?: string }).code;
}

function datagramWire(socket: DatagramSocket, { port, address }: RemoteInfo): Wire {
  const send = (octets: Uint8Array): void => socket.send(octets, port, address, () => undefined);
  return { protocol: 'udp', send, sendRaw: send, close: () => undefined };
}

function serveConnection(connection: Socket, listener: Listener): void {
  const reader = new FrameReader(MAX_REQUEST_OCTETS);
  const wire: Wire = {
    protocol: 'tcp',
    send: (message) => connection.write(frame(message)),
    sendRaw: (octets) => connection.write(octets),
    close: () => connection.end(),
  };
  connection.on('error', () => connection.destroy());
  connection.on('data', (segment) => {
    for (const message of messagesOf(reader, segment, connection)) listener(message, wire);
  });
}

/** The messages that a segment completes; a length that no request has ends the connection. */
function messagesOf(reader: FrameReader, segment: Uint8Array, connection: Socket): Uint8Array[] {
  try {
    return reader.push(segment);
  } catch {
    connection.destroy();
    return [];
  }
}

async function close({ udp, tcp, connections }: Omit<Sockets, 'port' | 'addresses'>): Promise<void> {
  for (const connection of connections) connection.destroy();
  await Promise.all([
    ...udp.map((socket) => new Promise<void>((done) => socket.close(() => done()))),
    ...tcp.map((server) => new Promise<void>((done) => server.close(() => done()))),
  ]);
}

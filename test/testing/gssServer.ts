/**
 * The server side of MIT krb5's gss-sample programs, on the embedded realm's acceptor. Each token travels behind one octet
 * of flags and four octets of length: NOOP 1, CONTEXT 2, DATA 4, MIC 8, CONTEXT_NEXT 16, WRAPPED 32, ENCRYPTED 64,
 * SEND_MIC 128.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { utf8Text } from '../../src/bytes.js';
import { AcceptError, type Accepted, type Acceptor } from '../../src/testing/index.js';

const NOOP = 1;
const CONTEXT = 2;
const DATA = 4;
const MIC = 8;
const WRAPPED = 32;
const ENCRYPTED = 64;
const SEND_MIC = 128;

/** What one connection told. */
export interface Conversation {
  accepted?: Accepted;
  readonly messages: string[];
  error?: unknown;
}

export interface GssServer {
  readonly port: number;
  readonly conversations: readonly Conversation[];
  stop(): Promise<void>;
}

export async function startGssServer(acceptor: Acceptor): Promise<GssServer> {
  const conversations: Conversation[] = [];
  const server = createServer((socket) => {
    const conversation: Conversation = { messages: [] };
    conversations.push(conversation);
    serve(socket, acceptor, conversation).catch((error: unknown) => {
      conversation.error = error;
      socket.destroy();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    conversations,
    stop: () => new Promise((done) => server.close(() => done())),
  };
}

async function serve(socket: Socket, acceptor: Acceptor, conversation: Conversation): Promise<void> {
  let accepted: Accepted | undefined;
  for await (const { flags, token } of packets(socket)) {
    if (accepted?.done !== true) {
      if ((flags & CONTEXT) === 0) continue;
      accepted = accept(socket, acceptor, token, accepted);
      conversation.accepted = accepted;
    } else if ((flags & NOOP) !== 0) {
      socket.end();
      return;
    } else if ((flags & DATA) !== 0) {
      const message = open(accepted, flags, token);
      conversation.messages.push(utf8Text(message));
      if ((flags & SEND_MIC) !== 0) send(socket, MIC, accepted.context.mic(message));
      else send(socket, NOOP, new Uint8Array(0));
    }
  }
}

function accept(
  socket: Socket,
  acceptor: Acceptor,
  token: Uint8Array,
  before: Accepted | undefined,
): Accepted {
  try {
    const accepted = acceptor.accept(token, before?.context);
    if (accepted.token !== undefined) send(socket, CONTEXT, accepted.token);
    return accepted;
  } catch (error) {
    if (error instanceof AcceptError && error.token !== undefined) send(socket, CONTEXT, error.token);
    throw error;
  }
}

function open({ context }: Accepted, flags: number, token: Uint8Array): Uint8Array {
  if ((flags & WRAPPED) === 0) return token;
  const { message, confidential } = context.unwrap(token);
  if (confidential !== ((flags & ENCRYPTED) !== 0)) throw new Error('confidentiality is not as announced');
  return message;
}

function send(socket: Socket, flags: number, token: Uint8Array): void {
  const head = Buffer.alloc(5);
  head.writeUInt8(flags, 0);
  head.writeUInt32BE(token.length, 1);
  socket.write(Buffer.concat([head, token]));
}

async function* packets(socket: Socket): AsyncGenerator<{ flags: number; token: Uint8Array }> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const segment of socket) {
    rest = Buffer.concat([rest, segment as Buffer]);
    while (rest.length >= 5 && rest.length >= 5 + rest.readUInt32BE(1)) {
      const end = 5 + rest.readUInt32BE(1);
      yield { flags: rest.readUInt8(0), token: new Uint8Array(rest.subarray(5, end)) };
      rest = rest.subarray(end);
    }
  }
}

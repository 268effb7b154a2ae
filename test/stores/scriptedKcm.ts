/** A KCM daemon in this process, with the operations of Heimdal's, for tests without a real one. */
import { randomBytes } from 'node:crypto';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { concat, toHex, uint32be, utf8, utf8Text } from '../../src/bytes.js';
import { encodeEntry, readLocated, readPrincipal } from '../../src/formats/ccacheEntry.js';
import type { Credential } from '../../src/formats/credential.js';
import { KCM_CODES, KCM_OPERATIONS } from '../../src/formats/kcm.js';
import { OctetReader } from '../../src/formats/octetReader.js';
import { formatPrincipal } from '../../src/formats/principal.js';
import { testFolder } from './folder.js';

interface Held {
  readonly uuid: Uint8Array;
  principal: Uint8Array;
  offset: number;
  entries: { uuid: Uint8Array; credential: Credential }[];
}

/** What to answer a request with: whole reply, or undefined to stay silent. */
export type Answer = (request: Uint8Array) => Uint8Array | undefined;

/** A socket at which `answer` replies to each request; its path. It ends with the test. */
export async function listen(answer: Answer): Promise<string> {
  const path = join(testFolder(), 'kcm');
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    let received = Buffer.alloc(0);
    socket.on('error', () => undefined);
    socket.on('data', (octets) => {
      received = Buffer.concat([received, octets]);
      while (received.length >= 4 && received.length >= 4 + received.readUInt32BE()) {
        const length = received.readUInt32BE();
        const reply = answer(received.subarray(4, 4 + length));
        received = received.subarray(4 + length);
        if (reply !== undefined) socket.write(reply);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return path;
}

/** A reply with `code` and what follows it, as it goes over the socket. */
export function framed(code: number, ...parts: Uint8Array[]): Uint8Array {
  const body = concat(uint32be(code), ...parts);
  return concat(uint32be(body.length), uint32be(0), body);
}

/**
 * A daemon with caches of its own; the path of its socket.
 * @param refuses which requests it refuses, by operation
 */
export function scriptedKcm(refuses: (operation: string) => boolean = () => false): Promise<string> {
  const caches = new Map<string, Held>();
  const state = { primary: '0', counter: 0 };
  return listen((request) => {
    const reader = new OctetReader('credential cache', request);
    reader.uint16();
    const opcode = reader.uint16();
    const name = Object.entries(KCM_OPERATIONS).find(([, code]) => code === opcode)?.[0];
    return refuses(name ?? '') ? framed(KCM_CODES.INTERNAL) : operate(name ?? '', reader, caches, state);
  });
}

function operate(
  operation: string,
  reader: OctetReader,
  caches: Map<string, Held>,
  state: { primary: string; counter: number },
): Uint8Array {
  const rest = () => reader.take(reader.remaining);
  switch (operation) {
    case 'GEN_NEW':
      return framed(0, utf8(`0:${++state.counter}\0`));
    case 'GET_DEFAULT_CACHE':
      return framed(0, utf8(`${state.primary}\0`));
    case 'GET_CACHE_UUID_LIST':
      return framed(0, ...[...caches.values()].map(({ uuid }) => uuid));
    case 'GET_CACHE_BY_UUID': {
      const uuid = toHex(rest());
      const found = [...caches].find(([, held]) => toHex(held.uuid) === uuid);
      return found === undefined ? framed(KCM_CODES.END) : framed(0, utf8(`${found[0]}\0`));
    }
  }
  const name = readName(reader);
  if (operation === 'INITIALIZE') {
    caches.set(name, { uuid: randomBytes(16), principal: rest(), offset: 0, entries: [] });
    return framed(0);
  }
  const held = caches.get(name);
  if (held === undefined) return framed(KCM_CODES.NOFILE);
  if (operation === 'DESTROY') caches.delete(name);
  if (operation === 'SET_DEFAULT_CACHE') state.primary = name;
  return operation === 'DESTROY' || operation === 'SET_DEFAULT_CACHE'
    ? framed(0)
    : operateOn(held, operation, reader);
}

function operateOn(held: Held, operation: string, reader: OctetReader): Uint8Array {
  switch (operation) {
    case 'GET_PRINCIPAL':
      return framed(0, held.principal);
    case 'GET_KDC_OFFSET':
      return framed(0, uint32be(held.offset));
    case 'SET_KDC_OFFSET':
      held.offset = reader.int32();
      return framed(0);
    case 'STORE':
      held.entries.push({ uuid: randomBytes(16), credential: readLocated(reader, 4).credential });
      return framed(0);
    case 'GET_CRED_UUID_LIST':
      return framed(0, ...held.entries.map(({ uuid }) => uuid));
    case 'GET_CRED_BY_UUID': {
      const uuid = toHex(reader.take(16));
      const found = held.entries.find((entry) => toHex(entry.uuid) === uuid);
      return found === undefined ? framed(KCM_CODES.END) : framed(0, encodeEntry(found.credential));
    }
    case 'REMOVE_CRED': {
      const matches = pattern(reader);
      held.entries = held.entries.filter(({ credential }) => !matches(credential));
      return framed(0);
    }
    default:
      return framed(KCM_CODES.INTERNAL);
  }
}

/** Client, server and whether it is for user-to-user. */
function pattern(reader: OctetReader): (credential: Credential) => boolean {
  reader.uint32();
  const has = reader.uint32();
  const client = has & 1 ? formatPrincipal(readPrincipal(reader, 4)) : undefined;
  const server = formatPrincipal(readPrincipal(reader, 4));
  reader.take(16);
  const isSkey = reader.uint8() === 1;
  return (credential) =>
    (client === undefined || formatPrincipal(credential.client) === client) &&
    formatPrincipal(credential.server) === server &&
    credential.isSkey === isSkey;
}

function readName(reader: OctetReader): string {
  const octets: number[] = [];
  for (let octet = reader.uint8(); octet !== 0; octet = reader.uint8()) octets.push(octet);
  return utf8Text(Uint8Array.from(octets));
}

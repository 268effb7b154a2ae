/** Certificates in TLS sessions: those of OpenSSL in both of the shapes that Node.js gives them, and octets of any kind. */
import { X509Certificate } from 'node:crypto';
import type { AddressInfo, Server } from 'node:net';
import { connect, createServer, type TLSSocket } from 'node:tls';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { certificateInSession } from '../../../src/adapters/http/tlsSession.js';
import { fuzzRuns } from '../../support/fuzz.js';
import { certificate } from './servers.js';

const pem = certificate();
const der = new Uint8Array(new X509Certificate(pem.cert).raw);
let server: Server;
beforeAll(async () => {
  server = createServer(pem, (socket) => socket.on('error', () => undefined).end('x'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(() => server.close());

/** A connection, and the session that came out of it. */
async function connection(
  maxVersion: 'TLSv1.2' | 'TLSv1.3',
  session?: Buffer,
): Promise<{ resumed: boolean; used: Uint8Array; next: Buffer }> {
  const { port } = server.address() as AddressInfo;
  const options = { port, rejectUnauthorized: false, maxVersion, ...(session ? { session } : {}) };
  const socket: TLSSocket = connect(options).on('error', () => undefined);
  let next: Buffer | undefined;
  socket.on('session', (one) => {
    next = one;
  });
  await new Promise((resolve) => socket.once('secureConnect', resolve));
  const [resumed, used] = [socket.isSessionReused(), socket.getSession()!];
  await new Promise((resolve) => socket.resume().once('close', resolve));
  return { resumed, used, next: next ?? used };
}

describe('certificateInSession', () => {
  it.each(['TLSv1.2', 'TLSv1.3'] as const)('finds it where a session is resumed (%s)', async (version) => {
    const { next } = await connection(version);
    const { resumed, used } = await connection(version, next);
    expect(resumed).toBe(true);
    expect(certificateInSession(used)).toEqual(der);
  });

  it('finds it behind the server name that newer releases of Node.js put in front', async () => {
    const { used } = await connection('TLSv1.2');
    const own = used[0] === 0 ? used.subarray(used.indexOf(0x30, used.indexOf(0, 1))) : used;
    const label = Buffer.from('\0nodejs:tls:session:1\0\0\x09localhost');
    expect(certificateInSession(Buffer.concat([label, own]))).toEqual(der);
  });

  it('is quiet about everything else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (octets) => {
        expect(certificateInSession(octets)).toBe(undefined);
      }),
      { numRuns: fuzzRuns },
    );
  });
});

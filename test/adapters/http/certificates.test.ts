/** What is kept of certificates, and which connections a token may go over. */
import { X509Certificate } from 'node:crypto';
import { channel } from 'node:diagnostics_channel';
import { Agent } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  certificateOf,
  guardToken,
  rememberCertificate,
  watchConnections,
} from '../../../src/adapters/http/certificates.js';
import { negotiateRequest } from '../../../src/adapters/http/index.js';
import { certificateInSession } from '../../../src/adapters/http/tlsSession.js';
import { fromHex } from '../../../src/bytes.js';
import { certificate, failure } from './servers.js';
import { openTlsStage, type TlsStage } from './tlsStage.js';

const [one, other] = [certificate(), certificate()].map(
  ({ cert }) => new Uint8Array(new X509Certificate(cert).raw),
);

/** A connection that shows a certificate, or none. */
const showing = (raw: Uint8Array | undefined) => ({ getPeerCertificate: () => ({ raw }) });

describe('certificates', () => {
  const server = { host: 'www.example.test', port: 443 };

  it('are kept by host, port and server name', () => {
    rememberCertificate(showing(one), server);
    rememberCertificate(showing(other), { ...server, servername: 'other.example.test' });
    rememberCertificate(showing(other), { ...server, port: 8443 });
    expect(certificateOf({ ...server, host: 'WWW.example.test' })?.der).toEqual(one);
    expect(certificateOf({ ...server, servername: 'other.example.test' })?.der).toEqual(other);
    expect(certificateOf({ ...server, port: 8443 })?.der).toEqual(other);
    expect(certificateOf({ ...server, port: 1 })).toBeUndefined();
  });

  it('of a thousand servers are kept, those that were seen last', () => {
    for (let port = 1; port <= 1001; port++) rememberCertificate(showing(one), { host: 'many.test', port });
    const kept = Array.from({ length: 1001 }, (_, i) => certificateOf({ host: 'many.test', port: i + 1 }));
    expect([kept.filter((known) => known !== undefined).length, kept[0]]).toEqual([1000, undefined]);
  });
});

it('of a session, what is no certificate alone counts as none', () => {
  expect(certificateInSession(fromHex('3004a3023000'))).toEqual(fromHex('3000'));
  for (const session of ['3006a30430000500', '3004a3020500', '3004a4023000', '3004a3023001'])
    expect(certificateInSession(fromHex(session))).toBeUndefined();
});

describe('a token that is bound to a certificate', () => {
  const token = 'Negotiate AAAA';

  /** What becomes of a connection, with that certificate, that undici is about to write the headers to. */
  function written(headers: string, raw: Uint8Array | undefined, strict = false): string {
    watchConnections();
    const became: string[] = [];
    const socket = { ...showing(raw), destroy: () => became.push('ended') };
    const refused = (connection: object): void => {
      expect(connection).toBe(socket);
      became.push('refused');
    };
    const release = guardToken(token, { der: one!, strict, refused });
    channel('undici:client:sendHeaders').publish({ headers, request: {}, socket });
    release();
    return became.join(', ') || 'written';
  }

  it.each(['authorization', 'Proxy-Authorization', 'Authorization'])('in %s goes to no other', (name) => {
    const headers = `GET / HTTP/1.1\r\nhost: a\r\n${name}: ${token}\r\nx: y\r\n`;
    expect(written(headers, one)).toBe('written');
    expect(written(headers, other)).toBe('refused, ended');
    expect(written(headers, undefined)).toBe('written');
    expect(written(headers, undefined, true)).toBe('refused, ended');
    expect(written(headers.replace(token, 'Negotiate BBBB'), other)).toBe('written');
  });
});

describe('a connection whose certificate is not to be seen', () => {
  let stage: TlsStage;
  beforeAll(async () => {
    stage = await openTlsStage();
  });
  afterAll(() => stage.stop());

  it('gets no token of negotiateRequest where bindings are required', async () => {
    const server = await stage.binding();
    class Blind extends Agent {
      override createConnection(...parameters: Parameters<Agent['createConnection']>): TLSSocket {
        const socket = super.createConnection(...parameters) as TLSSocket;
        return Object.assign(socket, { getPeerCertificate: () => ({}), getSession: () => undefined });
      }
    }
    const request = { agent: new Blind({ rejectUnauthorized: false }) };
    const options = { client: stage.alice, request, preemptive: true };
    expect((await negotiateRequest(server.origin, options)).statusCode).toBe(200);
    const seen = server.authorizations.length;
    const required = negotiateRequest(server.origin, { ...options, channelBindings: 'required' });
    expect(await failure(required)).toMatchObject({ code: 'ERR_HTTP_CHANNEL_BINDING' });
    expect(server.authorizations.slice(seen)).toEqual([]);
  });
});

/** Channel bindings of a TLS connection in the terms of SASL (RFC 5929 section 4, RFC 9266). */
// biome-ignore lint/suspicious/noTsIgnore: where the types are there, nothing is wrong
/** @ts-ignore any for users without the types of Node.js */
import type { TLSSocket } from 'node:tls';
import { tlsServerEndPoint } from '../../gss/tlsBindings.js';
import type { ChannelBinding } from '../../sasl/gs2.js';

/** The types that can be made here. */
export type TlsBindingType = 'tls-server-end-point' | 'tls-exporter';

/**
 * What binds an exchange to the connection of `socket`.
 * @param socket connected (after `secureConnect`)
 * @param type `tls-server-end-point` (the server's certificate; Active Directory and OpenLDAP take it) unless given
 * @returns undefined where there is no such binding: a resumed session shows no certificate, RFC 5929 names no hash for
 *   some signatures (Ed25519), and `tls-exporter` needs TLS 1.3
 * @throws TypeError naming `socket`, RangeError naming `type`; ProtocolError ERR_ASN1 for a certificate that is none
 */
export function tlsChannelBinding(
  socket: TLSSocket,
  type: TlsBindingType = 'tls-server-end-point',
): ChannelBinding | undefined {
  if (typeof socket?.getPeerCertificate !== 'function') throw new TypeError('socket must be a TLSSocket');
  if (type === 'tls-exporter') return exporter(socket);
  if (type === 'tls-server-end-point') return endPoint(socket);
  throw new RangeError("type must be 'tls-server-end-point' or 'tls-exporter'");
}

function endPoint(socket: TLSSocket): ChannelBinding | undefined {
  const { raw } = socket.getPeerCertificate() ?? {};
  const prefixed = raw === undefined ? undefined : tlsServerEndPoint(raw)?.applicationData;
  if (prefixed === undefined) return undefined;
  return { type: 'tls-server-end-point', data: prefixed.slice('tls-server-end-point:'.length) };
}

/** RFC 9266 section 4.2. */
function exporter(socket: TLSSocket): ChannelBinding | undefined {
  if (socket.getProtocol() !== 'TLSv1.3') return undefined;
  const data = socket.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0));
  return { type: 'tls-exporter', data: new Uint8Array(data) };
}

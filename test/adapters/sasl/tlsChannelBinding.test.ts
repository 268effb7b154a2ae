/** Channel bindings of TLS connections; openLdap.test.ts has them checked by a server. */
import type { TLSSocket } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { type TlsBindingType, tlsChannelBinding } from '../../../src/adapters/sasl/index.js';
import { codeThrown } from '../../support/gssContexts.js';

/** A socket as far as bindings need it. */
function socketWith(parts: Partial<Record<keyof TLSSocket, unknown>>): TLSSocket {
  return { getPeerCertificate: () => ({}), getProtocol: () => 'TLSv1.3', ...parts } as unknown as TLSSocket;
}

describe('tlsChannelBinding', () => {
  it('exports keying material as RFC 9266 section 4.2 has it', () => {
    const calls: unknown[] = [];
    const socket = socketWith({
      exportKeyingMaterial: (...args: unknown[]) => {
        calls.push(args);
        return Buffer.alloc(32, 7);
      },
    });
    const binding = tlsChannelBinding(socket, 'tls-exporter');
    expect(binding).toEqual({ type: 'tls-exporter', data: new Uint8Array(32).fill(7) });
    expect(calls).toEqual([[32, 'EXPORTER-Channel-Binding', Buffer.alloc(0)]]);
  });

  it('is undefined before TLS 1.3, where the exporter is not unique', () => {
    const socket = socketWith({ getProtocol: () => 'TLSv1.2' });
    expect(tlsChannelBinding(socket, 'tls-exporter')).toBeUndefined();
  });

  it('is undefined where a resumed session shows no certificate', () => {
    expect(tlsChannelBinding(socketWith({}))).toBeUndefined();
    expect(tlsChannelBinding(socketWith({ getPeerCertificate: () => null }))).toBeUndefined();
  });

  it('refuses a certificate that is none, and wrong arguments', () => {
    const socket = socketWith({ getPeerCertificate: () => ({ raw: Buffer.of(1, 2, 3) }) });
    expect(codeThrown(() => tlsChannelBinding(socket))).toBe('ERR_ASN1');
    expect(() => tlsChannelBinding(undefined as unknown as TLSSocket)).toThrow(TypeError);
    expect(() => tlsChannelBinding(socket, 'tls-unique' as TlsBindingType)).toThrow(RangeError);
  });
});

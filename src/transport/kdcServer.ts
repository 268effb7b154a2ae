/**
 * Where a KDC listens (RFC 4120 section 7.2), and how a server is written in errors and trace events.
 */
import { printable } from '../bytes.js';

/** A server of a realm. */
export interface KdcServer {
  /** Host name, IPv4 address or IPv6 address without brackets. */
  readonly host: string;
  /** 1 to 65535; 88 for a KDC, 464 for a password server. */
  readonly port: number;
  /** The only protocol to use with it; absent: both. */
  readonly protocol?: 'udp' | 'tcp';
}

export type Protocol = 'udp' | 'tcp';

/** An IP address that a host name stands for. */
export interface HostAddress {
  readonly address: string;
  readonly family: 4 | 6;
}

/** One address of one server, to be spoken to with one protocol. */
export interface Endpoint extends HostAddress {
  readonly server: KdcServer;
  readonly protocol: Protocol;
}

/** `host:port`, an IPv6 address in brackets. */
export function serverText(server: KdcServer): string {
  const host = printable(server.host);
  return `${host.includes(':') ? `[${host}]` : host}:${server.port}`;
}

/** Such as `udp kdc.example.test:88 (192.0.2.1)`; the address only where a name was looked up. */
export function endpointText(endpoint: Endpoint): string {
  const { server, protocol, address } = endpoint;
  return `${protocol} ${serverText(server)}${server.host === address ? '' : ` (${address})`}`;
}

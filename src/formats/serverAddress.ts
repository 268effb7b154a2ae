/** Servers as krb5.conf writes them: `kdc`, `primary_kdc`, `admin_server`, `kpasswd_server` (krb5.conf(5) [realms]). */

/** A server of a realm. */
export interface ServerAddress {
  /** Host name, IPv4 address or IPv6 address without brackets. */
  readonly host: string;
  readonly port: number;
  /** The only protocol to use with it (the prefix `udp/` or `tcp/`, which Heimdal knows); absent: both. */
  readonly protocol?: 'udp' | 'tcp';
}

/**
 * The server that `text` names: `host`, `host:port`, `[IPv6]`, `[IPv6]:port`, an IPv6 address, each optionally behind
 * `udp/` or `tcp/`. Undefined when it is none of these. What follows a blank, or a bracket without a colon, is ignored.
 */
export function parseServerAddress(text: string, defaultPort: number): ServerAddress | undefined {
  const word = /^[^ \t\n\v\f\r]{1,512}/.exec(text.slice(0, 1024))?.[0] ?? '';
  const [, prefix, rest = ''] = /^(?:(udp|tcp)\/)?(.*)$/.exec(word) ?? [];
  const match = BRACKETED.exec(rest) ?? IPV6.exec(rest) ?? HOST.exec(rest);
  const host = match?.[1];
  const port = match?.[2] === undefined ? defaultPort : Number(match[2]);
  if (host === undefined || /^\d+$/.test(text) || port < 1 || port > 65_535) return undefined;
  return prefix === 'udp' || prefix === 'tcp' ? { host, port, protocol: prefix } : { host, port };
}

const BRACKETED = /^\[([0-9a-f:.]*:[0-9a-f:.]*(?:%[\w.-]+)?)\](?:$|[^:]|:(\d{1,5})$)/i;
const IPV6 = /^([0-9a-f.]*:[0-9a-f.]*:[0-9a-f:.]*(?:%[\w.-]+)?)$/i;
const HOST = /^([^\s:/[\]@]+)(?::(\d{1,5}))?$/;

/** Whether `text` is the URL of a KDC proxy (MS-KKDCP) instead of a server. */
export function isProxyUrl(text: string): boolean {
  return /^https:\/\/[^\s/]/i.test(text);
}

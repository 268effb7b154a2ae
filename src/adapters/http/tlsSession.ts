/**
 * The server's certificate in a TLS session. Node.js shows no certificate on a connection that resumes a session, yet the
 * session has it: OpenSSL's SSL_SESSION is a SEQUENCE in which `peer` is [3] EXPLICIT Certificate. Newer releases of
 * Node.js put a label between two NUL octets in front, and the server name after the two octets of its length.
 */
import { readLength } from '../../asn1/derLength.js';

const SEQUENCE = 0x30;
const PEER = 0xa3;

interface Element {
  readonly tag: number;
  readonly begin: number;
  readonly end: number;
}

/** @returns the certificate (DER); undefined where the session has none, or is none of OpenSSL's */
export function certificateInSession(session: Uint8Array): Uint8Array | undefined {
  const whole = elementAt(session, beginning(session), session.length);
  if (whole?.tag !== SEQUENCE) return undefined;
  for (let at = whole.begin; at < whole.end; ) {
    const field = elementAt(session, at, whole.end);
    if (field === undefined) return undefined;
    if (field.tag === PEER) return certificateIn(session, field);
    at = field.end;
  }
  return undefined;
}

/** Where OpenSSL's part begins. */
function beginning(session: Uint8Array): number {
  if (session[0] !== 0) return 0;
  const name = session.indexOf(0, 1) + 1;
  return name + 2 + (session[name] ?? 0) * 256 + (session[name + 1] ?? 0);
}

/** A copy, for the session has secrets. */
function certificateIn(session: Uint8Array, { begin, end }: Element): Uint8Array | undefined {
  const certificate = elementAt(session, begin, end);
  const alone = certificate?.tag === SEQUENCE && certificate.end === end;
  return alone ? new Uint8Array(session.subarray(begin, end)) : undefined;
}

/** Tags are of one octet there. */
function elementAt(octets: Uint8Array, at: number, limit: number): Element | undefined {
  const tag = octets[at];
  const header = readLength(octets, at + 1);
  if (tag === undefined || header === undefined) return undefined;
  const end = header.begin + header.length;
  return end > limit ? undefined : { tag, begin: header.begin, end };
}

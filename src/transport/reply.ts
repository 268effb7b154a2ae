/**
 * Telling Kerberos messages by their first octets: enough to name them in a trace and to ignore stray datagrams. What a
 * reply says is for the exchange to judge. RFC 4120 section 5 (APPLICATION tags), RFC 3244 section 2 (password replies).
 */

/** DER identifier octets of [APPLICATION n] and the message's name. */
const NAMES: Readonly<Record<number, string>> = {
  106: 'AS-REQ',
  107: 'AS-REP',
  108: 'TGS-REQ',
  109: 'TGS-REP',
  126: 'KRB-ERROR',
};

const KDC_REPLIES: ReadonlySet<number> = new Set([0x6b, 0x6d, 0x7e]);
const KRB_ERROR = 0x7e;

/** The message's name by its first octet, `message` when it is none that a KDC sends or receives. */
export function messageName(octets: Uint8Array): string {
  return NAMES[octets[0] ?? 0] ?? 'message';
}

/** Whether the octets look like exactly one AS-REP, TGS-REP or KRB-ERROR: its tag, and a length that fits. */
export function isKdcReply(octets: Uint8Array): boolean {
  return KDC_REPLIES.has(octets[0] ?? 0) && derLength(octets) === octets.length;
}

/** Whether the octets look like a password server's reply: a fitting length first (RFC 3244), or a bare KRB-ERROR. */
export function isKpasswdReply(octets: Uint8Array): boolean {
  if (octets[0] === KRB_ERROR && derLength(octets) === octets.length) return true;
  return octets.length >= 6 && ((octets[0]! << 8) | octets[1]!) === octets.length;
}

/** Octets of the DER value that starts the input by its own account, 0 when its length is not DER. */
function derLength(octets: Uint8Array): number {
  const first = octets[1];
  if (first === undefined || first === 0x80 || first > 0x84) return 0;
  if (first < 0x80) return 2 + first;
  const count = first & 0x7f;
  if (octets.length < 2 + count) return 0;
  let length = 0;
  for (let i = 0; i < count; i++) length = length * 256 + octets[2 + i]!;
  const minimal = octets[2] !== 0 && length >= 0x80;
  return minimal ? 2 + count + length : 0;
}

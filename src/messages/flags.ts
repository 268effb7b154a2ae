/** Names of the flags in KerberosFlags fields. A flag is a mask for an unsigned 32-bit number, flag 0 in the top bit. */

/** Options of a KDC request (RFC 4120 section 5.4.1, RFC 6806 section 3). */
export const KDC_OPTIONS = {
  forwardable: 0x40000000,
  forwarded: 0x20000000,
  proxiable: 0x10000000,
  proxy: 0x08000000,
  allowPostdate: 0x04000000,
  postdated: 0x02000000,
  renewable: 0x00800000,
  canonicalize: 0x00010000,
  requestAnonymous: 0x00008000,
  disableTransitedCheck: 0x00000020,
  renewableOk: 0x00000010,
  encTktInSkey: 0x00000008,
  renew: 0x00000002,
  validate: 0x00000001,
} as const;

/** Flags of a ticket (RFC 4120 section 5.3, RFC 6806 section 11, RFC 6112). */
export const TICKET_FLAGS = {
  forwardable: 0x40000000,
  forwarded: 0x20000000,
  proxiable: 0x10000000,
  proxy: 0x08000000,
  mayPostdate: 0x04000000,
  postdated: 0x02000000,
  invalid: 0x01000000,
  renewable: 0x00800000,
  initial: 0x00400000,
  preAuthent: 0x00200000,
  hwAuthent: 0x00100000,
  transitedPolicyChecked: 0x00080000,
  okAsDelegate: 0x00040000,
  encPaRep: 0x00010000,
  anonymous: 0x00008000,
} as const;

/** Options of an AP-REQ (RFC 4120 section 5.5.1). */
export const AP_OPTIONS = { useSessionKey: 0x40000000, mutualRequired: 0x20000000 } as const;

/** Whether `flags` contains `flag`. */
export function hasFlag(flags: number, flag: number): boolean {
  return (flags & flag) !== 0;
}

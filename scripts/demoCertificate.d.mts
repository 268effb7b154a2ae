/** Types of demoCertificate.mjs. */

/** A self-signed certificate for localhost, PEM, for 30 days. */
export function selfSignedCertificate(kind?: 'ecdsa' | 'ed25519'): { key: string; cert: string };

/** Context flags (RFC 2744 appendix A; the same bits stand in the checksum of RFC 4121 section 4.1.1.1). */
export const GSS_FLAGS = {
  /** Delegate the client's credential; contexts of this library refuse it. */
  delegation: 1,
  /** The acceptor proves itself too. */
  mutual: 2,
  /** Replayed messages are detected. */
  replay: 4,
  /** Messages out of order are detected. */
  sequence: 8,
  /** Messages can be encrypted. */
  confidentiality: 16,
  /** Messages can be protected against changes. */
  integrity: 32,
} as const;

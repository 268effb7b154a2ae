/**
 * Context flags (RFC 2744 appendix A). The first six and those of Microsoft's and MIT's extensions stand under the same bits
 * in the checksum of the authenticator (RFC 4121 section 4.1.1.1, RFC 4757 section 7.1).
 */
export const GSS_FLAGS = {
  /** The client's credential is delegated: asked for by `delegate`, not as a flag. */
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
  /** The acceptor does not learn who the initiator is; needs an anonymous ticket (RFC 8062). */
  anonymous: 64,
  /**
   * The initiator knows channel bindings: an acceptor with bindings refuses it unless its own match (KERB_AP_OPTIONS_CBT,
   * MS-KILE section 3.2.5.8). On the acceptor's side: the bindings matched.
   */
  channelBound: 0x800,
  /** Tokens without framing and a third leg, as DCE RPC wants them; implies mutual (RFC 4757 section 7.1). */
  dceStyle: 0x1000,
  /** The acceptor may identify the client but not act in its name. */
  identify: 0x2000,
  /** The acceptor may answer with detailed errors. */
  extendedError: 0x4000,
} as const;

/** Flags unless others are asked for. */
export const DEFAULT_FLAGS: number =
  GSS_FLAGS.mutual | GSS_FLAGS.replay | GSS_FLAGS.sequence | GSS_FLAGS.confidentiality | GSS_FLAGS.integrity;

const REQUESTABLE: number =
  Object.values(GSS_FLAGS).reduce((all, flag) => all | flag, 0) & ~GSS_FLAGS.delegation;

/** As asked for, with what follows from it. @throws RangeError when they are no flags that can be asked for */
export function requestedFlags(flags: number = DEFAULT_FLAGS): number {
  if (!Number.isInteger(flags) || (flags & ~REQUESTABLE) !== 0) {
    throw new RangeError('flags must be made of GSS_FLAGS; delegation is asked for by `delegate`');
  }
  return (flags & GSS_FLAGS.dceStyle) === 0 ? flags : flags | GSS_FLAGS.mutual;
}

/** What a client delegates with a context: whether, and the message (RFC 4121 section 4.1.1, RFC 4120 section 2.8). */
import { CredentialError, KerberosError } from '../errors.js';
import type { Environment } from '../exchange/environment.js';
import type { Credential } from '../formats/credential.js';
import { formatPrincipal } from '../formats/principal.js';
import { delegationMessage } from '../gss/delegation.js';
import { hasFlag, TICKET_FLAGS } from '../messages/flags.js';
import type { Trace } from '../trace.js';

/** Whether to delegate: never, always, or where the KDC's policy says that the service is fit for it. */
export type DelegationPolicy = boolean | 'ok-as-delegate';

/** Whence the ticket comes. */
export interface DelegationSource {
  tgt(signal: AbortSignal): Promise<Credential>;
  /** A forwarded ticket of the KDC, with a session key of that type if possible. */
  forwardedTgt(tgt: Credential, etype: number, signal: AbortSignal): Promise<Credential>;
  readonly environment: Environment;
  readonly trace?: Trace | undefined;
}

/**
 * DER of the KRB-CRED for the holder of `service`; undefined when the policy is not to delegate, or leaves it to the KDC
 * and that does not want it or cannot. Each call gets another ticket, as MIT krb5 does: what one service can do with its
 * ticket, renew or lose it, does not concern another.
 * @throws CredentialError ERR_DELEGATION, ERR_NO_TICKET and what the KDC says, if the policy is to delegate always
 */
export async function delegation(
  policy: DelegationPolicy,
  service: Credential,
  source: DelegationSource,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  if (policy === false) return undefined;
  if (policy === 'ok-as-delegate' && !hasFlag(service.flags, TICKET_FLAGS.okAsDelegate)) return undefined;
  try {
    return await message(service, source, signal);
  } catch (error) {
    if (policy === true || signal.aborted || !(error instanceof KerberosError)) throw error;
    const text = `Nothing is delegated to ${formatPrincipal(service.server)}: ${error.message}`;
    source.trace?.({ event: 'gss.delegation', text });
    return undefined;
  }
}

async function message(
  service: Credential,
  source: DelegationSource,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const tgt = await source.tgt(signal);
  if (!hasFlag(tgt.flags, TICKET_FLAGS.forwardable)) throw notForwardable(tgt);
  const forwarded = await source.forwardedTgt(tgt, service.sessionKey.etype, signal);
  try {
    return delegationMessage(forwarded, service, source.environment);
  } finally {
    forwarded.sessionKey.wipe();
  }
}

function notForwardable({ server }: Credential): CredentialError {
  return new CredentialError(
    'ERR_DELEGATION',
    `the ticket ${formatPrincipal(server)} cannot be delegated, for it is not forwardable; log in with forwardable: true ` +
      '(kinit -f), or set forwardable = true in [libdefaults] of krb5.conf. The account may be barred from it',
  );
}

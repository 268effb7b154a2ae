/** How to start a security context. */
import { parseBoolean } from '../formats/configValue.js';
import type { Krb5Config } from '../formats/krb5Config.js';
import { type ChannelBindings, checkBindings } from '../gss/bindings.js';
import type { AnomalyPolicy } from '../gss/established.js';
import { DEFAULT_FLAGS, GSS_FLAGS, requestedFlags } from '../gss/flags.js';
import { checkKrb5Identifiers } from '../spnego/mechanisms.js';
import { checkChoice } from './arguments.js';
import type { DelegationPolicy } from './delegation.js';

/** What a security context shall be. */
export interface ContextOptions {
  /** `spnego` (default) wraps krb5 tokens in RFC 4178, as HTTP Negotiate wants them. */
  readonly mechanism?: 'spnego' | 'krb5' | undefined;
  /**
   * The identifiers of Kerberos that SPNEGO offers, most preferred first: KRB5_OID, MS_KRB5_OID or both. KRB5_OID alone unless
   * given, as MIT krb5 does; Windows offers MS_KRB5_OID first, which servers older than 2003 may need.
   */
  readonly spnegoMechanisms?: readonly string[] | undefined;
  /**
   * GSS_FLAGS except delegation; mutual, replay, sequence, confidentiality and integrity unless given. With
   * `client_aware_channel_bindings` of krb5.conf, `channelBound` is always among them.
   */
  readonly flags?: number | undefined;
  readonly channelBindings?: ChannelBindings | undefined;
  /**
   * Whether the service gets a ticket-granting ticket with which it can act as the client: `true` always, and an error when
   * that is impossible; `ok-as-delegate` only if the KDC marks the service as fit for it and it is possible. Each context
   * gets a ticket of its own. False unless given. `enforce_ok_as_delegate` of krb5.conf makes the latter of the former.
   */
  readonly delegate?: DelegationPolicy | undefined;
  /** What is done about messages out of their place: an error (`refuse`, the default), or a report beside the message. */
  readonly anomalies?: AnomalyPolicy | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** @throws TypeError, RangeError for options that mean nothing, before anything is asked of a KDC */
export function checkContextOptions(options: ContextOptions): void {
  const { delegate } = options;
  checkChoice(options.mechanism, ['spnego', 'krb5'], 'mechanism');
  checkChoice(options.anomalies, ['refuse', 'report'], 'anomalies');
  if (typeof delegate !== 'boolean' && delegate !== undefined && delegate !== 'ok-as-delegate') {
    throw new TypeError("delegate must be true, false or 'ok-as-delegate'");
  }
  if (options.spnegoMechanisms !== undefined) checkKrb5Identifiers(options.spnegoMechanisms);
  if (options.channelBindings !== undefined) checkBindings(options.channelBindings);
  requestedFlags(options.flags);
}

/** The flags of the options and of krb5.conf. */
export function contextFlags({ flags = DEFAULT_FLAGS }: ContextOptions, config: Krb5Config): number {
  return isSet(config, 'client_aware_channel_bindings') ? flags | GSS_FLAGS.channelBound : flags;
}

/** Whether to delegate, by the options and krb5.conf. */
export function delegationPolicy({ delegate = false }: ContextOptions, config: Krb5Config): DelegationPolicy {
  return delegate === true && isSet(config, 'enforce_ok_as_delegate') ? 'ok-as-delegate' : delegate;
}

function isSet({ profile }: Krb5Config, name: string): boolean {
  return parseBoolean(profile.get('libdefaults', name) ?? '') ?? false;
}

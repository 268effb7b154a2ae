/**
 * SASL mechanisms GS2-KRB5 and GS2-KRB5-PLUS: Kerberos 5 with channel bindings and without security layers (RFC 5801),
 * client's side.
 *
 * 1. The initial response is the gs2-header (binding flag, authorization identity) and the initial context token without
 *    the framing of RFC 2743 section 3.1. The header is part of the channel bindings, so nobody can change it.
 * 2. All further messages are context tokens as they are.
 */
import { concat, requireOctets, utf8, utf8Text } from '../bytes.js';
import type { ChannelBindings } from '../gss/bindings.js';
import { GSS_FLAGS } from '../gss/flags.js';
import type { SecurityContext } from '../gss/securityContext.js';
import { decodeKrb5Token, isFramed } from '../gss/token.js';
import { authorizationIdOctets } from './authorizationId.js';
import { ClientFirstMechanism, EMPTY_RESPONSE, type SaslResponse, saslError } from './mechanism.js';

/** What binds an exchange to the TLS connection around it (RFC 5056, RFC 5929, RFC 9266). */
export interface ChannelBinding {
  /** `tls-server-end-point`, `tls-exporter` or another registered name. */
  readonly type: string;
  readonly data: Uint8Array;
}

/** The two mechanisms. */
export type Gs2Name = 'GS2-KRB5' | 'GS2-KRB5-PLUS';

/** How to authenticate. */
export interface Gs2Options {
  /** Whom to act as; the identity of the ticket unless given. */
  readonly authorizationId?: string | undefined;
  /**
   * Of the TLS connection. GS2-KRB5-PLUS needs it. Given to GS2-KRB5 it says that this client could bind the channel and
   * believes that the server cannot: a server that can will see that its offer was removed, and refuse (RFC 5801 section 5).
   */
  readonly channelBinding?: ChannelBinding | undefined;
}

/**
 * GSS_FLAGS for a context: mutual authentication. There are no messages, so RFC 5801 section 7 wants no flag for them, but
 * Cyrus SASL refuses contexts without sequence.
 */
export const GS2_FLAGS: number = GSS_FLAGS.mutual | GSS_FLAGS.sequence;

/**
 * The channel bindings that the context must be started with (RFC 5801 section 5.1).
 * @throws RangeError, TypeError naming a wrong option
 */
export function gs2ChannelBindings(name: Gs2Name, options: Gs2Options = {}): ChannelBindings {
  const data = name === 'GS2-KRB5-PLUS' ? (options.channelBinding?.data ?? EMPTY_RESPONSE) : EMPTY_RESPONSE;
  return { applicationData: concat(gs2Header(name, options), data) };
}

/** The gs2-header without gs2-nonstd-flag (RFC 5801 section 4). @throws RangeError, TypeError naming a wrong option */
export function gs2Header(name: Gs2Name, options: Gs2Options = {}): Uint8Array {
  return utf8(`${bindingFlag(name, options.channelBinding)},${authzid(options.authorizationId)},`);
}

function bindingFlag(name: Gs2Name, binding: ChannelBinding | undefined): string {
  if (binding !== undefined) checkBinding(binding);
  if (name === 'GS2-KRB5') return binding === undefined ? 'n' : 'y';
  if (binding === undefined) throw new TypeError('channelBinding is needed for GS2-KRB5-PLUS');
  return `p=${binding.type}`;
}

/** @throws RangeError, TypeError naming `channelBinding` */
export function checkBinding(channelBinding: ChannelBinding): void {
  if (typeof channelBinding !== 'object' || channelBinding === null) {
    throw new TypeError('channelBinding must be an object { type, data }');
  }
  const { type, data } = channelBinding;
  if (typeof type !== 'string' || !/^[A-Za-z0-9.-]+$/.test(type)) {
    throw new RangeError('channelBinding.type must be of letters, digits, dots and hyphens');
  }
  requireOctets(data, 'channelBinding.data');
}

function authzid(authorizationId: string | undefined): string {
  const text = utf8Text(authorizationIdOctets(authorizationId));
  return text === '' ? '' : `a=${text.replaceAll('=', '=3D').replaceAll(',', '=2C')}`;
}

/** One exchange of GS2-KRB5 or GS2-KRB5-PLUS. */
export class Gs2Mechanism extends ClientFirstMechanism {
  readonly name: Gs2Name;
  readonly #header: Uint8Array;

  /**
   * @param context a krb5 context that has not started, with GS2_FLAGS and `gs2ChannelBindings(name, options)`
   * @throws RangeError, TypeError naming a wrong option
   */
  constructor(context: SecurityContext, name: Gs2Name, options: Gs2Options = {}) {
    super(context);
    this.name = name;
    this.#header = gs2Header(name, options);
  }

  protected initialResponse(): Uint8Array {
    const { token } = this.context.step();
    if (token === undefined)
      throw saslError('token', 'the context has no initial token', 'RFC 5801 section 4');
    return initialMessage(this.#header, token);
  }

  protected respond(challenge: Uint8Array): SaslResponse {
    const { token, done } = this.context.step(challenge);
    return { response: token ?? EMPTY_RESPONSE, complete: done };
  }
}

/** Header and token without its framing; one that has none is marked by "F" (RFC 5801 section 4). */
function initialMessage(header: Uint8Array, token: Uint8Array): Uint8Array {
  if (!isFramed(token)) return concat(utf8('F,'), header, token);
  const { id, message } = decodeKrb5Token(token);
  return concat(header, Uint8Array.of(id >>> 8, id & 0xff), message);
}

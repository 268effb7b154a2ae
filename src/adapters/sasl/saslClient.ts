/** A SASL mechanism (RFC 4422) that authenticates a client of this library to a service. */
import { concat, utf8 } from '../../bytes.js';
import type { Client } from '../../client/client.js';
import type { Principal } from '../../formats/principal.js';
import type { ChannelBindings } from '../../gss/bindings.js';
import type { SecurityContext } from '../../gss/securityContext.js';
import { authorizationIdOctets } from '../../sasl/authorizationId.js';
import {
  type ChannelBinding,
  checkBinding,
  GS2_FLAGS,
  Gs2Mechanism,
  type Gs2Name,
  gs2ChannelBindings,
} from '../../sasl/gs2.js';
import { GssapiMechanism, gssapiFlags } from '../../sasl/gssapi.js';
import { GssSpnegoMechanism, gssSpnegoFlags } from '../../sasl/gssSpnego.js';
import { checkPolicy, type LayerPolicy } from '../../sasl/layers.js';
import type { SaslMechanism } from '../../sasl/mechanism.js';

/** The mechanisms of this library, as servers list them. */
export type SaslMechanismName = 'GSSAPI' | 'GSS-SPNEGO' | Gs2Name;

/** How to authenticate. `layers` and `maxReceiveBuffer` are for GSSAPI and GSS-SPNEGO. */
export interface SaslOptions extends LayerPolicy {
  /** One that the server offers. */
  readonly mechanism: SaslMechanismName;
  /** Whom to act as; the identity of the ticket unless given. Not for GSS-SPNEGO, which cannot say it. */
  readonly authorizationId?: string | undefined;
  /**
   * Of the TLS connection around the exchange. GS2-KRB5-PLUS needs it. For GS2-KRB5 it means that the server does not offer
   * the other. With GSSAPI and GSS-SPNEGO it goes into the token as Active Directory wants it; other servers ignore it.
   */
  readonly channelBinding?: ChannelBinding | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Gets the ticket and gives the mechanism; `next()` then begins the exchange.
 * @param service as in `Client.serviceTicket`: `ldap@ldap.example.test`, `imap/mail.example.test`
 * @throws RangeError, TypeError naming a wrong option; what `Client.serviceTicket` throws
 */
export async function saslClient(
  client: Client,
  service: string | Principal,
  options: SaslOptions,
): Promise<SaslMechanism> {
  if (typeof client?.securityContext !== 'function') {
    throw new TypeError('client must be a Client (fromPassword, fromKeytab, fromCcache)');
  }
  if (typeof options !== 'object' || options === null) {
    throw new TypeError("options must be an object such as { mechanism: 'GSSAPI' }");
  }
  const { mechanism, authorizationId, channelBinding, signal } = options;
  const kind = KINDS[mechanism];
  if (!Object.hasOwn(KINDS, mechanism) || kind === undefined) {
    throw new TypeError(`mechanism must be one of ${Object.keys(KINDS).join(', ')}`);
  }
  authorizationIdOctets(authorizationId);
  if (channelBinding !== undefined) checkBinding(channelBinding);
  const plan = kind(options);
  const context = await client.securityContext(service, { ...plan.context, signal });
  return plan.start(context);
}

/** A context to ask for, and what is made of it. */
interface Plan {
  readonly context: {
    readonly mechanism: 'krb5' | 'spnego';
    readonly flags: number;
    readonly channelBindings: ChannelBindings | undefined;
  };
  readonly start: (context: SecurityContext) => SaslMechanism;
}

const KINDS: Readonly<Record<SaslMechanismName, (options: SaslOptions) => Plan>> = {
  GSSAPI: (options) => ({
    context: {
      mechanism: 'krb5',
      flags: gssapiFlags(options),
      channelBindings: prefixedBindings(options.channelBinding),
    },
    start: (context) => new GssapiMechanism(context, options),
  }),
  'GSS-SPNEGO': (options) => {
    if (options.authorizationId) throw new RangeError('authorizationId cannot be sent with GSS-SPNEGO');
    const channelBindings = prefixedBindings(options.channelBinding);
    return {
      context: { mechanism: 'spnego', flags: gssSpnegoFlags(options), channelBindings },
      start: (context) => new GssSpnegoMechanism(context, options),
    };
  },
  'GS2-KRB5': (options) => gs2Plan('GS2-KRB5', options),
  'GS2-KRB5-PLUS': (options) => gs2Plan('GS2-KRB5-PLUS', options),
};

function gs2Plan(name: Gs2Name, options: SaslOptions): Plan {
  if (!checkPolicy(options).layers.includes('none')) {
    throw new RangeError(`layers must contain 'none': ${name} has no security layers`);
  }
  return {
    context: { mechanism: 'krb5', flags: GS2_FLAGS, channelBindings: gs2ChannelBindings(name, options) },
    start: (context) => new Gs2Mechanism(context, name, options),
  };
}

/** The type is a prefix of the data (RFC 5056 section 2.1, RFC 5929), as in HTTP. */
function prefixedBindings(binding: ChannelBinding | undefined): ChannelBindings | undefined {
  return binding === undefined
    ? undefined
    : { applicationData: concat(utf8(`${binding.type}:`), binding.data) };
}

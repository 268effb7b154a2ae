/**
 * SASL mechanism GSSAPI: Kerberos 5 with a negotiated security layer (RFC 4752), client's side.
 *
 * 1. The tokens of a krb5 context are exchanged; the client's last response is empty if it has no token left.
 * 2. The server's next challenge is a Wrap token: which layers it has and how long its buffers may be.
 * 3. The response is a Wrap token: the layer chosen, our own limit, the authorization identity.
 *
 * Not here: RFC 4752 forbids channel bindings; whoever needs them passes a context that has them (Active Directory checks
 * them) or uses GS2-KRB5-PLUS.
 */
import { GSS_FLAGS } from '../gss/flags.js';
import type { SecurityContext } from '../gss/securityContext.js';
import { authorizationIdOctets } from './authorizationId.js';
import { chooseLayer } from './chooseLayer.js';
import { type CheckedPolicy, checkPolicy, type LayerPolicy, protectionFlags } from './layers.js';
import { ClientFirstMechanism, EMPTY_RESPONSE, type SaslResponse } from './mechanism.js';

/** How to authenticate. */
export interface GssapiOptions extends LayerPolicy {
  /** Whom to act as; the identity of the ticket unless given. */
  readonly authorizationId?: string | undefined;
}

/** GSS_FLAGS for a context of this mechanism; integrity is always asked for (RFC 4752 section 3.1). */
export function gssapiFlags(options: LayerPolicy = {}): number {
  const { layers } = checkPolicy(options);
  return BASE_FLAGS | protectionFlags(layers);
}

const BASE_FLAGS = GSS_FLAGS.mutual | GSS_FLAGS.replay | GSS_FLAGS.sequence | GSS_FLAGS.integrity;

/** One exchange of the mechanism GSSAPI. */
export class GssapiMechanism extends ClientFirstMechanism {
  readonly name = 'GSSAPI';
  readonly #policy: CheckedPolicy;
  readonly #authorizationId: Uint8Array;

  /**
   * @param context a krb5 context that has not started, with `gssapiFlags(options)`
   * @throws RangeError naming a wrong option
   */
  constructor(context: SecurityContext, options: GssapiOptions = {}) {
    super(context);
    this.#policy = checkPolicy(options);
    this.#authorizationId = authorizationIdOctets(options.authorizationId);
  }

  protected initialResponse(): Uint8Array {
    return this.context.step().token ?? EMPTY_RESPONSE;
  }

  protected respond(challenge: Uint8Array): SaslResponse {
    if (this.context.established) {
      const { response, layer } = chooseLayer(this.context, challenge, this.#policy, this.#authorizationId);
      this.agreeOn(layer);
      return { response, complete: true };
    }
    const { token } = this.context.step(challenge);
    return { response: token ?? EMPTY_RESPONSE, complete: false };
  }
}

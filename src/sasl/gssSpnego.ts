/**
 * SASL mechanism GSS-SPNEGO, client's side, as Active Directory, Cyrus SASL and Samba have it (never standardised; the
 * name is registered with IANA).
 *
 * The tokens of SPNEGO are exchanged, and nothing else: there is no message about layers, buffers or an authorization
 * identity. The flags of the context decide: with confidentiality everything afterwards is encrypted, with integrity alone
 * it is signed, with neither there is no layer. So the client chooses, and the server can only refuse.
 *
 * Dovecot goes on as in GSSAPI: it offers layers in a Wrap token. Such an offer is answered, and then decides.
 */
import { GSS_FLAGS } from '../gss/flags.js';
import type { SecurityContext } from '../gss/securityContext.js';
import { chooseLayer } from './chooseLayer.js';
import {
  type CheckedPolicy,
  checkPolicy,
  DEFAULT_BUFFER,
  isPossible,
  LARGEST_BUFFER,
  type LayerPolicy,
  noLayer,
  protectionFlags,
  type SaslLayer,
} from './layers.js';
import { ClientFirstMechanism, EMPTY_RESPONSE, type SaslResponse, saslError } from './mechanism.js';
import { SecurityLayer } from './securityLayer.js';

/** GSS_FLAGS for a context of this mechanism: those of the most wanted layer. */
export function gssSpnegoFlags(options: LayerPolicy = {}): number {
  const [layer = 'none'] = checkPolicy(options).layers;
  return GSS_FLAGS.mutual | GSS_FLAGS.replay | GSS_FLAGS.sequence | protectionFlags([layer]);
}

/** One exchange of the mechanism GSS-SPNEGO. */
export class GssSpnegoMechanism extends ClientFirstMechanism {
  readonly name = 'GSS-SPNEGO';
  readonly #policy: CheckedPolicy;
  /** Whether the server has offered layers. */
  #offered = false;

  /**
   * @param context an SPNEGO context that has not started, with `gssSpnegoFlags(options)`
   * @param options the server is not told `maxReceiveBuffer`, so it is 16,777,215 unless given
   * @throws RangeError naming a wrong option
   */
  constructor(context: SecurityContext, options: LayerPolicy = {}) {
    super(context);
    this.#policy = checkPolicy(options, LARGEST_BUFFER);
  }

  protected initialResponse(): Uint8Array {
    return this.context.step().token ?? EMPTY_RESPONSE;
  }

  /** For Dovecot's offer of layers. */
  protected override readonly mayGoOn: boolean = true;

  protected respond(challenge: Uint8Array): SaslResponse {
    if (this.context.established) return this.#answerOffer(challenge);
    const { token, done } = this.context.step(challenge);
    if (done) this.#establish();
    return { response: token ?? EMPTY_RESPONSE, complete: done };
  }

  #answerOffer(challenge: Uint8Array): SaslResponse {
    if (this.#offered) throw saslError('challenge', 'a second offer of layers', 'RFC 4752 section 3.1');
    this.#offered = true;
    const { response, layer } = chooseLayer(this.context, challenge, this.#policy, EMPTY_RESPONSE);
    this.agreeOn(layer);
    return { response, complete: true };
  }

  #establish(): void {
    const layer = layerOf(this.context.flags);
    const { layers, maxReceiveBuffer } = this.#policy;
    if (!layers.includes(layer)) throw noLayer(layers, `the context is established with ${layer}`);
    if (layer === 'none') return;
    const parts = { context: this.context, protection: layer, maxReceiveBuffer };
    this.agreeOn(new SecurityLayer({ ...parts, maxSendBuffer: DEFAULT_BUFFER }));
  }
}

/** The layer that the flags of a context stand for. */
function layerOf(flags: number): SaslLayer {
  if (isPossible('confidentiality', flags)) return 'confidentiality';
  return isPossible('integrity', flags) ? 'integrity' : 'none';
}

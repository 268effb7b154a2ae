/**
 * The choice of a security layer in Wrap tokens: the server's offer, the client's answer (RFC 4752 section 3.1).
 */
import { concat } from '../bytes.js';
import { ProtocolError } from '../errors.js';
import type { SecurityContext } from '../gss/securityContext.js';
import {
  type CheckedPolicy,
  decodeLayerMessage,
  encodeLayerMessage,
  isPossible,
  layersOf,
  noLayer,
  type SaslLayer,
} from './layers.js';
import { SecurityLayer } from './securityLayer.js';

/** What came of the offer. */
export interface LayerChoice {
  readonly response: Uint8Array;
  /** Undefined for none. */
  readonly layer: SecurityLayer | undefined;
}

/**
 * Answers the offer by the first layer of the policy that the server has, that the context can give, and whose messages
 * fit into the server's buffers.
 * @param context established
 * @param challenge the server's Wrap token
 * @throws ProtocolError ERR_SASL_LAYER when there is no such layer, ERR_SASL_TOKEN, ERR_GSS_TOKEN, ERR_GSS_SEQUENCE;
 *   CryptoError ERR_INTEGRITY
 */
export function chooseLayer(
  context: SecurityContext,
  challenge: Uint8Array,
  { layers, maxReceiveBuffer }: CheckedPolicy,
  authorizationId: Uint8Array,
): LayerChoice {
  const { message, anomaly } = context.unwrap(challenge);
  if (anomaly !== undefined) {
    throw new ProtocolError('ERR_GSS_SEQUENCE', 'security layers', anomaly, 'RFC 4752 section 3');
  }
  const { mask, maxBuffer } = decodeLayerMessage(message);
  const offered = layersOf(mask);
  const usable = offered.filter((layer) => isUsable(layer, context, maxBuffer));
  const chosen = layers.find((layer) => usable.includes(layer));
  if (chosen === undefined) throw noLayer(layers, describe(offered, maxBuffer));
  const limit = chosen === 'none' ? 0 : maxReceiveBuffer;
  const answer = concat(encodeLayerMessage(chosen, limit), authorizationId);
  return {
    response: context.wrap(answer, { confidential: false }),
    layer: chosen === 'none' ? undefined : newLayer(context, chosen, maxBuffer, maxReceiveBuffer),
  };
}

function isUsable(layer: SaslLayer, context: SecurityContext, maxBuffer: number): boolean {
  if (layer === 'none') return true;
  if (!isPossible(layer, context.flags)) return false;
  return context.wrapSizeLimit(maxBuffer, { confidential: layer === 'confidentiality' }) > 0;
}

function newLayer(
  context: SecurityContext,
  protection: 'integrity' | 'confidentiality',
  maxSendBuffer: number,
  maxReceiveBuffer: number,
): SecurityLayer {
  return new SecurityLayer({ context, protection, maxSendBuffer, maxReceiveBuffer });
}

function describe(offered: readonly SaslLayer[], maxBuffer: number): string {
  const names = offered.length === 0 ? 'no layer that is known' : offered.join(', ');
  return `the server offers ${names} with buffers of ${maxBuffer} octets`;
}

/**
 * Which security layer is used: bit masks and policy (RFC 4752 sections 3.1 and 3.3).
 */
import { ProtocolError } from '../errors.js';
import { GSS_FLAGS } from '../gss/flags.js';

/** Protection of what follows the exchange. */
export type SaslLayer = 'none' | 'integrity' | 'confidentiality';

/** What a client accepts. */
export interface LayerPolicy {
  /**
   * Layers that may be used, the most wanted first; `['confidentiality', 'integrity', 'none']` unless given. A list without
   * `none` refuses servers that offer no other. Inside TLS `['none']` is usual, and Active Directory demands it.
   */
  readonly layers?: readonly SaslLayer[] | undefined;
  /** Octets of the longest buffer that the server may send: 1 to 16,777,215. */
  readonly maxReceiveBuffer?: number | undefined;
}

/** Largest size that the three octets of a layer message can say. */
export const LARGEST_BUFFER = 0xffffff;
/** What is offered to servers unless the policy says otherwise. */
export const DEFAULT_BUFFER = 0x10000;

/** Bits of the first octet of a layer message. */
const LAYER_BITS: Readonly<Record<SaslLayer, number>> = { none: 1, integrity: 2, confidentiality: 4 };
const STRONGEST_FIRST: readonly SaslLayer[] = ['confidentiality', 'integrity', 'none'];

/** What the server of RFC 4752 offers, or the client has chosen. */
export interface LayerMessage {
  /** Bit mask of layers. */
  readonly mask: number;
  /** Octets of the longest buffer that the sender of this message can receive. */
  readonly maxBuffer: number;
}

/** The policy with its defaults. */
export interface CheckedPolicy {
  readonly layers: readonly SaslLayer[];
  readonly maxReceiveBuffer: number;
}

/** @throws RangeError naming `layers` or `maxReceiveBuffer` */
export function checkPolicy(policy: LayerPolicy, defaultBuffer: number = DEFAULT_BUFFER): CheckedPolicy {
  const { layers = STRONGEST_FIRST, maxReceiveBuffer = defaultBuffer } = policy;
  const known = Array.isArray(layers) && layers.every((layer) => STRONGEST_FIRST.includes(layer));
  if (!known || layers.length === 0) {
    throw new RangeError("layers must be a list of 'confidentiality', 'integrity' and 'none', one at least");
  }
  if (!Number.isInteger(maxReceiveBuffer) || maxReceiveBuffer < 1 || maxReceiveBuffer > LARGEST_BUFFER) {
    throw new RangeError(`maxReceiveBuffer must be a number of octets from 1 to ${LARGEST_BUFFER}`);
  }
  return { layers, maxReceiveBuffer };
}

/** Flags that a context needs so that any of the layers can be used. */
export function protectionFlags(layers: readonly SaslLayer[]): number {
  const confidentiality = layers.includes('confidentiality') ? GSS_FLAGS.confidentiality : 0;
  const integrity = layers.some((layer) => layer !== 'none') ? GSS_FLAGS.integrity : 0;
  return confidentiality | integrity;
}

/** Whether messages of a context with these flags can be protected so (RFC 4752 section 3.1). */
export function isPossible(layer: SaslLayer, flags: number): boolean {
  const needed = protectionFlags([layer]);
  return (flags & needed) === needed;
}

/** Layers of a bit mask, strongest first; bits that are not understood are none (RFC 4752 section 3.3). */
export function layersOf(mask: number): readonly SaslLayer[] {
  return STRONGEST_FIRST.filter((layer) => (mask & LAYER_BITS[layer]) !== 0);
}

/** The four octets of a layer message. */
export function encodeLayerMessage(layer: SaslLayer, maxBuffer: number): Uint8Array {
  return Uint8Array.of(LAYER_BITS[layer], maxBuffer >>> 16, (maxBuffer >>> 8) & 0xff, maxBuffer & 0xff);
}

/**
 * The server's layer message. A size beside no layer but `none` is passed over, though it should be 0: Dovecot sends one.
 * @throws ProtocolError ERR_SASL_TOKEN
 */
export function decodeLayerMessage(octets: Uint8Array): LayerMessage {
  if (octets.length !== 4) {
    throw new ProtocolError(
      'ERR_SASL_TOKEN',
      'security layers',
      `${octets.length} octets instead of 4`,
      'RFC 4752 section 3.1',
    );
  }
  const [mask = 0, high = 0, middle = 0, low = 0] = octets;
  return { mask, maxBuffer: (high << 16) | (middle << 8) | low };
}

/** The error when no layer suits both sides. */
export function noLayer(permitted: readonly SaslLayer[], offered: string): ProtocolError {
  const problem = `${offered}; this client permits ${permitted.join(', ')}`;
  return new ProtocolError('ERR_SASL_LAYER', 'security layers', problem, 'RFC 4752 section 3.1');
}

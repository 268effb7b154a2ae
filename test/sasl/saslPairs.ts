/** Mechanisms with the scripted acceptor as their server (RFC 4752 section 3.2, RFC 5801, RFC 4178). */
import assert from 'node:assert/strict';
import { concat, uint32be } from '../../src/bytes.js';
import type { InitiatorContext } from '../../src/gss/context.js';
import { GssapiMechanism, type GssapiOptions, gssapiFlags } from '../../src/sasl/gssapi.js';
import type { SaslMechanism } from '../../src/sasl/mechanism.js';
import { SecurityLayer, type SecurityLayerParts } from '../../src/sasl/securityLayer.js';
import { establishedPair, freshPair } from '../support/gssContexts.js';
import type { ScriptedAcceptor, WrapChanges } from '../support/scriptedAcceptor.js';

/** A mechanism and its server. */
export interface SaslPair {
  readonly mechanism: SaslMechanism;
  readonly acceptor: ScriptedAcceptor;
  readonly context: InitiatorContext;
}

/** GSSAPI before its first message. */
export function gssapiPair(options: GssapiOptions = {}, flags: number = gssapiFlags(options)): SaslPair {
  const { context, acceptor } = freshPair({}, { flags });
  return { context, acceptor, mechanism: new GssapiMechanism(context, options) };
}

/** GSSAPI when the server has proved itself and is about to offer layers. */
export function gssapiAtOffer(...args: Parameters<typeof gssapiPair>): SaslPair {
  const pair = gssapiPair(...args);
  pair.acceptor.acceptToken(pair.mechanism.next());
  assert.equal(pair.mechanism.next(pair.acceptor.apRepToken()).length, 0);
  return pair;
}

/** The server's offer of layers. */
export function offer(
  acceptor: ScriptedAcceptor,
  mask: number,
  maxBuffer = 0x10000,
  changes: WrapChanges = {},
): Uint8Array {
  return acceptor.wrap(layerMessage(mask, maxBuffer), { sealed: false, ...changes });
}

/** Mask and size in four octets. */
export function layerMessage(mask: number, maxBuffer: number): Uint8Array {
  const octets = uint32be(maxBuffer);
  octets[0] = mask;
  return octets;
}

/** A client's choice. */
export interface Choice {
  readonly mask: number;
  readonly maxBuffer: number;
  readonly authorizationId: string;
}

/** What the client chose: mask, size and authorization identity of its response. */
export function choice(acceptor: ScriptedAcceptor, response: Uint8Array): Choice {
  const { message, sealed } = acceptor.unwrap(response);
  assert.equal(sealed, false, 'RFC 4752 section 3.1: conf_flag FALSE');
  const [mask = 0, high = 0, middle = 0, low = 0] = message;
  return {
    mask,
    maxBuffer: high * 65536 + middle * 256 + low,
    authorizationId: Buffer.from(message.subarray(4)).toString(),
  };
}

/** A layer and the other side. */
export interface LayerPair {
  readonly layer: SecurityLayer;
  readonly acceptor: ScriptedAcceptor;
}

/** A layer of an established context. */
export function layerPair(parts: Partial<SecurityLayerParts> = {}): LayerPair {
  const { context, acceptor } = establishedPair();
  const layer = new SecurityLayer({
    context,
    protection: 'confidentiality',
    maxSendBuffer: 0x10000,
    maxReceiveBuffer: 0x10000,
    ...parts,
  });
  return { layer, acceptor };
}

/** Octets with their length in front. */
export function framed(token: Uint8Array): Uint8Array {
  return concat(uint32be(token.length), token);
}

/** The tokens of a stream that is complete. */
export function unframed(octets: Uint8Array): Uint8Array[] {
  const tokens: Uint8Array[] = [];
  for (let offset = 0; offset < octets.length; ) {
    const length = Buffer.from(octets.subarray(offset, offset + 4)).readUInt32BE();
    assert(offset + 4 + length <= octets.length, 'the last buffer is complete');
    tokens.push(octets.subarray(offset + 4, offset + 4 + length));
    offset += 4 + length;
  }
  return tokens;
}

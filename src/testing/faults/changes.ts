/** The changes that faults are made of. */
import { concat } from '../../bytes.js';
import { kerberosTime } from '../../exchange/environment.js';
import { ERROR_CODES, type KdcErrorSymbol } from '../../iana/errorCodes.js';
import { PA_DATA_TYPES } from '../../iana/paDataTypes.js';
import type { KrbError } from '../../messages/error.js';
import type { EncKdcRepPart, KdcRep, KdcReq } from '../../messages/kdc.js';
import { decode, encode } from '../../messages/module.js';
import type { EtypeInfo2Entry } from '../../messages/paData.js';
import type { Ticket } from '../../messages/ticket.js';
import { frame } from '../../transport/framing.js';
import type { KdcHooks, Wire } from '../hooks.js';
import type { FaultScene } from './fault.js';

const AS_REQ = 0x6a;
const KRB_ERROR = 0x7e;

/** Changes fields of the encrypted part; the ticket keeps the truth. */
export function changeEncPart(change: (part: EncKdcRepPart) => Partial<EncKdcRepPart>): KdcHooks {
  return { encPart: (part) => ({ ...part, ...change(part) }) };
}

/** Changes fields of the reply. */
export function changeRep(change: (rep: KdcRep) => Partial<KdcRep>): KdcHooks {
  return { rep: (rep) => ({ ...rep, ...change(rep) }) };
}

/** Changes fields of the ticket's outside. */
export function changeTicket(change: (ticket: Ticket) => Partial<Ticket>): KdcHooks {
  return { ticket: (ticket) => ({ ...ticket, ...change(ticket) }) };
}

/** Changes fields of KRB-ERRORs. */
export function changeError(change: (error: KrbError) => Partial<KrbError>): KdcHooks {
  return { error: (error) => ({ ...error, ...change(error) }) };
}

/** Changes the entry of ETYPE-INFO2 in METHOD-DATA. */
export function changeKeyInfo(change: (info: EtypeInfo2Entry) => EtypeInfo2Entry): KdcHooks {
  return {
    methodData: (methodData) =>
      methodData.map((pa) => {
        if (pa.padataType !== PA_DATA_TYPES['PA-ETYPE-INFO2']) return pa;
        const entries = decode('EtypeInfo2', pa.padataValue).map(change);
        return { ...pa, padataValue: encode('EtypeInfo2', entries) };
      }),
  };
}

/** A KRB-ERROR out of nothing. */
export function errorOctets(
  error: KdcErrorSymbol | number,
  { realm, nowMs }: FaultScene,
  eText?: string,
): Uint8Array {
  const { seconds, microseconds } = kerberosTime(nowMs());
  return encode('KrbError', {
    pvno: 5,
    msgType: 30,
    stime: seconds,
    susec: microseconds,
    errorCode: typeof error === 'number' ? error : ERROR_CODES[error].number,
    realm,
    sname: { nameType: 2, nameString: ['krbtgt', realm] },
    eText,
  });
}

/** The request without padata, if it is an AS-REQ. */
export function withoutPreauth(octets: Uint8Array): Uint8Array {
  return changeRequest(octets, (req) => ({ ...req, padata: undefined }));
}

/** The request with other encryption types. */
export function withEtypes(octets: Uint8Array, etype: readonly number[]): Uint8Array {
  return changeRequest(octets, (req) => ({ ...req, reqBody: { ...req.reqBody, etype } }));
}

function changeRequest(octets: Uint8Array, change: (req: KdcReq) => KdcReq): Uint8Array {
  const type = octets[0] === AS_REQ ? 'AsReq' : 'TgsReq';
  return encode(type, change(decode(type, octets)));
}

/** Gives the first reply that is no error in place of every later one. */
export function recordAndReplay(): (reply: Uint8Array) => Uint8Array {
  let recorded: Uint8Array | undefined;
  return (reply) => {
    if (reply[0] === KRB_ERROR) return reply;
    recorded ??= reply;
    return recorded;
  };
}

/** Sends the message and sends it again. */
export function sendTwice(message: Uint8Array, wire: Wire): void {
  wire.send(message);
  wire.send(message);
}

/** Is silent on UDP; on TCP sends the message, with its length before it, in a way of its own. */
export function dropUdp(transmit: (framed: Uint8Array, wire: Wire) => void): Required<KdcHooks>['transmit'] {
  return (message, wire) => {
    if (wire.protocol === 'tcp') transmit(frame(message), wire);
  };
}

/** The octets with their last bit changed. */
export function flipLastBit(octets: Uint8Array): Uint8Array {
  const changed = octets.slice();
  changed[changed.length - 1]! ^= 1;
  return changed;
}

/** A value of tag `tag` that holds a SEQUENCE that holds a SEQUENCE, `depth` times. */
export function nested(tag: number, depth: number): Uint8Array {
  let value: Uint8Array = new Uint8Array(0);
  for (let level = depth; level > 0; level--) {
    const length = value.length < 0x80 ? [value.length] : [0x82, value.length >> 8, value.length & 0xff];
    value = concat(Uint8Array.of(level === 1 ? tag : 0x30, ...length), value);
  }
  return value;
}

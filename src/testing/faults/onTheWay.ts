/** Faults of those who carry messages: lost, cut, swollen, changed or old octets. */
import { concat, fromHex, utf8 } from '../../bytes.js';
import {
  changeRep,
  dropUdp,
  flipLastBit,
  nested,
  recordAndReplay,
  sendTwice,
  withEtypes,
} from './changes.js';
import { AS, BOTH, type Fault, TGS } from './fault.js';

/** [APPLICATION 11] with a fitting length and nonsense inside. */
const GARBAGE: Uint8Array = fromHex('6b0b00112233445566778899aa');

/** What can happen to octets. */
export const FAULTS_ON_THE_WAY: readonly Fault[] = [
  {
    name: 'drop',
    does: 'sends no reply',
    during: BOTH,
    expected: 'ERR_KDC_UNREACHABLE',
    hooks: () => ({ transmit: () => undefined }),
  },
  {
    name: 'delay',
    does: 'sends each reply a fifth of a second late',
    during: BOTH,
    expected: undefined,
    hooks: () => ({ transmit: (reply, wire) => void setTimeout(() => wire.send(reply), 200) }),
  },
  {
    name: 'duplicate',
    does: 'sends each reply twice',
    during: BOTH,
    expected: undefined,
    hooks: () => ({ transmit: sendTwice }),
  },
  {
    name: 'truncate',
    does: 'sends the first half of the reply',
    during: BOTH,
    expected: 'ERR_KDC_UNREACHABLE',
    hooks: () => ({ reply: (reply) => reply.slice(0, reply.length >> 1) }),
  },
  {
    name: 'trailing-octets',
    does: 'sends octets behind the reply',
    during: BOTH,
    expected: 'ERR_KDC_UNREACHABLE',
    hooks: () => ({ reply: (reply) => concat(reply, Uint8Array.of(0, 0)) }),
  },
  {
    name: 'garbage',
    does: 'sends octets that begin like a reply and are none',
    during: BOTH,
    expected: 'ERR_ASN1',
    hooks: () => ({ reply: () => GARBAGE }),
  },
  {
    name: 'other-protocol',
    does: 'answers in the words of an HTTP server',
    during: BOTH,
    expected: 'ERR_KDC_UNREACHABLE',
    hooks: () => ({ reply: () => utf8('HTTP/1.0 400 Bad Request\r\n\r\n') }),
  },
  {
    name: 'deep-nesting',
    does: 'sends ASN.1 that is nested a thousand deep',
    during: BOTH,
    expected: 'ERR_ASN1',
    hooks: () => ({ reply: (reply) => nested(reply[0]!, 1000) }),
  },
  {
    name: 'split-length',
    does: 'sends the stream octet by octet, the length too',
    during: BOTH,
    expected: undefined,
    over: 'tcp',
    hooks: () => ({
      transmit: dropUdp((octets, wire) => {
        for (const octet of octets) wire.sendRaw(Uint8Array.of(octet));
      }),
    }),
  },
  {
    name: 'cut-connection',
    does: 'closes the connection in the middle of the reply',
    during: BOTH,
    expected: 'ERR_KDC_UNREACHABLE',
    over: 'tcp',
    hooks: () => ({
      transmit: dropUdp((octets, wire) => {
        wire.sendRaw(octets.subarray(0, octets.length - 1));
        wire.close();
      }),
    }),
  },
  {
    name: 'oversized-length',
    does: 'announces a reply of 2 GiB',
    during: BOTH,
    expected: 'ERR_REPLY_TOO_LARGE',
    over: 'tcp',
    hooks: () => ({ transmit: dropUdp((octets, wire) => wire.sendRaw(concat(fromHex('7fffffff'), octets))) }),
  },
  {
    name: 'reserved-length-bit',
    does: 'sets the reserved top bit of the length',
    during: BOTH,
    expected: 'ERR_REPLY_TOO_LARGE',
    over: 'tcp',
    hooks: () => ({
      transmit: dropUdp((octets, wire) => wire.sendRaw(concat(fromHex('80'), octets.subarray(1)))),
    }),
  },
  {
    name: 'changed-request',
    does: 'strips the better encryption types off the request before the KDC sees it',
    during: AS,
    expected: 'ERR_REPLY_ENC_PA_REP',
    hooks: () => ({ request: (octets) => withEtypes(octets, [17]) }),
  },
  {
    name: 'changed-tgs-request',
    does: 'strips the better encryption types off the request before the KDC sees it',
    during: TGS,
    expected: 'KRB_AP_ERR_MODIFIED',
    hooks: () => ({ request: (octets) => withEtypes(octets, [17]) }),
  },
  {
    name: 'changed-reply',
    does: 'changes one bit of what is encrypted',
    during: BOTH,
    expected: 'ERR_INTEGRITY',
    hooks: () =>
      changeRep(({ encPart }) => ({ encPart: { ...encPart, cipher: flipLastBit(encPart.cipher) } })),
  },
  {
    name: 'replayed-as-reply',
    does: 'sends the reply to an older request',
    during: AS,
    expected: 'ERR_REPLY_ENC_PA_REP',
    second: true,
    hooks: () => ({ reply: recordAndReplay() }),
  },
  {
    name: 'replayed-tgs-reply',
    does: 'sends the reply to an older request',
    during: TGS,
    expected: 'ERR_INTEGRITY',
    second: true,
    hooks: () => ({ reply: recordAndReplay() }),
  },
];

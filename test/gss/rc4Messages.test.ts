/** Per-message tokens of RFC 4757 section 7. */
import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { concat, fromHex, toHex, utf8 } from '../../src/bytes.js';
import { Key } from '../../src/crypto/key.js';
import { rc4 } from '../../src/crypto/rc4.js';
import { DEFAULT_FLAGS, GSS_FLAGS } from '../../src/gss/flags.js';
import type { MessageKey } from '../../src/gss/messageKey.js';
import { rc4Framing } from '../../src/gss/rc4Framing.js';
import {
  checkRc4Mic,
  makeRc4Mic,
  rc4WrapLength,
  unwrapRc4Message,
  wrapRc4Message,
} from '../../src/gss/rc4Messages.js';
import { makeRc4Token, rc4Seal } from '../../src/gss/rc4Token.js';
import { contextPair, messageKeyOf, octets } from '../support/establishedPairs.js';
import { bitFlips, codeThrown } from '../support/gssContexts.js';
import { testEnvironment } from '../support/scriptedAcceptor.js';

const hello = utf8('hello');
const ours = messageKeyOf('initiator', 23);
const theirs = messageKeyOf('acceptor', 23);
const { randomBytes } = testEnvironment();
const REFUSED = ['ERR_GSS_TOKEN', 'ERR_INTEGRITY'];

describe('tokens of MIT krb5 1.20.1', () => {
  // Made by gss_wrap and gss_get_mic of an acceptor, of the message "hello".
  const context: MessageKey = {
    key: new Key(23, fromHex('04308851d054db74018414ef27d77790')),
    acceptorSubkey: false,
  };
  const first = 164480188n;
  const sealed = fromHex(
    '603106092a864886f712010202020111001000ffff455c42b7a683acbdb3ff6373022945dddcea6511857a3c30db4098a58b0c',
  );
  const signed = fromHex(
    '603106092a864886f71201020202011100ffffffff073c74d220a951cd47fe5a8ef20f5cdb9b017cca05d1c84468656c6c6f01',
  );
  const mic = fromHex('602306092a864886f71201020201011100ffffffff92bae7e07af1c7ac7d89417ddb4b624b');

  it('are read', () => {
    expect(unwrapRc4Message(sealed, context)).toEqual({ message: hello, sealed: true, sequence: first });
    expect(unwrapRc4Message(signed, context)).toEqual({
      message: hello,
      sealed: false,
      sequence: first + 1n,
    });
    expect(checkRc4Mic(hello, mic, context)).toBe(first + 2n);
  });

  it('are made again, octet by octet', () => {
    const acceptor: MessageKey = { ...context, sender: 'acceptor' };
    const confounder = signed.subarray(signed.length - 14, signed.length - 6);
    expect(toHex(wrapRc4Message(hello, false, acceptor, first + 1n, () => confounder))).toBe(toHex(signed));
    expect(toHex(makeRc4Mic(hello, acceptor, first + 2n))).toBe(toHex(mic));
    const plain = rc4Seal([sealed.subarray(sealed.length - 14)], context.key, first);
    expect(toHex(wrapRc4Message(hello, true, acceptor, first, () => plain.subarray(0, 8)))).toBe(
      toHex(sealed),
    );
  });
});

describe('messages under RC4', () => {
  it('of 0 to 300 octets go both ways, sealed and signed', () => {
    const { initiator, acceptor } = contextPair({ etype: 23 });
    for (let length = 0; length <= 300; length++) {
      const message = octets(length);
      for (const confidential of [true, false]) {
        const token = initiator.wrap(message, { confidential });
        expect(token.length).toBe(rc4WrapLength(length));
        expect(acceptor.unwrap(token)).toEqual({ message, confidential, anomaly: undefined });
        expect(initiator.unwrap(acceptor.wrap(message, { confidential })).message).toEqual(message);
      }
      acceptor.verifyMic(message, initiator.mic(message));
    }
  });

  it('count in 32 bits', () => {
    const { initiator, acceptor } = contextPair({ etype: 23, first: 0xffffffffn });
    for (let i = 0; i < 3; i++) expect(acceptor.unwrap(initiator.wrap(hello)).message).toEqual(hello);
    expect(initiator.lucid().sendSequence).toBe(2n);
    expect(acceptor.lucid().receiveSequence).toBe(2n);
  });

  it('do not show when sealed, and do when only signed', () => {
    const { initiator } = contextPair({ etype: 23 });
    expect(toHex(initiator.wrap(octets(40)))).not.toContain(toHex(octets(40)).slice(0, 16));
    expect(toHex(initiator.wrap(octets(40), { confidential: false }))).toContain(toHex(octets(40)));
  });
});

/** What a token leads to: an error, or its number. */
function outcome(read: () => bigint): string {
  let number = '';
  const code = codeThrown(() => {
    number = String(read());
  });
  return code === 'nothing' ? number : code;
}

describe('a token under RC4 of which a bit is another', () => {
  const wraps = ([true, false] as const).map(
    (sealed) =>
      [sealed ? 'sealed' : 'signed', wrapRc4Message(hello, sealed, theirs, 7n, randomBytes)] as const,
  );
  it.each(wraps)('is refused when it is %s; where the number changes, by its place', (kind, token) => {
    for (const [bit, flipped] of [...bitFlips(token)].entries()) {
      const result = outcome(() => unwrapRc4Message(flipped, ours).sequence);
      // SND_SEQ stands after 13 octets of framing and 8 of the token; no checksum covers its first half.
      const inNumber = bit >= 21 * 8 && bit < 25 * 8 && kind === 'signed';
      if (inNumber) expect([...REFUSED, '7']).not.toContain(result);
      else expect(REFUSED).toContain(result);
    }
  });

  it('is refused when it is a MIC', () => {
    const token = makeRc4Mic(hello, theirs, 7n);
    for (const [bit, flipped] of [...bitFlips(token)].entries()) {
      const result = outcome(() => checkRc4Mic(hello, flipped, ours));
      if (bit >= 21 * 8 && bit < 25 * 8) expect([...REFUSED, '7']).not.toContain(result);
      else expect(REFUSED).toContain(result);
    }
    for (const flipped of bitFlips(hello))
      expect(outcome(() => checkRc4Mic(flipped, token, ours))).toBe('ERR_INTEGRITY');
  });

  it('is refused by every context that watches the sequence', () => {
    const { initiator } = contextPair({ etype: 23 });
    const token = initiator.wrap(hello, { confidential: false });
    for (const flipped of bitFlips(token)) {
      const { acceptor } = contextPair({ etype: 23 });
      expect([...REFUSED, 'ERR_GSS_SEQUENCE']).toContain(codeThrown(() => acceptor.unwrap(flipped)));
    }
  });
});

describe('what RFC 4757 does not protect (SECURITY.md)', () => {
  // Octets of SND_SEQ after framing and header: the last of the number, and the four of the direction.
  const LAST = 13 + 8 + 3;
  const DIRECTION = [0, 1, 2, 3].map((i) => LAST + 1 + i);
  const changed = (token: Uint8Array, offsets: readonly number[], mask: number): Uint8Array =>
    token.map((octet, i) => (offsets.includes(i) ? octet ^ mask : octet));

  it('is the number of a signed message: it can be replayed as the next', () => {
    const { initiator, acceptor } = contextPair({ etype: 23, first: 6n });
    const token = initiator.wrap(hello, { confidential: false });
    expect(acceptor.unwrap(token).message).toEqual(hello);
    expect(acceptor.unwrap(changed(token, [LAST], 6 ^ 7)).message).toEqual(hello);
  });

  it('is not the number of a sealed message, which is part of its key', () => {
    const { initiator, acceptor } = contextPair({ etype: 23, first: 6n });
    const token = initiator.wrap(hello);
    acceptor.unwrap(token);
    expect(codeThrown(() => acceptor.unwrap(changed(token, [LAST], 6 ^ 7)))).toBe('ERR_INTEGRITY');
  });

  it('is the direction, where both sides count alike', () => {
    const { initiator } = contextPair({ etype: 23, first: 6n });
    const token = initiator.wrap(hello);
    expect(initiator.unwrap(changed(token, DIRECTION, 0xff)).message).toEqual(hello);
  });
});

/** A second time from the RFC: checksum of the start and the message; the number under a key of the checksum. */
function micByHand(start: readonly number[]): Uint8Array {
  const hmac = (key: Uint8Array, data: Uint8Array): Uint8Array =>
    createHmac('md5', key).update(data).digest();
  const checksum = theirs.key.checksum(15, concat(Uint8Array.from(start), hello)).subarray(0, 8);
  const key = hmac(hmac(theirs.key.value, new Uint8Array(4)), checksum);
  return concat(rc4Framing(24), Uint8Array.from(start), rc4(key, fromHex('00000007ffffffff')), checksum);
}

describe('a token under RC4 is refused', () => {
  const sealed = wrapRc4Message(hello, true, theirs, 7n, randomBytes);
  const signed = wrapRc4Message(hello, false, theirs, 7n, randomBytes);
  const mic = makeRc4Mic(hello, theirs, 7n);

  it('when it is cut or longer', () => {
    for (const token of [sealed, signed, mic]) {
      const wrong = [
        ...Array.from(token, (_, end) => token.subarray(0, end)),
        concat(token, Uint8Array.of(0)),
      ];
      for (const octetsOfIt of wrong) {
        expect(REFUSED).toContain(codeThrown(() => unwrapRc4Message(octetsOfIt, ours)));
        expect(REFUSED).toContain(codeThrown(() => checkRc4Mic(hello, octetsOfIt, ours)));
      }
    }
  });

  it('when its framing is written in more octets than DER does', () => {
    const rest = signed.subarray(2);
    for (const length of ['8131', '820031', '8400000031', '80', '32', '30', 'ff']) {
      const token = concat(Uint8Array.of(0x60), fromHex(length), rest);
      expect(codeThrown(() => unwrapRc4Message(token, ours))).toBe('ERR_GSS_TOKEN');
    }
  });

  it('when it is our own', () => {
    expect(codeThrown(() => unwrapRc4Message(sealed, theirs))).toBe('ERR_GSS_TOKEN');
    expect(codeThrown(() => unwrapRc4Message(signed, theirs))).toBe('ERR_GSS_TOKEN');
    expect(codeThrown(() => checkRc4Mic(hello, mic, theirs))).toBe('ERR_GSS_TOKEN');
  });

  it('when it is of the other kind, also in a context of RFC 4121', () => {
    expect(codeThrown(() => unwrapRc4Message(mic, ours))).toBe('ERR_GSS_TOKEN');
    expect(codeThrown(() => checkRc4Mic(hello, signed, ours))).toBe('ERR_GSS_TOKEN');
    expect(codeThrown(() => contextPair({ etype: 18 }).initiator.unwrap(sealed))).toBe('ERR_GSS_TOKEN');
    const cfx = contextPair({ etype: 18 }).initiator.wrap(hello);
    expect(codeThrown(() => unwrapRc4Message(cfx, ours))).toBe('ERR_GSS_TOKEN');
  });

  it('when it is made with another key', () => {
    const other: MessageKey = { ...ours, key: new Key(23, octets(16, 9)) };
    expect(codeThrown(() => unwrapRc4Message(sealed, other))).toBe('ERR_INTEGRITY');
    expect(codeThrown(() => checkRc4Mic(hello, mic, other))).toBe('ERR_INTEGRITY');
  });

  it.each([[[]], [[0]], [[2]], [[5]], [[0xff]], [[2, 2]], [[1, 2]]])('when its padding is %o', (padding) => {
    for (const kind of [true, false]) {
      const body = [octets(8), hello, Uint8Array.from(padding)];
      const token = makeRc4Token('wrap', kind, body, theirs, 7n);
      const rest = kind ? rc4Seal(body, theirs.key, 7n) : concat(...body);
      const framed = concat(rc4Framing(token.length + rest.length), token, rest);
      expect(codeThrown(() => unwrapRc4Message(framed, ours))).toBe('ERR_GSS_TOKEN');
    }
  });

  it('when it is a MIC with octets after its checksum', () => {
    const token = concat(makeRc4Token('mic', false, [hello], theirs, 7n), Uint8Array.of(0));
    const framed = concat(rc4Framing(token.length), token);
    expect(codeThrown(() => checkRc4Mic(hello, framed, ours))).toBe('ERR_GSS_TOKEN');
  });

  it.each([
    ['SGN_ALG', [0x01, 0x01, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff]],
    ['SEAL_ALG', [0x01, 0x01, 0x11, 0x00, 0x10, 0x00, 0xff, 0xff]],
    ['SEAL_ALG', [0x01, 0x01, 0x11, 0x00, 0x00, 0x00, 0xff, 0xff]],
    ['filler', [0x01, 0x01, 0x11, 0x00, 0xff, 0xff, 0xff, 0x00]],
    ['filler', [0x01, 0x01, 0x11, 0x00, 0xff, 0xff, 0x00, 0xff]],
  ])('when its sender has another %s', (_, start) => {
    const framed = micByHand(start);
    expect(checkRc4Mic(hello, micByHand([0x01, 0x01, 0x11, 0x00, 0xff, 0xff, 0xff, 0xff]), ours)).toBe(7n);
    expect(codeThrown(() => checkRc4Mic(hello, framed, ours))).toBe('ERR_GSS_TOKEN');
  });

  it('when it has no room for confounder and padding', () => {
    for (let length = 0; length < 9; length++) {
      const body = [new Uint8Array(length)];
      const token = makeRc4Token('wrap', false, body, theirs, 7n);
      const framed = concat(rc4Framing(token.length + length), token, ...body);
      expect(codeThrown(() => unwrapRc4Message(framed, ours))).toBe('ERR_GSS_TOKEN');
    }
  });

  it('when it comes twice', () => {
    const flags = DEFAULT_FLAGS & ~GSS_FLAGS.sequence;
    const { initiator, acceptor } = contextPair({ etype: 23, flags });
    const token = initiator.mic(hello);
    acceptor.verifyMic(hello, token);
    expect(codeThrown(() => acceptor.verifyMic(hello, token))).toBe('ERR_GSS_SEQUENCE');
  });
});

/** What ends a context overwrites its keys. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { toHex, utf8 } from '../../src/bytes.js';
import { Key } from '../../src/crypto/key.js';
import { KRB5_OID } from '../../src/gss/token.js';
import { offered } from '../spnego/negotiations.js';
import { contextPair } from '../support/establishedPairs.js';
import { type ContextPair, codeThrown, establishedPair, startedPair } from '../support/gssContexts.js';

afterEach(() => {
  vi.restoreAllMocks();
});

const { wipe } = Key.prototype;

/** The values of the keys that are wiped from now on, as they were. */
function wipedKeys(): string[] {
  const values: string[] = [];
  vi.spyOn(Key.prototype, 'wipe').mockImplementation(function (this: Key) {
    values.push(toHex(this.value));
    wipe.call(this);
  });
  return values;
}

const hex = (key: Key | undefined): string => toHex(key!.value);
const ACCEPTOR_SUBKEY = new Key(18, new Uint8Array(32).fill(7));
const hello = utf8('hello');

describe('the subkeys are wiped', () => {
  it('of a context that waits, by delete() and by an error', () => {
    for (const end of [
      ({ context }: ContextPair) => context.delete(),
      ({ context }: ContextPair) => codeThrown(() => context.step(hello)),
    ]) {
      const pair = startedPair();
      const wiped = wipedKeys();
      end(pair);
      expect(wiped).toContain(hex(pair.acceptor.initiatorSubkey));
    }
  });

  it.each<[string, (pair: ContextPair) => unknown]>([
    ['delete()', ({ context }) => context.delete()],
    ['a step too many', ({ context }) => codeThrown(() => context.step())],
    ['a token that is none', ({ context }) => codeThrown(() => context.unwrap(hello))],
    ['a MIC of something else', ({ context }) => codeThrown(() => context.verifyMic(hello, hello))],
    [
      'a stream that is none',
      ({ context }) => {
        const buffers = [{ type: 'stream', octets: hello }, { type: 'data' }] as const;
        return codeThrown(() => context.unwrapIov(buffers));
      },
    ],
    ['export()', ({ context }) => context.export()],
  ])('of an established context: %s', (_, end) => {
    const pair = establishedPair({ subkey: ACCEPTOR_SUBKEY });
    const wiped = wipedKeys();
    end(pair);
    expect(wiped).toEqual(expect.arrayContaining([hex(pair.acceptor.initiatorSubkey), hex(ACCEPTOR_SUBKEY)]));
    expect(codeThrown(() => pair.context.wrap(hello))).toBe('ERR_GSS_STATE');
  });

  it('of an accepted context', () => {
    const { acceptor } = contextPair();
    const { contextKey, acceptorSubkey } = acceptor.lucid();
    const wiped = wipedKeys();
    acceptor.delete();
    expect(wiped).toEqual(expect.arrayContaining([hex(contextKey), hex(acceptorSubkey)]));
  });

  it('of the context inside SPNEGO', () => {
    const { negotiation, acceptor } = offered([KRB5_OID]);
    const wiped = wipedKeys();
    negotiation.delete();
    expect(wiped).toContain(hex(acceptor.initiatorSubkey));
  });
});

it('a session key and a lucid view are copies, which outlive the context and cannot harm it', () => {
  const { context, acceptor } = establishedPair({ subkey: ACCEPTOR_SUBKEY });
  const { sessionKey } = context;
  const { contextKey, acceptorSubkey } = context.lucid();
  for (const key of [sessionKey, contextKey, acceptorSubkey!]) key.wipe();
  expect(acceptor.unwrap(context.wrap(hello)).message).toEqual(hello);
  const copy = context.sessionKey;
  context.delete();
  expect(hex(copy)).toBe(hex(ACCEPTOR_SUBKEY));
});

/** Plaintexts that hold keys are overwritten once they were read or sealed. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { utf8 } from '../../src/bytes.js';
import { defaultPrimitives } from '../../src/crypto/defaultPrimitives.js';
import { Key } from '../../src/crypto/key.js';
import { stringToKey } from '../../src/crypto/stringToKey.js';
import { checkApRep, makeApReq } from '../../src/exchange/ap.js';
import { freshSubkey } from '../../src/exchange/tgs.js';
import type { Credential } from '../../src/formats/credential.js';
import { decodeKirbi, encodeKirbi } from '../../src/formats/kirbi.js';
import { delegationMessage } from '../../src/gss/delegation.js';
import { decode, encode } from '../../src/messages/module.js';
import { encryptionKey, readAndWipe, seal, unseal } from '../../src/messages/sealed.js';
import { exampleRealm, login, ticketFor } from '../exchange/realm.js';
import { watchMemory } from '../support/watchedMemory.js';

const realm = exampleRealm();
const { environment } = realm;
const GONE = { held: expect.toSatisfy((count) => count > 0), left: 0 };
const SUBKEYS = [18, 20].map((etype) => new Key(etype, environment.randomBytes(32)));

async function tickets(): Promise<{ tgt: Credential; service: Credential }> {
  const { credential: tgt } = await login(realm);
  return { tgt, service: await ticketFor(realm, tgt) };
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe('of a sealed message', () => {
  it.each(SUBKEYS)('nothing is left: Authenticator with a subkey (%#)', async (subkey) => {
    const { service } = await tickets();
    const traces = watchMemory();
    const checksum = { cksumtype: 0x8003, checksum: new Uint8Array(2000) };
    const { apReq } = makeApReq({ credential: service, mutual: true, checksum, subkey }, environment);
    expect(traces(subkey.value)).toEqual(GONE);
    const { authenticator } = decode('ApReq', apReq);
    const { subkey: sent } = decode('Authenticator', unseal(authenticator, service.sessionKey, 11));
    expect(sent).toEqual(encryptionKey(subkey));
  });

  it('nothing is left: EncAPRepPart', async () => {
    const { service } = await tickets();
    const sent = makeApReq({ credential: service, mutual: true }, environment);
    const [subkey] = SUBKEYS as [Key, Key];
    const traces = watchMemory();
    const part = encode('EncApRepPart', {
      ctime: sent.ctime,
      cusec: sent.cusec,
      subkey: encryptionKey(subkey),
    });
    const encPart = seal(part, service.sessionKey, 12, environment.randomBytes(16));
    expect(traces(subkey.value)).toEqual(GONE);
    const reply = checkApRep(encode('ApRep', { pvno: 5, msgType: 15, encPart }), sent, environment.nowMs());
    expect(traces(subkey.value)).toEqual(GONE);
    expect(reply.subkey?.equals(subkey)).toBe(true);
  });

  it('nothing is left: EncKDCRepPart of both exchanges, and addresses outlive it', async () => {
    const traces = watchMemory();
    const addresses = [{ addrType: 2, address: Uint8Array.of(192, 0, 2, 7) }];
    const { credential } = await login(realm, { request: { addresses } });
    expect(credential.addresses).toEqual(addresses);
    expect(traces(credential.sessionKey.value)).toEqual(GONE);
    const service = await ticketFor(realm, credential);
    expect(service.addresses).toEqual(addresses);
    expect(traces(service.sessionKey.value)).toEqual(GONE);
  });

  it('nothing is left: KRB-CRED of a delegation, and as its receiver opens it', async () => {
    const { tgt, service } = await tickets();
    const forwarded = { ...tgt, addresses: [{ addrType: 2, address: Uint8Array.of(192, 0, 2, 8) }] };
    const traces = watchMemory();
    const message = delegationMessage(forwarded, service, environment);
    expect(traces(tgt.sessionKey.value)).toEqual(GONE);
    const [opened] = decodeKirbi(message, { key: service.sessionKey });
    expect(traces(tgt.sessionKey.value)).toEqual(GONE);
    expect(opened?.sessionKey.equals(tgt.sessionKey)).toBe(true);
    expect(opened?.addresses).toEqual(forwarded.addresses);
  });

  it('nothing is left: EncKrbCredPart of a file, but the file', async () => {
    const { tgt } = await tickets();
    const octets = encodeKirbi([tgt]);
    const before = new Uint8Array(octets);
    const [opened] = decodeKirbi(octets);
    expect(octets).toEqual(before);
    expect(opened?.sessionKey.equals(tgt.sessionKey)).toBe(true);
  });

  it('nothing is left when it is refused', async () => {
    const plaintext = utf8('key');
    expect(() =>
      readAndWipe(plaintext, () => {
        throw new RangeError('no');
      }),
    ).toThrow(RangeError);
    expect(plaintext).toEqual(new Uint8Array(3));
    const again = utf8('key');
    expect(() => seal(again, SUBKEYS[0]!, 1, new Uint8Array(3))).toThrow(RangeError);
    expect(again).toEqual(new Uint8Array(3));
  });
});

describe('of a subkey', () => {
  it('the random octets are overwritten', () => {
    const random = new Uint8Array(32).fill(7);
    const subkey = freshSubkey(SUBKEYS[0]!, { ...environment, randomBytes: () => random });
    expect([subkey.value, random]).toEqual([new Uint8Array(32).fill(7), new Uint8Array(32)]);
  });
});

describe('of a TGS exchange', () => {
  it('the subkey is overwritten', async () => {
    const { tgt } = await tickets();
    const wiped = vi.spyOn(Key.prototype, 'wipe');
    await ticketFor(realm, tgt);
    const subkeys = wiped.mock.contexts as Key[];
    expect(subkeys.map(({ etype, value }) => [etype, ...value])).toEqual([[18, ...new Uint8Array(32)]]);
  });
});

describe('of a string-to-key', () => {
  it.each([17, 18, 19, 20])('of type %i only the key is left', async (etype) => {
    const traces = watchMemory();
    const key = await stringToKey(etype, utf8('password'), utf8('EXAMPLE.TESTalice'));
    const [seed] = await Promise.all(
      vi.mocked(defaultPrimitives().pbkdf2).mock.results.map(({ value }) => value),
    );
    expect(seed).toEqual(new Uint8Array(key.value.length));
    expect(traces(key.value)).toEqual(GONE);
  });
});

describe('of RC4', () => {
  it('the key of each message is overwritten', () => {
    watchMemory();
    const { mock } = vi.mocked(defaultPrimitives().hmac);
    const key = new Key(23, new Uint8Array(16).fill(1));
    const sealed = key.encrypt(7, utf8('message'), new Uint8Array(8));
    expect(mock.results.at(-1)?.value).toEqual(new Uint8Array(16));
    const calls = mock.results.length;
    expect(key.decrypt(7, sealed)).toEqual(utf8('message'));
    expect(mock.results[calls]?.value).toEqual(new Uint8Array(16));
  });
});

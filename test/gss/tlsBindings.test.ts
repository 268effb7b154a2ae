/** tls-server-end-point: every signature algorithm, certificates of OpenSSL, and octets that are none. */
import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat, fromHex } from '../../src/bytes.js';
import { KerberosError } from '../../src/errors.js';
import { tlsServerEndPoint } from '../../src/gss/tlsBindings.js';
import { fuzzRuns } from '../support/fuzz.js';

const { certificates } = JSON.parse(
  readFileSync(new URL('../../vectors/openssl-certificates.json', import.meta.url), 'utf8'),
) as { certificates: { name: string; der: string; digest: string | null }[] };

/** DER of a certificate that is not signed by anybody: only the frame of it is real. */
function certificate(
  algorithm: string,
  tbs: string = `30820100${'05'.repeat(0)}${'0500'.repeat(128)}`,
): Uint8Array {
  return sequence(fromHex(tbs), fromHex(algorithm), fromHex('030200ff'));
}

function sequence(...parts: Uint8Array[]): Uint8Array {
  const contents = concat(...parts);
  const { length } = contents;
  return concat(Uint8Array.of(0x30, 0x82, length >> 8, length & 255), contents);
}

function digestOf(der: Uint8Array): string | undefined {
  const data = tlsServerEndPoint(der)?.applicationData;
  if (data === undefined) return undefined;
  const text = Buffer.from(data);
  expect(text.subarray(0, 21).toString()).toBe('tls-server-end-point:');
  return text.subarray(21).toString('hex');
}

const hash = (name: string, der: Uint8Array): string => createHash(name).update(der).digest('hex');

/** PSS parameters with a hash function in [0]. */
const pss = (hashOid: string): string =>
  `303406092a864886f70d01010a3027a00f300d06096086480165030402${hashOid}0500a111300f06092a864886f70d010108300206000201`;

describe('tls-server-end-point', () => {
  it.each([
    ['md5WithRSAEncryption', '300d06092a864886f70d0101040500', 'sha256'],
    ['sha1WithRSAEncryption', '300d06092a864886f70d0101050500', 'sha256'],
    ['sha1WithRSA of OIW', '300906052b0e03021d0500', 'sha256'],
    ['id-dsa-with-sha1', '300906072a8648ce380403', 'sha256'],
    ['ecdsa-with-SHA1', '300906072a8648ce3d0401', 'sha256'],
    ['sha256WithRSAEncryption', '300d06092a864886f70d01010b0500', 'sha256'],
    ['sha384WithRSAEncryption', '300d06092a864886f70d01010c0500', 'sha384'],
    ['sha512WithRSAEncryption', '300d06092a864886f70d01010d0500', 'sha512'],
    ['ecdsa-with-SHA256', '300a06082a8648ce3d040302', 'sha256'],
    ['ecdsa-with-SHA384', '300a06082a8648ce3d040303', 'sha384'],
    ['ecdsa-with-SHA512', '300a06082a8648ce3d040304', 'sha512'],
    ['id-dsa-with-sha256', '300b0609608648016503040302', 'sha256'],
    ['RSASSA-PSS without parameters', '300b06092a864886f70d01010a', 'sha256'],
    ['RSASSA-PSS with defaults', '300d06092a864886f70d01010a3000', 'sha256'],
    ['RSASSA-PSS, SHA-1', '301a06092a864886f70d01010a300da00b300906052b0e03021a0500', 'sha256'],
    ['RSASSA-PSS, SHA-256', '301e06092a864886f70d01010a3011a00f300d060960864801650304020105 00', 'sha256'],
    ['RSASSA-PSS, SHA-384', '301e06092a864886f70d01010a3011a00f300d060960864801650304020205 00', 'sha384'],
    ['RSASSA-PSS, SHA-512', '301e06092a864886f70d01010a3011a00f300d060960864801650304020305 00', 'sha512'],
  ])('hashes a certificate of %s', (_name, algorithm, expected) => {
    const der = certificate(algorithm);
    expect(digestOf(der)).toBe(hash(expected, der));
  });

  it.each([
    ['Ed25519', '300506032b6570'],
    ['Ed448', '300506032b6571'],
    ['sha224WithRSAEncryption', '300d06092a864886f70d01010e0500'],
    ['RSASSA-PSS with an empty hash algorithm', '300f06092a864886f70d01010a3002a000'],
    ['RSASSA-PSS, SHA3-256', '301e06092a864886f70d01010a3011a00f300d060960864801650304020805 00'],
  ])('is undefined for %s', (_name, algorithm) => {
    expect(tlsServerEndPoint(certificate(algorithm))).toBeUndefined();
  });

  it.each([
    ['nothing', ''],
    ['a NULL', '0500'],
    ['an empty SEQUENCE', '3000'],
    ['a SEQUENCE beyond the end', '30820100'],
    ['an indefinite length', '30803000'],
    ['octets after its end', '30023000ff'],
    ['an algorithm that is a NULL', '300430000500'],
    ['an algorithm without identifier', '300430003000'],
    ['an algorithm that is an INTEGER', '3007300030030201 05'],
    ['a length of eight octets', '3088000000000000000430003000'],
  ])('refuses %s', (_what, hex) => {
    expect(() => tlsServerEndPoint(fromHex(hex))).toThrow(expect.objectContaining({ code: 'ERR_ASN1' }));
  });

  it('refuses a certificate that is too large or has octets behind it, and what is no octets', () => {
    const SHA256 = '300d06092a864886f70d01010b0500';
    const refused = expect.objectContaining({ code: 'ERR_ASN1' });
    const sized = (octets: number): Uint8Array => {
      const length = octets - 5;
      const contents = concat(fromHex(`3000${SHA256}`), new Uint8Array(length - 17));
      return concat(Uint8Array.of(0x30, 0x83, length >> 16, (length >> 8) & 255, length & 255), contents);
    };
    expect(digestOf(certificate(SHA256))).toBe(hash('sha256', certificate(SHA256)));
    expect(() => tlsServerEndPoint(concat(certificate(SHA256), Uint8Array.of(0)))).toThrow(refused);
    expect(sized(256 * 1024)).toHaveLength(256 * 1024);
    expect(digestOf(sized(256 * 1024))).toBe(hash('sha256', sized(256 * 1024)));
    expect(() => tlsServerEndPoint(sized(256 * 1024 + 1))).toThrow(refused);
    expect(() => tlsServerEndPoint('' as never)).toThrow(TypeError);
  });

  it('throws nothing else, whatever comes', () => {
    const real = certificate(pss('01'));
    const octets = fc.oneof(
      fc.uint8Array({ maxLength: 100 }),
      fc.tuple(fc.nat(real.length - 1), fc.nat(255)).map(([at, value]) => real.with(at, value)),
      fc.nat(real.length).map((length) => real.subarray(0, length)),
    );
    fc.assert(
      fc.property(octets, (der) => {
        try {
          tlsServerEndPoint(der);
        } catch (error) {
          expect(error).toBeInstanceOf(KerberosError);
        }
      }),
      { numRuns: fuzzRuns },
    );
  });
});

describe('certificates of OpenSSL', () => {
  it.each(certificates)('$name', ({ der, digest }) => {
    const octets = new Uint8Array(Buffer.from(der, 'base64'));
    expect(new X509Certificate(octets).raw.equals(octets)).toBe(true);
    expect(digestOf(octets)).toBe(digest ?? undefined);
  });
});

/**
 * Channel bindings of a TLS connection by the server's certificate: `tls-server-end-point` (RFC 5929 section 4).
 *
 * The certificate is hashed with the hash function of its own signature; MD5 and SHA-1 are replaced by SHA-256. Where
 * the signature has no single hash function (Ed25519, Ed448) the RFC defines no binding.
 */
import { parseTlv, TAGS, type TlvNode, UNIVERSAL } from '../asn1/tlv.js';
import { concat, requireOctets, toHex, utf8 } from '../bytes.js';
import { defaultPrimitives } from '../crypto/defaultPrimitives.js';
import type { DigestHash } from '../crypto/primitives.js';
import { ProtocolError } from '../errors.js';
import type { ChannelBindings } from './bindings.js';

/** Largest certificate that is looked at, octets. */
const MAX_CERTIFICATE_OCTETS = 256 * 1024;

/**
 * The bindings of connections to the server that has this certificate.
 * @param certificateDer the end-entity certificate (X.509, RFC 5280 section 4.1)
 * @returns undefined where RFC 5929 defines none for the certificate's signature, or its hash function is not one of
 *   SHA-256, SHA-384 and SHA-512 (after the replacement)
 * @throws ProtocolError ERR_ASN1
 */
export function tlsServerEndPoint(certificateDer: Uint8Array): ChannelBindings | undefined {
  requireOctets(certificateDer, 'certificateDer');
  const hash = hashOf(signatureAlgorithm(certificateDer));
  if (hash === undefined) return undefined;
  const digest = defaultPrimitives().digest(hash, certificateDer);
  return { applicationData: concat(utf8('tls-server-end-point:'), digest) };
}

/** Object identifiers of signature algorithms with one hash function, as contents octets. */
const SIGNATURE_HASHES: Readonly<Record<string, DigestHash>> = {
  '2a864886f70d010104': 'md5', // md5WithRSAEncryption (RFC 3279 section 2.2.1)
  '2a864886f70d010105': 'sha1', // sha1WithRSAEncryption
  '2b0e03021d': 'sha1', // the same, as OIW named it
  '2a8648ce380403': 'sha1', // id-dsa-with-sha1 (RFC 3279 section 2.2.2)
  '2a8648ce3d0401': 'sha1', // ecdsa-with-SHA1 (RFC 3279 section 2.2.3)
  '2a864886f70d01010b': 'sha256', // sha256WithRSAEncryption (RFC 4055 section 5)
  '2a864886f70d01010c': 'sha384',
  '2a864886f70d01010d': 'sha512',
  '2a8648ce3d040302': 'sha256', // ecdsa-with-SHA256 (RFC 5758 section 3.2)
  '2a8648ce3d040303': 'sha384',
  '2a8648ce3d040304': 'sha512',
  '608648016503040302': 'sha256', // id-dsa-with-sha256 (RFC 5758 section 3.1)
};

/** id-RSASSA-PSS: the hash function is in the parameters (RFC 4055 section 3.1). */
const RSASSA_PSS = '2a864886f70d01010a';

/** Object identifiers of hash functions (RFC 4055 section 2.1). */
const HASHES: Readonly<Record<string, DigestHash>> = {
  '2b0e03021a': 'sha1',
  '608648016503040201': 'sha256',
  '608648016503040202': 'sha384',
  '608648016503040203': 'sha512',
};

/** MD5 and SHA-1 count as SHA-256 (RFC 5929 section 4.1). */
const REPLACED: ReadonlySet<string> = new Set<DigestHash>(['md5', 'sha1']);

function hashOf(algorithm: TlvNode): DigestHash | undefined {
  const name = identifier(algorithm);
  const hash = name === RSASSA_PSS ? pssHash(algorithm.children?.[1]) : SIGNATURE_HASHES[name];
  return hash !== undefined && REPLACED.has(hash) ? 'sha256' : hash;
}

/** hashAlgorithm of RSASSA-PSS-params, [0] DEFAULT sha1. */
function pssHash(parameters: TlvNode | undefined): DigestHash | undefined {
  const field = parameters?.children?.find(({ tagClass, tagNumber }) => tagClass === 2 && tagNumber === 0);
  if (field === undefined) return 'sha1';
  const algorithm = field.children?.[0];
  return algorithm === undefined ? undefined : HASHES[identifier(algorithm)];
}

/** Contents octets of the object identifier of an AlgorithmIdentifier. */
function identifier({ children }: TlvNode): string {
  const oid = children?.[0];
  if (oid?.tagClass !== UNIVERSAL || oid.tagNumber !== TAGS['OBJECT IDENTIFIER']) {
    throw broken('signatureAlgorithm', 'no AlgorithmIdentifier');
  }
  return toHex(oid.content);
}

/** Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm, signatureValue }; the first is only read over. */
function signatureAlgorithm(der: Uint8Array): TlvNode {
  if (der.length > MAX_CERTIFICATE_OCTETS) throw broken('', `${der.length} octets are too many`);
  const whole = element(der, 0, der.length);
  if (whole.end !== der.length) throw broken('', 'octets after its end');
  const tbsCertificate = element(der, whole.begin, whole.end);
  const algorithm = element(der, tbsCertificate.end, whole.end);
  return parseTlv(der.subarray(tbsCertificate.end, algorithm.end), 'Certificate.signatureAlgorithm');
}

/** Where the contents of the SEQUENCE at `start` begin and end. */
function element(der: Uint8Array, start: number, limit: number): { begin: number; end: number } {
  const first = der[start + 1];
  if (der[start] !== 0x30 || first === undefined || start + 2 > limit) throw broken('', 'no SEQUENCE');
  const count = first < 0x80 ? 0 : first & 0x7f;
  if (first === 0x80 || count > 4) throw broken('', 'a length that DER does not have');
  let length = first < 0x80 ? first : 0;
  for (let i = 0; i < count; i++) length = length * 256 + (der[start + 2 + i] ?? 0);
  const begin = start + 2 + count;
  if (begin + length > limit) throw broken('', 'truncated');
  return { begin, end: begin + length };
}

function broken(field: string, problem: string): ProtocolError {
  const place = field === '' ? 'Certificate' : `Certificate.${field}`;
  return new ProtocolError('ERR_ASN1', place, problem, 'RFC 5280 section 4.1');
}

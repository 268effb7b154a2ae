/** A self-signed certificate for localhost that no file holds: DER (RFC 5280 section 4.1) with a key made now. */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';

const DAY_MS = 86_400_000;

/** Keys and signatures: ecdsa-with-SHA256 (RFC 5758 section 3.2), id-Ed25519 (RFC 8410 section 3). */
const KINDS = {
  ecdsa: {
    pair: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    oid: '2a8648ce3d040302',
    hash: 'sha256',
  },
  ed25519: { pair: () => generateKeyPairSync('ed25519'), oid: '2b6570', hash: null },
};

/** @param {keyof typeof KINDS} kind @returns {{ key: string, cert: string }} PEM */
export function selfSignedCertificate(kind = 'ecdsa') {
  const { publicKey, privateKey } = KINDS[kind].pair();
  const algorithm = sequence(oid(KINDS[kind].oid));
  const name = sequence(tlv(0x31, sequence(oid('550403'), tlv(0x0c, Buffer.from('localhost'))))); // CN
  const tbs = sequence(
    tlv(0xa0, integer(Buffer.of(2))), // version 3
    integer(Buffer.concat([Buffer.of(1), randomBytes(8)])), // serialNumber
    algorithm,
    name,
    sequence(utcTime(Date.now() - DAY_MS), utcTime(Date.now() + 30 * DAY_MS)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    tlv(0xa3, sequence(subjectAltName(), basicConstraints())),
  );
  const signature = sign(KINDS[kind].hash, tbs, privateKey);
  const der = sequence(tbs, algorithm, tlv(0x03, Buffer.of(0), signature));
  const base64 = (der.toString('base64').match(/.{1,64}/g) ?? []).join('\n');
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`,
  };
}

/** dNSName localhost, iPAddress 127.0.0.1. */
function subjectAltName() {
  const names = sequence(tlv(0x82, Buffer.from('localhost')), tlv(0x87, Buffer.of(127, 0, 0, 1)));
  return sequence(oid('551d11'), tlv(0x04, names));
}

/** A certificate authority, so that it can be trusted as one. */
function basicConstraints() {
  return sequence(oid('551d13'), tlv(0x01, Buffer.of(0xff)), tlv(0x04, sequence(tlv(0x01, Buffer.of(0xff)))));
}

/** @param {number} tag @param {...Uint8Array} parts */
function tlv(tag, ...parts) {
  const contents = Buffer.concat(parts);
  const { length } = contents;
  const lengths = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.of(tag, ...lengths), contents]);
}

/** @param {...Uint8Array} parts */
function sequence(...parts) {
  return tlv(0x30, ...parts);
}

/** @param {string} hex contents octets */
function oid(hex) {
  return tlv(0x06, Buffer.from(hex, 'hex'));
}

/** @param {Uint8Array} octets */
function integer(octets) {
  return tlv(0x02, octets);
}

/** @param {number} ms since 1970 */
function utcTime(ms) {
  const text = new Date(ms).toISOString().replace(/[-:T]|\..*/g, '');
  return tlv(0x17, Buffer.from(`${text.slice(2)}Z`));
}

/** Proof in an AS-REP that the KDC saw our AS-REQ as we sent it (RFC 6806 section 11). */
import type { Key } from '../crypto/key.js';
import { ProtocolError } from '../errors.js';
import { KEY_USAGES } from '../iana/keyUsages.js';
import { PA_DATA_TYPES } from '../iana/paDataTypes.js';
import { hasFlag, TICKET_FLAGS } from '../messages/flags.js';
import type { EncKdcRepPart } from '../messages/kdc.js';
import { decode } from '../messages/module.js';
import type { PaData } from '../messages/paData.js';

const RULE = 'RFC 6806 section 11';

/** Asks for the proof. */
export const PA_REQ_ENC_PA_REP: PaData = {
  padataType: PA_DATA_TYPES['PA-REQ-ENC-PA-REP'],
  padataValue: new Uint8Array(0),
};

/**
 * Whether the reply proves our request.
 * @param asReq the AS-REQ's octets as sent
 * @returns false when the KDC does not know this extension
 * @throws ProtocolError ERR_REPLY_ENC_PA_REP when it says that it does but the proof is missing or wrong
 */
export function requestProven(asReq: Uint8Array, encPart: EncKdcRepPart, replyKey: Key): boolean {
  if (!hasFlag(encPart.flags, TICKET_FLAGS.encPaRep)) return false;
  const proof = encPart.encryptedPaData?.find((pa) => pa.padataType === PA_DATA_TYPES['PA-REQ-ENC-PA-REP']);
  if (proof === undefined) throw broken('the checksum of our request is missing');
  const { cksumtype, checksum } = decode('Checksum', proof.padataValue);
  if (cksumtype !== replyKey.checksumType) throw broken(`checksum type ${cksumtype} is not the reply key's`);
  if (!replyKey.verifyChecksum(KEY_USAGES.AS_REQ_CHECKSUM, asReq, checksum)) {
    throw broken('our request was changed on its way');
  }
  return true;
}

/** Whether the KDC tells in the encrypted part that it knows FAST (RFC 6806 section 11, RFC 6113 section 5.4). */
export function fastAvailable({ flags, encryptedPaData }: EncKdcRepPart): boolean {
  const told = encryptedPaData?.some(({ padataType }) => padataType === PA_DATA_TYPES['PA-FX-FAST']);
  return hasFlag(flags, TICKET_FLAGS.encPaRep) && told === true;
}

function broken(problem: string): ProtocolError {
  return new ProtocolError('ERR_REPLY_ENC_PA_REP', 'AS-REP.encPart.encryptedPaData', problem, RULE);
}

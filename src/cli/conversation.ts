/**
 * What an AS exchange leaves behind beyond its result: the notes that MIT krb5's kinit stores about a login, and the
 * version of the client's key. They are read from the octets of the last request and reply, after all checks passed.
 */
import { utf8 } from '../bytes.js';
import type { Answers } from '../client/drive.js';
import type { Key } from '../crypto/key.js';
import type { ConfigEntry } from '../formats/ccache.js';
import { formatPrincipal, type Principal } from '../formats/principal.js';
import { KEY_USAGES } from '../iana/keyUsages.js';
import { PA_DATA_TYPES } from '../iana/paDataTypes.js';
import { hasFlag, TICKET_FLAGS } from '../messages/flags.js';
import { decode } from '../messages/module.js';
import { decodeEncKdcRepPart, unseal } from '../messages/sealed.js';

/** Records what passes between an exchange and those who answer it. */
export class Conversation implements Answers {
  readonly #answers: Answers;
  #request: Uint8Array | undefined;
  #reply: Uint8Array | undefined;
  #key: Key | undefined;

  constructor(answers: Answers) {
    this.#answers = answers;
  }

  async kdc(question: Parameters<Answers['kdc']>[0]): Promise<Uint8Array> {
    this.#request = question.message;
    this.#reply = await this.#answers.kdc(question);
    return this.#reply;
  }

  async key(question: Parameters<Answers['key']>[0]): Promise<Key> {
    this.#key = await this.#answers.key(question);
    return this.#key;
  }

  /** The last reply. */
  get reply(): Uint8Array | undefined {
    return this.#reply;
  }

  /** Version of the client's key, if the KDC tells. Call it after the exchange has ended well. */
  keyVersion(): number | undefined {
    return this.#reply === undefined ? undefined : decode('AsRep', this.#reply).encPart.kvno;
  }

  /** Notes for the cache about the ticket for `server`. Call it after the exchange has ended well. */
  notes(server: Principal): ConfigEntry[] {
    const note = (key: string, value: string): ConfigEntry => {
      return { key, principal: formatPrincipal(server), value: utf8(value), position: 0 };
    };
    const type = this.#preauthType();
    return [
      ...(this.#fastAvailable() ? [note('fast_avail', 'yes')] : []),
      ...(type === undefined ? [] : [note('pa_type', String(type))]),
    ];
  }

  /** By what the client proved itself. */
  #preauthType(): number | undefined {
    if (this.#request === undefined) return undefined;
    const { padata = [] } = decode('AsReq', this.#request);
    return padata.map(({ padataType }) => padataType).find((type) => !NO_PROOFS.includes(type));
  }

  /** Whether the KDC says, under the client's key, that it knows FAST (RFC 6806 section 11). */
  #fastAvailable(): boolean {
    if (this.#reply === undefined || this.#key === undefined) return false;
    const { encPart } = decode('AsRep', this.#reply);
    if (encPart.etype !== this.#key.etype) return false;
    const { flags, encryptedPaData } = decodeEncKdcRepPart(unseal(encPart, this.#key, KEY_USAGES.AS_REP));
    const fast = encryptedPaData?.some(({ padataType }) => padataType === PA_DATA_TYPES['PA-FX-FAST']);
    return hasFlag(flags, TICKET_FLAGS.encPaRep) && fast === true;
  }
}

/** Padata of an AS-REQ that proves nothing about the client. */
const NO_PROOFS: readonly number[] = [
  PA_DATA_TYPES['PA-FX-COOKIE'],
  PA_DATA_TYPES['PA-REQ-ENC-PA-REP'],
  PA_DATA_TYPES['PA-PAC-REQUEST'],
];

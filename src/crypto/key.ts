/**
 * A key and what can be done with it under the key usages of RFC 4120 section 7.5.1. The keys derived for a usage
 * (RFC 3961 section 5.3, RFC 8009 section 5, RFC 4757 section 5) are kept for the life of the key.
 */
import { equalBytes, wipe } from '../bytes.js';
import { CryptoError } from '../errors.js';
import { encryptionTypeName } from '../iana/encryptionTypes.js';
import { KEY_PURPOSES, type KeyPurpose } from './derive.js';
import type { EncryptionType, MessagePart, SignOnlyOctets } from './encryptionType.js';
import { encryptionType } from './etypes.js';
import type { Primitives } from './primitives.js';

/**
 * A key of one encryption type. Its octets never show in inspect output, JSON or errors.
 * A key of an unsupported type, or of the wrong length, can be held and stored; using it throws.
 */
export class Key {
  /** Number of the encryption type. */
  readonly etype: number;
  readonly #value: Uint8Array;
  readonly #primitives: Primitives | undefined;
  readonly #derived: Map<number, Uint8Array> = new Map();
  #row: EncryptionType | undefined;
  #wiped = false;

  static {
    // What Node.js's inspect shows. A method with a computed name could not be declared under isolatedDeclarations.
    Object.defineProperty(Key.prototype, Symbol.for('nodejs.util.inspect.custom'), {
      value(this: Key): string {
        return `Key { ${encryptionTypeName(this.etype)} }`;
      },
    });
  }

  /**
   * @param value the protocol key's octets; copied, and the caller may wipe its own
   * @param primitives crypto provider; the runtime's default when absent
   */
  constructor(etype: number, value: Uint8Array, primitives?: Primitives) {
    this.etype = etype;
    this.#value = new Uint8Array(value);
    this.#primitives = primitives;
  }

  /** The octets of the protocol key; not a copy, and zeros once wiped. */
  get value(): Uint8Array {
    return this.#value;
  }

  /** Whether `wipe` was called: the key cannot be used any more. */
  get wiped(): boolean {
    return this.#wiped;
  }

  /**
   * Number of the checksum type that belongs to the encryption type.
   * @throws CryptoError ERR_ETYPE_UNSUPPORTED or ERR_KEY_LENGTH
   */
  get checksumType(): number {
    return this.#type().checksumType;
  }

  /**
   * Octets of confounder that `encrypt` takes.
   * @throws CryptoError ERR_ETYPE_UNSUPPORTED or ERR_KEY_LENGTH
   */
  get confounderLength(): number {
    return this.#type().confounderLength;
  }

  /**
   * Encrypts `plaintext`, with its checksum. Of a plaintext in parts some may be only signed: the checksum covers them, but
   * the ciphertext has them not.
   * @param usage key usage number, 0 to 2^32-1
   * @param confounder fresh random octets, `confounderLength` of them
   * @throws CryptoError ERR_ETYPE_UNSUPPORTED or ERR_KEY_LENGTH
   */
  encrypt(usage: number, plaintext: Uint8Array | readonly MessagePart[], confounder: Uint8Array): Uint8Array {
    const row = this.#type();
    const encryptionKey = this.#derive(usage, 'encryption');
    return row.encrypt(encryptionKey, this.#derive(usage, 'integrity'), plaintext, confounder);
  }

  /**
   * The plaintext of `ciphertext`, once its checksum has been verified.
   * @param signOnly octets that the checksum covers besides, and where they stand in the message
   * @throws CryptoError ERR_INTEGRITY for anything not sealed with this key and usage, one message for all causes;
   * ERR_ETYPE_UNSUPPORTED or ERR_KEY_LENGTH
   */
  decrypt(usage: number, ciphertext: Uint8Array, signOnly?: readonly SignOnlyOctets[]): Uint8Array {
    const row = this.#type();
    const encryptionKey = this.#derive(usage, 'encryption');
    return row.decrypt(encryptionKey, this.#derive(usage, 'integrity'), ciphertext, signOnly);
  }

  /**
   * The checksum of `data` (octets, or several pieces in order), of the checksum type that belongs to the encryption type.
   * @throws CryptoError ERR_ETYPE_UNSUPPORTED or ERR_KEY_LENGTH
   */
  checksum(usage: number, data: Uint8Array | readonly Uint8Array[]): Uint8Array {
    const pieces = data instanceof Uint8Array ? [data] : data;
    return this.#type().checksum(this.#derive(usage, 'checksum'), pieces, usage);
  }

  /**
   * Whether `mac` is the checksum of `data`; the time taken does not depend on where they differ.
   * @throws CryptoError ERR_ETYPE_UNSUPPORTED or ERR_KEY_LENGTH
   */
  verifyChecksum(usage: number, data: Uint8Array | readonly Uint8Array[], mac: Uint8Array): boolean {
    return equalBytes(this.checksum(usage, data), mac);
  }

  /**
   * The pseudo-random function of RFC 3961 section 3: 16 octets for the types of RFC 3962, 32 and 48 for those of
   * RFC 8009, 20 for RC4 (of MIT krb5; RFC 4757 has none).
   * @throws CryptoError ERR_ETYPE_UNSUPPORTED or ERR_KEY_LENGTH
   */
  prf(octets: Uint8Array): Uint8Array {
    return this.#type().prf(this.#value, octets);
  }

  /** Whether `other` has the same type and octets; the time taken depends on types and lengths only. */
  equals(other: Key): boolean {
    return this.etype === other.etype && equalBytes(this.#value, other.#value);
  }

  /** Overwrites the key and all keys derived from it. The key cannot be used afterwards. */
  wipe(): void {
    wipe(this.#value);
    for (const derived of this.#derived.values()) wipe(derived);
    this.#derived.clear();
    this.#wiped = true;
  }

  /** The name of the type only. */
  toJSON(): { etype: string } {
    return { etype: encryptionTypeName(this.etype) };
  }

  #type(): EncryptionType {
    if (this.#wiped) throw new TypeError('the key has been wiped');
    this.#row ??= this.#checkedType();
    return this.#row;
  }

  #checkedType(): EncryptionType {
    const row = encryptionType(this.etype, this.#primitives);
    if (this.#value.length !== row.keyLength) {
      throw new CryptoError(
        'ERR_KEY_LENGTH',
        `a key of type ${row.name} has ${row.keyLength} octets; this one has ${this.#value.length}`,
      );
    }
    return row;
  }

  #derive(usage: number, purpose: KeyPurpose): Uint8Array {
    const index = usage * 256 + KEY_PURPOSES[purpose];
    let derived = this.#derived.get(index);
    if (derived === undefined) {
      if (!Number.isInteger(usage) || usage < 0 || usage > 0xffffffff) {
        throw new RangeError(`usage must be an integer from 0 to 2^32-1, not ${usage}`);
      }
      derived = this.#type().derive(this.#value, usage, purpose);
      this.#derived.set(index, derived);
    }
    return derived;
  }
}

/** The client's long-term key as the AS exchange uses it. */
import type { Key } from '../crypto/key.js';
import type { KeyInfo } from './keyInfo.js';

/** A key together with how the KDC named it. */
export interface LongTermKey {
  readonly info: KeyInfo;
  readonly key: Key;
}

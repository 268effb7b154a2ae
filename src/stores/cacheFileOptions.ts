/** How a cache in a file may be used. Apart from ccacheFile.ts, so that users' compilers need no types of Node.js. */
import type { Principal } from '../formats/principal.js';

/** Which files are accepted as caches. */
export interface CacheFileOptions {
  /** Follow a symbolic link at the path; refused unless set. */
  readonly allowLink?: boolean | undefined;
  /** Accept a file of another user, or as root one that is not root's; refused unless set. */
  readonly allowOtherOwner?: boolean | undefined;
}

/** How to store a ticket. */
export interface StoreOptions extends CacheFileOptions {
  /** Whose cache it must be; unless given, anybody's will do. */
  readonly owner?: Principal | undefined;
}

/** Keys of a keytab in a file, which is read again when it has changed: keys are rotated while programs run. */
import { stat } from 'node:fs/promises';
import type { KeytabEntry } from '../formats/keytab.js';
import { type Principal, samePrincipal } from '../formats/principal.js';
import { readKeytabFile } from '../stores/fileKeytab.js';
import { type KeySource, keytabKeySource } from './keySource.js';

/** What a keytab file held at one moment. */
export interface KeytabState {
  readonly path: string;
  readonly entries: readonly KeytabEntry[];
  /** Tells whether the file is still the same. */
  readonly stamp: string;
}

/**
 * Reads the keytab in the file `path`.
 * @throws CredentialError ERR_KEYTAB_MISSING; FormatError ERR_KEYTAB_FORMAT
 */
export async function openKeytab(path: string): Promise<KeytabState> {
  // Taken before reading: a change in between is seen next time.
  const stamp = await stampOf(path);
  return { path, stamp, entries: await readKeytabFile(path) };
}

/** Keys of `principal` from the file, as it is whenever `reload` is called. A file that cannot be read leaves them. */
export function keytabFileKeySource(first: KeytabState, principal: Principal): KeySource {
  // Former keys stay until the end, for a login that has begun may be using them.
  const sources = [keytabKeySource(first.entries, principal)];
  let known = first;
  let disposed = false;
  const current = (): KeySource => sources.at(-1) as KeySource;
  return {
    etypes: (offered) => current().etypes(offered),
    key: (question) => current().key(question),
    async reload() {
      const next = await changed(known, principal);
      if (next === undefined) return false;
      const source = keytabKeySource(next.entries, principal);
      const isNew = !disposed && keysText(next, principal) !== keysText(known, principal);
      known = { ...known, stamp: next.stamp };
      if (!isNew) {
        source.dispose();
        return false;
      }
      known = next;
      sources.push(source);
      return true;
    },
    dispose: () => {
      disposed = true;
      for (const source of sources) source.dispose();
    },
  };
}

/** The file's new state, if it has changed and has keys of the principal. */
async function changed({ path, stamp }: KeytabState, principal: Principal): Promise<KeytabState | undefined> {
  if ((await stampOf(path)) === stamp) return undefined;
  const next = await openKeytab(path).catch(() => undefined);
  return next?.entries.some((entry) => samePrincipal(entry.principal, principal)) ? next : undefined;
}

async function stampOf(path: string): Promise<string> {
  const status = await stat(path, { bigint: true }).catch(() => undefined);
  return status === undefined ? '' : [status.dev, status.ino, status.size, status.mtimeNs].join(' ');
}

/** Which keys of the principal the keytab has; the timestamps of their entries do not matter. */
function keysText({ entries }: KeytabState, principal: Principal): string {
  return entries
    .filter((entry) => samePrincipal(entry.principal, principal))
    .map(({ kvno, key }) => `${kvno} ${key.etype} ${key.value.join()}`)
    .toSorted()
    .join('\n');
}

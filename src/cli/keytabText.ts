/** A keytab as klist -k shows it: MIT krb5's layout. Keys are never shown. */
import { keytabPath } from '../formats/ccacheName.js';
import type { KeytabEntry } from '../formats/keytab.js';
import { formatPrincipal } from '../formats/principal.js';
import { encryptionTypeName } from '../iana/encryptionTypes.js';
import { readKeytabFile } from '../stores/fileKeytab.js';
import { etypeText, formatTime, isoTime, TIME_WIDTH } from './credentialText.js';
import { during } from './failure.js';
import { type Io, printable, writeJson, writeLine } from './io.js';
import type { Arguments } from './options.js';

/** The path of the keytab `name`. */
export function resolveKeytab(name: string): Promise<string> {
  return during({ activity: `while resolving keytab ${printable(name)}` }, () => keytabPath(name));
}

/** Writes what the keytab `given` holds, with -e its encryption types, with -t its times. */
export async function writeKeytab(given: string, args: Arguments, io: Io): Promise<void> {
  const path = await resolveKeytab(given);
  const entries = await during({ activity: 'while starting keytab scan' }, () => readKeytabFile(path));
  const name = `${/^WRFILE:/i.test(given) ? 'WRFILE' : 'FILE'}:${path}`;
  if (args.has('json')) writeJson(io.stdout, { keytab: name, entries: entries.map(entryJson) });
  else for (const line of keytabLines(name, entries, args)) writeLine(io.stdout, line);
  for (const { key } of entries) key.wipe();
}

function keytabLines(name: string, entries: readonly KeytabEntry[], args: Arguments): string[] {
  const times = args.has('t');
  const rows = entries.map(({ kvno, timestamp, principal, key }) => {
    const time = times ? `${formatTime(timestamp)} ` : '';
    const etype = args.has('e') ? ` (${etypeText(key.etype)}) ` : '';
    return `${String(kvno).padStart(4)} ${time}${printable(formatPrincipal(principal))}${etype}`;
  });
  return [
    `Keytab name: ${printable(name)}`,
    `KVNO ${times ? 'Timestamp'.padEnd(TIME_WIDTH + 1) : ''}Principal`,
    `---- ${times ? `${'-'.repeat(TIME_WIDTH)} ` : ''}${'-'.repeat(times ? 73 - TIME_WIDTH : 74)}`,
    ...rows,
  ];
}

/** The entry for programs. */
export function entryJson({ kvno, timestamp, principal, key }: KeytabEntry): unknown {
  return {
    kvno,
    principal: formatPrincipal(principal),
    timestamp: isoTime(timestamp),
    keyType: encryptionTypeName(key.etype),
  };
}

/**
 * Changes of a keytab file that leave its other entries as they are, octet by octet and in their place. A new entry goes
 * into the first hole that is large enough, otherwise to the end; a removed one becomes a hole of zeros. MIT krb5 does
 * the same in place. A file of version 0x0501 is written anew in version 0x0502.
 */
import { concat, equalBytes } from '../bytes.js';
import {
  type DecodeKeytabOptions,
  encodeKeytab,
  encodeKeytabEntry,
  type KeytabEntry,
  type KeytabRecord,
  readKeytabRecords,
} from './keytab.js';
import { OctetWriter } from './octetWriter.js';
import { samePrincipal } from './principal.js';

/** A record to be written: an entry's octets, zeros behind them up to the size of the hole it went into; or a hole. */
interface Slot {
  readonly length: number;
  /** Undefined for a hole. */
  readonly octets: Uint8Array | undefined;
}

/**
 * The keytab `octets` with `entries` added. They are added even when there are equal ones; `isSameKey` tells.
 * @throws FormatError ERR_KEYTAB_FORMAT when `octets` are no keytab or an entry does not fit into the format
 */
export function addKeytabEntries(
  octets: Uint8Array,
  entries: readonly KeytabEntry[],
  options: DecodeKeytabOptions = {},
): Uint8Array {
  const slots = readSlots(octets, options);
  for (const entry of entries) {
    const record = encodeKeytabEntry(entry);
    const free = slots.findIndex((slot) => slot.octets === undefined && slot.length >= record.length);
    if (free < 0) slots.push({ length: record.length, octets: record });
    else slots[free] = { length: slots[free]!.length, octets: record };
  }
  return writeSlots(slots);
}

/**
 * The keytab `octets` without the entries that `isWanted` says no to.
 * @throws FormatError ERR_KEYTAB_FORMAT
 */
export function filterKeytabEntries(
  octets: Uint8Array,
  isWanted: (entry: KeytabEntry) => boolean,
  options: DecodeKeytabOptions = {},
): Uint8Array {
  return writeSlots(readSlots(octets, options, isWanted));
}

function readSlots(
  octets: Uint8Array,
  options: DecodeKeytabOptions,
  isWanted: (entry: KeytabEntry) => boolean = () => true,
): Slot[] {
  const { version, records } = readKeytabRecords(octets, options);
  return records.map((record) => {
    const { entry, length } = record;
    if (entry === undefined || !isWanted(entry)) return { length, octets: undefined };
    const kept = recordOctets(octets, record, version);
    return { length: kept.length, octets: kept };
  });
}

function recordOctets(
  octets: Uint8Array,
  { entry, offset, length }: KeytabRecord,
  version: number,
): Uint8Array {
  return version === 1 && entry !== undefined
    ? encodeKeytabEntry(entry)
    : octets.slice(offset, offset + length);
}

/** Holes of no octets, which would end the file, are left out. */
function writeSlots(slots: readonly Slot[]): Uint8Array {
  const writer = new OctetWriter();
  writer.uint16(0x0502);
  for (const { length, octets } of slots) {
    if (length === 0) continue;
    writer.uint32(octets === undefined ? -length >>> 0 : length);
    const record = octets ?? new Uint8Array();
    writer.octets(concat(record, new Uint8Array(length - record.length)));
    record.fill(0);
  }
  return writer.finish();
}

/** Whether two entries are the same key of the same version of the same principal, whenever they were written. */
export function isSameKey(a: KeytabEntry, b: KeytabEntry): boolean {
  return (
    a.kvno === b.kvno &&
    a.key.etype === b.key.etype &&
    samePrincipal(a.principal, b.principal) &&
    equalBytes(a.key.value, b.key.value)
  );
}

/** The octets of a keytab without entries. */
export function emptyKeytab(): Uint8Array {
  return encodeKeytab([]);
}

/** Tickets as klist shows them: MIT krb5's letters, names and layout in the C locale. */
import { isIPv4 } from 'node:net';
import type { Credential, CredentialAddress } from '../formats/credential.js';
import { formatPrincipal, type Principal, samePrincipal } from '../formats/principal.js';
import { ADDRESS_TYPES } from '../iana/addressTypes.js';
import { encryptionTypeName } from '../iana/encryptionTypes.js';
import { hasFlag, TICKET_FLAGS } from '../messages/flags.js';
import { decode } from '../messages/module.js';
import type { Ticket } from '../messages/ticket.js';
import { printable } from './io.js';

/** Characters of `formatTime`. */
export const TIME_WIDTH = 17;

/** `MM/DD/YY hh:mm:ss` in the local time zone. @param seconds since 1970 */
export function formatTime(seconds: number): string {
  const time = new Date(seconds * 1000);
  const two = (number: number): string => String(number % 100).padStart(2, '0');
  const date = [time.getMonth() + 1, time.getDate(), time.getFullYear()].map(two).join('/');
  return `${date} ${[time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(':')}`;
}

/** ISO 8601 in UTC; null for 0, which stands for absent. */
export function isoTime(seconds: number): string | null {
  return seconds === 0 ? null : new Date(seconds * 1000).toISOString().replace('.000Z', 'Z');
}

/** Letters in MIT's order. */
const FLAG_LETTERS: readonly (readonly [keyof typeof TICKET_FLAGS, string])[] = [
  ['forwardable', 'F'],
  ['forwarded', 'f'],
  ['proxiable', 'P'],
  ['proxy', 'p'],
  ['mayPostdate', 'D'],
  ['postdated', 'd'],
  ['invalid', 'i'],
  ['renewable', 'R'],
  ['initial', 'I'],
  ['hwAuthent', 'H'],
  ['preAuthent', 'A'],
  ['transitedPolicyChecked', 'T'],
  ['okAsDelegate', 'O'],
  ['anonymous', 'a'],
];

function flagLetters(flags: number): string {
  return FLAG_LETTERS.map(([name, letter]) => (hasFlag(flags, TICKET_FLAGS[name]) ? letter : '')).join('');
}

/** Single DES, triple DES and RC4. */
const OUTDATED: ReadonlySet<number> = new Set([1, 2, 3, 16, 23, 24]);

/** Name with MIT's remark about types that are broken. */
export function etypeText(etype: number): string {
  return `${OUTDATED.has(etype) ? 'DEPRECATED:' : ''}${encryptionTypeName(etype)}`;
}

/** The ticket's outside, or undefined when it is none. */
export function outerTicket({ ticket }: Credential): Ticket | undefined {
  try {
    return decode('Ticket', ticket);
  } catch {
    return undefined;
  }
}

/** What to show besides times and names. */
export interface TicketColumns {
  readonly flags: boolean;
  readonly etypes: boolean;
  readonly addresses: boolean;
  readonly authData: boolean;
}

/** The lines of one ticket. */
export function ticketLines(credential: Credential, defaultClient: Principal, show: TicketColumns): string[] {
  const { client, startTime, authTime, endTime, renewTill, flags } = credential;
  const name = printable(formatPrincipal(credential.server));
  const first: string[] = [];
  if (!samePrincipal(client, defaultClient)) first.push(`for client ${printable(formatPrincipal(client))}`);
  if (renewTill !== 0) first.push(`renew until ${formatTime(renewTill)}`);
  const letters = show.flags ? flagLetters(flags) : '';
  if (letters !== '') first.push(`Flags: ${letters}`);
  const weight = first.length + (renewTill === 0 ? 0 : 1);
  const more = [
    ...(show.etypes ? [etypesText(credential)] : []),
    ...(show.authData ? [`AD types: ${credential.authData.map(({ adType }) => adType).join(', ')}`] : []),
  ];
  const rows = weight > 2 ? [first, more] : [[...first, ...more]];
  return [
    `${formatTime(startTime || authTime)}  ${formatTime(endTime)}  ${name}`,
    ...rows.filter((row) => row.length > 0).map((row) => `\t${row.join(', ')}`),
    ...(show.addresses ? [`\tAddresses: ${addressesText(credential.addresses)}`] : []),
    ...ticketServerLines(credential),
  ];
}

/** The name on the ticket itself, where it is another one. */
function ticketServerLines(credential: Credential): string[] {
  const ticket = outerTicket(credential);
  if (ticket === undefined) return [];
  const { nameType, nameString: components } = ticket.sname;
  const server = { nameType, components, realm: ticket.realm };
  if (samePrincipal(server, credential.server)) return [];
  return [`\tTicket server: ${printable(formatPrincipal(server))}`];
}

function etypesText(credential: Credential): string {
  const ticket = outerTicket(credential);
  const ticketEtype = ticket === undefined ? 'unknown' : etypeText(ticket.encPart.etype);
  return `Etype (skey, tkt): ${etypeText(credential.sessionKey.etype)}, ${ticketEtype} `;
}

function addressesText(addresses: readonly CredentialAddress[]): string {
  return addresses.length === 0 ? '(none)' : addresses.map(addressText).join(', ');
}

function addressText({ addrType, address }: CredentialAddress): string {
  const dotted = address.join('.');
  if (addrType === ADDRESS_TYPES.IPv4 && isIPv4(dotted)) return dotted;
  if (addrType === ADDRESS_TYPES.IPv6 && address.length === 16) return ipv6Text(address);
  return `unknown addrtype ${addrType}`;
}

function ipv6Text(address: Uint8Array): string {
  const view = new DataView(address.buffer, address.byteOffset, address.length);
  const groups = Array.from({ length: 8 }, (_, i) => view.getUint16(2 * i).toString(16));
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}

/** The ticket for programs. Names of encryption types are IANA's. */
export function ticketJson(credential: Credential): Readonly<Record<string, unknown>> {
  const ticket = outerTicket(credential);
  return {
    client: formatPrincipal(credential.client),
    server: formatPrincipal(credential.server),
    authTime: isoTime(credential.authTime),
    startTime: isoTime(credential.startTime || credential.authTime),
    endTime: isoTime(credential.endTime),
    renewTill: isoTime(credential.renewTill),
    flags: Object.entries(TICKET_FLAGS)
      .filter(([, flag]) => hasFlag(credential.flags, flag))
      .map(([name]) => name),
    flagLetters: flagLetters(credential.flags),
    sessionKeyType: encryptionTypeName(credential.sessionKey.etype),
    ticketKeyType: ticket === undefined ? null : encryptionTypeName(ticket.encPart.etype),
    kvno: ticket?.encPart.kvno ?? null,
    addresses: credential.addresses.map(addressText),
  };
}

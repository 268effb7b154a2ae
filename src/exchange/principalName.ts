/** Principal <-> PrincipalName and Realm on the wire (RFC 4120 section 5.2.2). */
import { concat, utf8 } from '../bytes.js';
import type { Principal } from '../formats/principal.js';
import type { PrincipalName } from '../messages/basic.js';

/** The name without its realm. */
export function principalName(principal: Principal): PrincipalName {
  return { nameType: principal.nameType, nameString: principal.components };
}

/** Name and realm together. */
export function principalOf(name: PrincipalName, realm: string): Principal {
  return { nameType: name.nameType, components: name.nameString, realm };
}

/** Whether the names are equal; the type does not count (RFC 4120 section 6.2). */
export function sameName(a: PrincipalName, b: PrincipalName): boolean {
  return (
    a.nameString.length === b.nameString.length && a.nameString.every((part, i) => part === b.nameString[i])
  );
}

/** Salt of a principal that has no salt of its own: realm and components without separators (RFC 4120 section 4). */
export function defaultSalt(principal: Principal): Uint8Array {
  return concat(utf8(principal.realm), ...principal.components.map(utf8));
}

/** For messages: `alice@EXAMPLE.TEST`, without escapes. */
export function nameText(name: PrincipalName, realm: string): string {
  return `${name.nameString.join('/')}@${realm}`;
}

/**
 * Principal names and their text form `component/component@REALM` with the escapes of MIT krb5's krb5_parse_name
 * (RFC 4120 section 6; RFC 1964 section 2.1.1 for the escapes). Components on the wire are never escaped.
 */
import { FormatError } from '../errors.js';
import { NAME_TYPES } from '../iana/nameTypes.js';

/** Name of a user or service in a realm. */
export interface Principal {
  /** Name type (iana/nameTypes.ts). Never significant for equality (RFC 4120 section 6.2). */
  readonly nameType: number;
  readonly components: readonly string[];
  readonly realm: string;
}

/** How to read the text of a principal name. */
export interface ParsePrincipalOptions {
  /** Realm of a name without `@REALM`. */
  readonly defaultRealm?: string | undefined;
  /** Name type of the result; otherwise it follows from the name (krbtgt/REALM is NT-SRV-INST). */
  readonly nameType?: number | undefined;
  /** Read an enterprise name (RFC 6806 section 5): one component, in which `/` and the first `@` are data. */
  readonly enterprise?: boolean | undefined;
}

/**
 * The principal that `text` names. `\n \t \b \0 \\ \/ \@` are escapes; any other escaped character stands for itself.
 * `a/` has two components, `a@` has the empty realm.
 * @throws FormatError ERR_PRINCIPAL_NAME: no realm known, empty text, `/` or a second `@` after the realm's `@`,
 *   a backslash at the end
 */
export function parsePrincipal(text: string, options: ParsePrincipalOptions = {}): Principal {
  if (text === '') throw nameError(text, 'is empty; write name@REALM');
  const { components, realm } = splitName(text, options.enterprise === true);
  const knownRealm = realm ?? options.defaultRealm;
  if (knownRealm === undefined) {
    throw nameError(text, 'has no realm; add @REALM or set default_realm in [libdefaults] of krb5.conf');
  }
  const inferred = options.enterprise === true ? NAME_TYPES['NT-ENTERPRISE'] : inferredNameType(components);
  return { nameType: options.nameType ?? inferred, components, realm: knownRealm };
}

/** Components and realm of a text; the realm is undefined when no unescaped `@` introduces one. */
function splitName(text: string, enterprise: boolean): { components: string[]; realm: string | undefined } {
  const parts: string[] = [];
  let part = '';
  let atSignsAsData = enterprise ? 1 : 0;
  let inRealm = false;
  for (let i = 0; i < text.length; i++) {
    const character = text[i]!;
    if (character === '\\') {
      part += unescaped(text, ++i);
    } else if (character === '@' && atSignsAsData === 0) {
      if (inRealm) throw nameError(text, 'has a second @; write \\@ for an @ that is part of the name');
      parts.push(part);
      part = '';
      inRealm = true;
    } else if (character === '/' && !enterprise) {
      if (inRealm) throw nameError(text, 'has a / in the realm; write \\/ if it belongs there');
      parts.push(part);
      part = '';
    } else {
      if (character === '@') atSignsAsData--;
      part += character;
    }
  }
  return inRealm ? { components: parts, realm: part } : { components: [...parts, part], realm: undefined };
}

function unescaped(text: string, index: number): string {
  const character = text[index];
  if (character === undefined) throw nameError(text, 'ends in a backslash; write \\\\ for a backslash');
  return UNESCAPED[character] ?? character;
}

const UNESCAPED: Readonly<Record<string, string | undefined>> = { n: '\n', t: '\t', b: '\b', 0: '\0' };

function inferredNameType(components: readonly string[]): number {
  if (components.length === 2 && components[0] === 'krbtgt') return NAME_TYPES['NT-SRV-INST'];
  if (components.length >= 2 && components[0] === 'WELLKNOWN') return NAME_TYPES['NT-WELLKNOWN'];
  return NAME_TYPES['NT-PRINCIPAL'];
}

function nameError(text: string, problem: string): FormatError {
  const shown = text.length > 256 ? `${text.slice(0, 256)}...` : text;
  return new FormatError('principal name', `${JSON.stringify(shown)} ${problem}`);
}

/**
 * Text of `principal`, escaped so that parsePrincipal gives the same components and realm again.
 * With `omitRealm`, without `@REALM`.
 */
export function formatPrincipal(principal: Principal, options: { omitRealm?: boolean } = {}): string {
  const name = principal.components.map(escaped).join('/');
  return options.omitRealm === true ? name : `${name}@${escaped(principal.realm)}`;
}

function escaped(part: string): string {
  return part.replace(TO_ESCAPE, (character) => ESCAPED[character] ?? `\\${character}`);
}

const TO_ESCAPE = /[\\/@\n\t\b\0]/g;
const ESCAPED: Readonly<Record<string, string | undefined>> = {
  '\n': '\\n',
  '\t': '\\t',
  '\b': '\\b',
  '\0': '\\0',
};

/** Whether both name the same principal: realm and components; the name type is a hint only (RFC 4120 section 6.2). */
export function samePrincipal(a: Principal, b: Principal): boolean {
  return (
    a.realm === b.realm &&
    a.components.length === b.components.length &&
    a.components.every((component, i) => component === b.components[i])
  );
}

/**
 * Name of the ticket-granting service for `tgsRealm` as known in `realm` (RFC 4120 section 7.3): for another realm, the
 * principal of a cross-realm ticket.
 */
export function krbtgtPrincipal(realm: string, tgsRealm: string = realm): Principal {
  return { nameType: NAME_TYPES['NT-SRV-INST'], components: ['krbtgt', tgsRealm], realm };
}

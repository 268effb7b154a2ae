/**
 * Which of several caches to use for a service (MIT krb5's krb5_cc_select): by `.k5identity`, else by the service's
 * realm, else by its host name.
 */
import { NAME_TYPES } from '../iana/nameTypes.js';
import { type Principal, parsePrincipal, samePrincipal } from './principal.js';

/** One line of `.k5identity`: a client and what a service must be like. */
export interface IdentityRule {
  readonly principal: Principal;
  /** `realm`, `service` and `host`, with patterns; any other makes the rule never apply, as in MIT krb5. */
  readonly constraints: readonly { readonly name: string; readonly pattern: string }[];
}

/** A cache to choose from. */
export interface SelectableCache {
  readonly principal: Principal;
}

/** What was chosen, and why. */
export interface CacheSelection<Cache> {
  /** Undefined when `.k5identity` names a client that has no cache. */
  readonly cache: Cache | undefined;
  readonly principal: Principal;
  readonly reason: 'k5identity' | 'realm' | 'hostname';
}

/**
 * The rules of the text of a `.k5identity`. Lines that are empty, begin with `#` or are no rule are left out, as in MIT
 * krb5.
 */
export function parseK5identity(text: string, defaultRealm?: string): IdentityRule[] {
  const rules: IdentityRule[] = [];
  for (const line of text.split('\n')) {
    const [name, ...fields] = line.split(/[ \t\r]+/).filter((word) => word !== '');
    if (name === undefined || name.startsWith('#')) continue;
    const principal = parsed(name, defaultRealm);
    if (principal === undefined || fields.some((field) => !field.includes('='))) continue;
    rules.push({ principal, constraints: fields.map(constraint) });
  }
  return rules;
}

function parsed(name: string, defaultRealm: string | undefined): Principal | undefined {
  try {
    return parsePrincipal(name, { defaultRealm });
  } catch {
    return undefined;
  }
}

function constraint(field: string): { name: string; pattern: string } {
  const at = field.indexOf('=');
  return { name: field.slice(0, at), pattern: field.slice(at + 1) };
}

/**
 * The cache of the collection (its caches in order, the primary one first) to use for `server`, or undefined when
 * nothing speaks for one: then it is the primary one's turn.
 */
export function selectCache<Cache extends SelectableCache>(
  caches: readonly Cache[],
  server: Principal,
  rules: readonly IdentityRule[] = [],
): CacheSelection<Cache> | undefined {
  const rule = rules.find(({ constraints }) => constraints.every((one) => applies(one, server)));
  if (rule !== undefined) {
    const cache = caches.find(({ principal }) => samePrincipal(principal, rule.principal));
    return { cache, principal: rule.principal, reason: 'k5identity' };
  }
  const byRealm = server.realm === '' ? undefined : caches.find((c) => c.principal.realm === server.realm);
  if (byRealm !== undefined) return { cache: byRealm, principal: byRealm.principal, reason: 'realm' };
  const byHost = longestRealmOfHost(caches, server);
  return byHost && { cache: byHost, principal: byHost.principal, reason: 'hostname' };
}

function applies({ name, pattern }: IdentityRule['constraints'][number], server: Principal): boolean {
  if (name === 'realm') return matchesGlob(pattern, server.realm);
  if (!isHostBased(server)) return false;
  if (name === 'service') return matchesGlob(pattern, server.components[0]!);
  return name === 'host' && matchesGlob(pattern, server.components[1]!.toLowerCase());
}

function isHostBased({ nameType, components }: Principal): boolean {
  return nameType === NAME_TYPES['NT-SRV-HST'] && components.length >= 2;
}

/** The cache whose realm is the longest end of the host name in capitals. */
function longestRealmOfHost<Cache extends SelectableCache>(
  caches: readonly Cache[],
  server: Principal,
): Cache | undefined {
  if (!isHostBased(server)) return undefined;
  const labels = server.components[1]!.toUpperCase().split('.');
  for (let from = 0; from < labels.length; from++) {
    const domain = labels.slice(from).join('.');
    const cache = caches.find(({ principal }) => principal.realm === domain);
    if (cache !== undefined) return cache;
  }
  return undefined;
}

/**
 * Whether `text` matches a pattern of fnmatch(3): `*`, `?`, `[a-z]`, `[!a-z]`, and a backslash before a character that
 * stands for itself. The time is bounded by the product of the lengths.
 */
export function matchesGlob(pattern: string, text: string): boolean {
  const tokens = globTokens(pattern);
  let states = new Set([0]);
  for (const character of [...text, undefined]) {
    for (const state of states) if (tokens[state]?.star) states.add(state + 1);
    if (character === undefined) break;
    const next = new Set<number>();
    for (const state of states) {
      const token = tokens[state];
      if (token?.star) next.add(state);
      else if (token?.accepts(character)) next.add(state + 1);
    }
    states = next;
  }
  return states.has(tokens.length);
}

interface GlobToken {
  readonly star: boolean;
  accepts(character: string): boolean;
}

function globTokens(pattern: string): GlobToken[] {
  const characters = [...pattern];
  const tokens: GlobToken[] = [];
  for (let i = 0; i < characters.length; i++) {
    const character = characters[i]!;
    const close = character === '[' ? characters.indexOf(']', setStart(characters, i) + 1) : -1;
    if (character === '*') tokens.push({ star: true, accepts: () => true });
    else if (character === '?') tokens.push({ star: false, accepts: () => true });
    else if (close > 0) {
      tokens.push(setToken(characters.slice(i + 1, close)));
      i = close;
    } else tokens.push(literal(character === '\\' ? (characters[++i] ?? '\\') : character));
  }
  return tokens;
}

function literal(character: string): GlobToken {
  return { star: false, accepts: (other) => other === character };
}

/** Where the members of a set start; a bracket right there is one of them. */
function setStart(characters: readonly string[], open: number): number {
  return characters[open + 1] === '!' || characters[open + 1] === '^' ? open + 2 : open + 1;
}

function setToken(members: readonly string[]): GlobToken {
  const negated = members[0] === '!' || members[0] === '^';
  const list = negated ? members.slice(1) : members;
  return { star: false, accepts: (character) => inSet(list, character) !== negated };
}

function inSet(list: readonly string[], character: string): boolean {
  for (let i = 0; i < list.length; i++) {
    const isRange = list[i + 1] === '-' && i + 2 < list.length;
    const last = isRange ? list[i + 2]! : list[i]!;
    if (list[i]! <= character && character <= last) return true;
    if (isRange) i += 2;
  }
  return false;
}

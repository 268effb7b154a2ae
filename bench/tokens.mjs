/**
 * Tokens from a cached ticket, mutual authentication: `Client.securityContext` and its first step, and the same with the
 * verification of the acceptor's reply. The clock stands still, so that one reply answers every token; subkeys, sequence
 * numbers and confounders are fresh each time.
 */
import { Client } from '../dist/client/client.js';
import { parseConfig } from '../dist/client/identities.js';
import { Key } from '../dist/crypto/key.js';
import { PROVIDERS } from './crypto.mjs';

const ETYPES = [18, 17, 20, 19];
const SERVICE = 'HTTP@www.example.test';
/** While the tickets of ScriptedAcceptor are valid. */
const NOW_MS = Date.UTC(2026, 0, 2);
const CONFIG = parseConfig('[libdefaults]\n default_realm = EXAMPLE.TEST\n dns_lookup_kdc = false\n');
/** As acceptors of MIT krb5 answer: accept-completed, the mechanism, its token. */
const KRB5_OID = '1.2.840.113554.1.2.2';

/** Rows of the suite. */
export async function tokensBench({ time }, peers) {
  const rows = [];
  for (const etype of ETYPES) {
    for (const [provider, primitives] of Object.entries(PROVIDERS)) {
      for (const mechanism of ['krb5', 'spnego']) {
        const bench = await conversation(peers, etype, primitives, mechanism);
        const base = { suite: 'tokens', etype, provider, bytes: bench.bytes };
        rows.push({ ...base, name: `${mechanism} token`, ...(await time(bench.initial)) });
        rows.push({ ...base, name: `${mechanism} token and reply`, ...(await time(bench.mutual)) });
      }
    }
  }
  return rows;
}

async function conversation({ ScriptedAcceptor, negTokenResp }, etype, primitives, mechanism) {
  const acceptor = new ScriptedAcceptor({ etype });
  const client = clientWith(acceptor, primitives);
  const options = { mechanism };
  const first = (await client.securityContext(SERVICE, options)).step().token;
  if (mechanism === 'krb5') acceptor.acceptToken(first);
  else acceptor.acceptNegTokenInit(first);
  const responseToken = acceptor.apRepToken();
  const reply =
    mechanism === 'krb5'
      ? responseToken
      : negTokenResp({ negState: 0, supportedMech: KRB5_OID, responseToken });
  const mutual = async () => {
    const context = await client.securityContext(SERVICE, options);
    context.step();
    context.step(reply);
    return context;
  };
  if (!(await mutual()).mutuallyAuthenticated) throw new Error('the context is not established');
  return {
    bytes: first.length,
    initial: async () => (await client.securityContext(SERVICE, options)).step(),
    mutual,
  };
}

function clientWith({ credential, sessionKey }, primitives) {
  const ticket = { ...credential, sessionKey: new Key(sessionKey.etype, sessionKey.value, primitives) };
  return new Client({
    principal: credential.client,
    config: CONFIG,
    credentials: [ticket],
    connection: () => Promise.reject(new Error('a cached ticket needs no KDC')),
    environment: { nowMs: () => NOW_MS, randomBytes: (count) => primitives.randomBytes(count) },
  });
}

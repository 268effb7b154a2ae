/** Which certificate a token is bound to (RFC 5929 section 4), by the policy of the caller. */
import { certificateOf, certificateOn, type KnownCertificate, learnCertificate } from './certificates.js';
import { noChannelBinding } from './errors.js';
import type { Settings, Target } from './settings.js';

type Policy = Pick<Settings, 'channelBindings' | 'trace'>;

/**
 * The certificate to bind the next token to; undefined where there is no TLS, no known certificate or no binding for it.
 * @param connection the one that the token goes to, where it is known already: there may be two certificates to one name
 * @throws TransportError ERR_HTTP_CHANNEL_BINDING where one is required
 */
export async function tokenBinding(
  target: Target,
  policy: Policy,
  signal: AbortSignal | undefined,
  connection: object | undefined,
): Promise<KnownCertificate | undefined> {
  const { channelBindings } = policy;
  if (!target.secure || channelBindings === 'off') return undefined;
  const shown = connection && certificateOn(connection);
  if (channelBindings === 'required' && (shown ?? certificateOf(target)) === undefined)
    await learn(target, policy, signal);
  const known = shown ?? certificateOf(target);
  if (known?.bindings !== undefined) return known;
  const why =
    known === undefined ? 'its certificate is not known yet' : 'RFC 5929 defines none for its certificate';
  if (channelBindings === 'required') throw noChannelBinding(target.origin, why);
  report(target, policy, `no channel bindings, ${why}`);
  return undefined;
}

async function learn(target: Target, policy: Policy, signal: AbortSignal | undefined): Promise<void> {
  report(target, policy, `a TLS handshake with ${target.host}:${target.port} to learn the certificate`);
  try {
    await learnCertificate(target, signal);
  } catch (cause) {
    throw noChannelBinding(target.origin, 'its certificate could not be learnt', cause);
  }
}

function report({ origin }: Target, { trace }: Policy, text: string): void {
  trace({ event: 'http.bindings', text: `${origin}: ${text}`, data: { origin } });
}

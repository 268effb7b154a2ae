/** A client of tickets that are at hand, such as an initiator delegated to an acceptor. */
import { CredentialError } from '../errors.js';
import type { Credential } from '../formats/credential.js';
import { configOfRealm } from '../formats/krb5Config.js';
import { samePrincipal } from '../formats/principal.js';
import { checkOptions } from './arguments.js';
import { Client } from './client.js';
import type { ClientOptions } from './identities.js';
import { networkConnection } from './kdcConnection.js';
import { systemConfig, systemEnvironment } from './system.js';

/**
 * A client that acts by `credentials`, all of one principal. It renews a ticket-granting ticket among them where the KDC
 * allows it, and cannot log in. Its `dispose()` wipes their session keys. Whose credentials they are is what the initiator
 * says until a KDC has taken them: compare `principal` with the client that the acceptor authenticated.
 * @throws CredentialError ERR_NO_TICKET when there are none: the initiator delegated nothing
 * @throws RangeError when they are of several principals
 */
export function fromCredentials(credentials: readonly Credential[], options: ClientOptions = {}): Client {
  if (!Array.isArray(credentials)) throw new TypeError('credentials must be an array');
  checkOptions(options, '{ config }');
  const [first] = credentials;
  if (first === undefined) {
    throw new CredentialError(
      'ERR_NO_TICKET',
      'there are no credentials; the initiator has to delegate some',
    );
  }
  if (!credentials.every(({ client }) => samePrincipal(client, first.client))) {
    throw new RangeError('credentials must all be of one principal');
  }
  const config = options.config ?? systemConfig();
  const { trace, timeoutMs, signal } = options;
  return new Client({
    principal: first.client,
    config: configOfRealm(config, first.client.realm),
    trace,
    environment: options.environment ?? systemEnvironment(),
    connection: options.connection ?? networkConnection({ config, trace, timeoutMs, signal }),
    credentials,
  });
}

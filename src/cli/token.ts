/** `krb5 token`: prints the first token for a service, for `Authorization: Negotiate` and its like. */
import { toBase64 } from '../bytes.js';
import { fromCcache } from '../client/identities.js';
import { parseServiceName } from '../client/serviceName.js';
import { cacheAccess, openCollection } from './caches.js';
import { startSession } from './command.js';
import { ticketJson } from './credentialText.js';
import { during } from './failure.js';
import { type Io, writeJson, writeLine } from './io.js';
import type { Arguments, CommandSpec } from './options.js';

export const spec: CommandSpec = {
  name: 'token',
  summary: 'print the initial token for a service',
  operands: 'service',
  operandCount: { least: 1, most: 1 },
  options: [
    { word: 'spnego', text: 'a SPNEGO token (RFC 4178), as HTTP Negotiate wants it; the default' },
    { word: 'krb5', text: 'a bare Kerberos token (RFC 4121)' },
    { letter: 'c', value: 'cache', text: 'credential cache with the ticket-granting ticket' },
  ],
  caches: true,
  exclusive: [['spnego', 'krb5']],
  unsupported: '',
  usageStatus: 2,
  exitStatuses: [
    [0, 'the token is on standard output, base64 in one line'],
    [1, 'no token'],
    [2, 'wrong usage'],
  ],
  environment: ['KRB5CCNAME', 'KRB5_CONFIG', 'KRB5_TRACE'],
  examples: [
    'curl -H "Authorization: Negotiate $(krb5 token HTTP@www.example.test)" http://www.example.test/',
  ],
};

export async function run(args: Arguments, io: Io): Promise<number> {
  const { config, trace } = await startSession(io);
  const [service = ''] = args.operands;
  const server = await during({ activity: 'while parsing service name' }, () =>
    parseServiceName(service, config),
  );
  const { name: ccache } = await openCollection(args, config, io, args.value('c'));
  const client = await during({ activity: 'while getting client principal name' }, () =>
    fromCcache({ config, ccache, service, trace, ...cacheAccess(args) }),
  );
  const mechanism = args.has('krb5') ? 'krb5' : 'spnego';
  const situation = { activity: 'while getting the token', client: client.principal, server };
  await during(situation, async () => {
    const context = await client.securityContext(server, { mechanism });
    const token = toBase64(context.step().token ?? new Uint8Array());
    if (!args.has('json')) writeLine(io.stdout, token);
    else writeJson(io.stdout, { mechanism, token, ticket: ticketJson(await client.serviceTicket(server)) });
  });
  return 0;
}

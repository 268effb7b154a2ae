/** `krb5 kdestroy`: overwrites and removes a credential cache (MIT krb5, kdestroy(1)). */
import { CredentialError } from '../errors.js';
import { removeCcacheFile } from '../stores/fileCcache.js';
import { locateCache, startSession } from './command.js';
import { during } from './failure.js';
import { type Io, writeJson, writeLine } from './io.js';
import type { Arguments, CommandSpec } from './options.js';

export const spec: CommandSpec = {
  name: 'kdestroy',
  summary: 'destroy a credential cache',
  operands: '',
  operandCount: { least: 0, most: 0 },
  options: [
    { letter: 'q', text: 'say nothing when there is no cache' },
    { letter: 'c', value: 'cache', text: 'credential cache to destroy' },
  ],
  exclusive: [],
  unsupported: 'Ap',
  usageStatus: 2,
  exitStatuses: [
    [0, 'there is no such cache (any more)'],
    [1, 'the cache could not be destroyed'],
    [2, 'wrong usage'],
  ],
  environment: ['KRB5CCNAME', 'KRB5_CONFIG'],
  examples: ['krb5 kdestroy -c FILE:/run/app/krb5cc'],
};

export async function run(args: Arguments, io: Io): Promise<number> {
  const { config } = await startSession(io);
  const { path } = await locateCache(config, io, args.value('c'));
  const destroyed = await during({ activity: 'while destroying cache' }, () => destroy(path));
  if (args.has('json')) writeJson(io.stdout, { cache: `FILE:${path}`, destroyed });
  else if (!destroyed && !args.has('q')) {
    writeLine(io.stderr, 'kdestroy: No credentials cache found while destroying cache');
  }
  return 0;
}

/** Whether there was a cache. */
async function destroy(path: string): Promise<boolean> {
  try {
    await removeCcacheFile(path);
    return true;
  } catch (error) {
    if (error instanceof CredentialError && error.code === 'ERR_CCACHE_MISSING') return false;
    throw error;
  }
}

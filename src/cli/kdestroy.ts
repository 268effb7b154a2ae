/** `krb5 kdestroy`: overwrites and removes credential caches (MIT krb5, kdestroy(1)). */
import { CredentialError } from '../errors.js';
import type { CacheCollection, CredentialCacheStore } from '../stores/cacheStore.js';
import { cacheOfPrincipal, openCollection } from './caches.js';
import { startSession } from './command.js';
import { during, writeFailure } from './failure.js';
import { RESOLVING } from './fileSentences.js';
import { type Io, printable, writeJson, writeLine } from './io.js';
import type { Arguments, CommandSpec } from './options.js';

export const spec: CommandSpec = {
  name: 'kdestroy',
  summary: 'destroy a credential cache',
  operands: '',
  operandCount: { least: 0, most: 0 },
  options: [
    { letter: 'A', text: 'destroy all caches of the collection' },
    { letter: 'q', text: 'say nothing when there is no cache, or when there are others' },
    { letter: 'c', value: 'cache', text: 'credential cache to destroy' },
    { letter: 'p', value: 'principal', text: "destroy this principal's cache of the collection" },
  ],
  caches: true,
  exclusive: [['A', 'p']],
  unsupported: '',
  ignored: '5',
  usageStatus: 2,
  exitStatuses: [
    [0, 'there is no such cache (any more)'],
    [1, 'the cache could not be destroyed; with -p: there is none'],
    [2, 'wrong usage'],
  ],
  environment: ['KRB5CCNAME', 'KRB5_CONFIG'],
  examples: ['krb5 kdestroy -c FILE:/run/app/krb5cc'],
};

/** What became of one cache. */
interface Outcome {
  readonly cache: string;
  readonly destroyed: boolean;
}

export async function run(args: Arguments, io: Io): Promise<number> {
  const { config } = await startSession(io, 'krb5');
  const collection = await openCollection(args, config, io, args.value('c'), { terse: true });
  if (args.has('A')) return destroyAll(collection, args, io);
  const name = args.value('p');
  const store = await (name === undefined
    ? during({ activity: RESOLVING, opening: true, terse: true }, () => collection.primary())
    : cacheOfPrincipal(collection, name, config, `while finding cache for ${printable(name)}`));
  const outcome = await destroy(store, 'while destroying cache');
  if (args.has('json')) writeJson(io.stdout, outcome);
  else if (!outcome.destroyed && !args.has('q')) {
    writeLine(io.stderr, 'kdestroy: No credentials cache found while destroying cache');
  }
  if (name === undefined && !args.has('q') && !args.has('json')) await tellOfOthers(collection, io);
  return 0;
}

async function destroyAll(collection: CacheCollection, args: Arguments, io: Io): Promise<number> {
  const situation = { activity: 'while listing credential caches', opening: true };
  const stores = await during(situation, () => collection.list());
  const outcomes: Outcome[] = [];
  let status = 0;
  for (const store of stores) {
    try {
      outcomes.push(await destroy(store, `while destroying cache ${store.name}`));
    } catch (error) {
      status = 1;
      writeFailure(error, spec.name, args.has('json'), io);
    }
  }
  if (args.has('json')) writeJson(io.stdout, outcomes);
  return status;
}

async function tellOfOthers(collection: CacheCollection, io: Io): Promise<void> {
  const others = await collection.list().catch(() => []);
  if (others.length > 0) writeLine(io.stderr, 'Other credential caches present, use -A to destroy all');
}

function destroy(store: CredentialCacheStore, activity: string): Promise<Outcome> {
  return during({ activity, terse: true }, async () => {
    try {
      await store.destroy();
      return { cache: store.name, destroyed: true };
    } catch (error) {
      if (error instanceof CredentialError && error.code === 'ERR_CCACHE_MISSING') {
        return { cache: store.name, destroyed: false };
      }
      throw error;
    }
  });
}

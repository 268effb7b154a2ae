/** `krb5 kswitch`: makes a cache the primary one of its collection (MIT krb5, kswitch(1)). */
import { parseCcacheName } from '../formats/ccacheName.js';
import { cacheJson, cacheOfPrincipal, openCache, openCollection } from './caches.js';
import { startSession } from './command.js';
import { during } from './failure.js';
import { type Io, printable, writeJson } from './io.js';
import { type Arguments, type CommandSpec, UsageError } from './options.js';

export const spec: CommandSpec = {
  name: 'kswitch',
  summary: 'make a cache the primary one of its collection',
  operands: '',
  operandCount: { least: 0, most: 0 },
  options: [
    { letter: 'c', value: 'cache', text: 'cache to switch to' },
    { letter: 'p', value: 'principal', text: "switch to this principal's cache" },
  ],
  caches: true,
  exclusive: [['c', 'p']],
  unsupported: '',
  usageStatus: 2,
  exitStatuses: [
    [0, 'it is the primary cache now, or its type has none (FILE)'],
    [1, 'there is no such cache'],
    [2, 'wrong usage'],
  ],
  environment: ['KRB5CCNAME', 'KRB5_CONFIG'],
  examples: ['krb5 kswitch -p alice@EXAMPLE.TEST'],
};

export async function run(args: Arguments, io: Io): Promise<number> {
  const [cache, name] = [args.value('c'), args.value('p')];
  if (cache === undefined && name === undefined) throw new UsageError('One of -c or -p must be specified');
  const { config } = await startSession(io, 'krb5');
  const opening = { activity: `while resolving ${printable(cache ?? '')}`, terse: true };
  const collection = await openCollection(
    args,
    config,
    io,
    collectionName(cache),
    name === undefined ? opening : {},
  );
  const store =
    name === undefined
      ? await openCache(args, config, io, cache, opening)
      : await cacheOfPrincipal(collection, name, config, `while searching for ccache for ${printable(name)}`);
  // As in MIT krb5, it is no error when there is nothing to switch.
  if (collection.switchable) {
    await during({ activity: 'while switching to credential cache' }, () => collection.switchTo(store));
  }
  if (args.has('json')) writeJson(io.stdout, await cacheJson(store));
  return 0;
}

/** The collection that a single cache belongs to. */
function collectionName(cache: string | undefined): string | undefined {
  if (cache === undefined) return undefined;
  const { type, residual } = parseCcacheName(cache);
  if (type === 'DIR' && residual.startsWith(':')) return `DIR:${residual.slice(1).replace(/\/[^/]*$/, '')}`;
  return type === 'KCM' || type === 'MEMORY' ? `${type}:` : cache;
}

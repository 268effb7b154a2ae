/** `krb5 keytab list|add|merge|remove`: what MIT krb5's ktutil does, one command line each. */
import { stat } from 'node:fs/promises';
import { systemKeytabName } from '../client/system.js';
import { CredentialError } from '../errors.js';
import { parseEtypeList } from '../formats/etypeList.js';
import type { KeytabEntry } from '../formats/keytab.js';
import type { Krb5Config } from '../formats/krb5Config.js';
import { formatPrincipal, type Principal, samePrincipal } from '../formats/principal.js';
import {
  addToKeytabFile,
  readKeytabFile,
  removeFromKeytabFile,
  writeKeytabFile,
} from '../stores/fileKeytab.js';
import { parseName, type Session, startSession } from './command.js';
import { during } from './failure.js';
import { type Io, printable, writeJson } from './io.js';
import { passwordKeys, typedKey } from './keytabKeys.js';
import { entryJson, resolveKeytab, writeKeytab } from './keytabText.js';
import { type Arguments, type CommandSpec, dashed, UsageError } from './options.js';

export const spec: CommandSpec = {
  name: 'keytab',
  summary: 'list, add to, merge or remove from keytabs',
  operands: 'list|add|merge|remove [keytab ...]',
  operandCount: { least: 1, most: Number.POSITIVE_INFINITY },
  options: [
    { letter: 't', value: 'keytab', text: 'keytab to list or change; the default keytab unless given' },
    { letter: 'p', value: 'principal', text: 'add, remove: whose keys' },
    {
      letter: 'k',
      value: 'kvno',
      text: 'add: version of the keys, unless the KDC tells; remove: N, old or all',
    },
    { letter: 'e', value: 'enctypes', text: 'add, remove: encryption types, such as aes256-cts,aes128-cts' },
    { letter: 's', value: 'salt', text: 'add: salt of the password, in place of that of the KDC' },
    { word: 'key', text: 'add: asks for a key in hexadecimal digits, in place of a password' },
  ],
  exclusive: [],
  unsupported: '',
  usageStatus: 2,
  exitStatuses: [
    [0, 'done'],
    [1, 'not done; the keytab is as it was'],
    [2, 'wrong usage'],
    [130, 'Ctrl-C at the password prompt'],
  ],
  environment: ['KRB5_CONFIG', 'KRB5_KTNAME', 'KRB5_TRACE'],
  examples: [
    'krb5 keytab list -t /etc/app.keytab',
    'krb5 keytab add -t /etc/app.keytab -p app/host.example.test',
    'krb5 keytab merge -t /etc/krb5.keytab /etc/app.keytab',
    'krb5 keytab remove -t /etc/app.keytab -p app/host.example.test -k old',
  ],
};

/** What all actions need. */
interface Task extends Session {
  readonly args: Arguments;
  readonly io: Io;
  /** As given or configured. */
  readonly keytab: string;
  /** Operands behind the action. */
  readonly others: readonly string[];
}

/** The actions, with the options that have a meaning for them. */
const ACTIONS: Readonly<
  Record<string, { options: readonly string[]; others: boolean; run: (task: Task) => Promise<number> }>
> = {
  list: { options: ['t'], others: false, run: list },
  add: { options: ['t', 'p', 'k', 'e', 's', 'key'], others: false, run: add },
  merge: { options: ['t'], others: true, run: merge },
  remove: { options: ['t', 'p', 'k', 'e'], others: false, run: remove },
};

export async function run(args: Arguments, io: Io): Promise<number> {
  const [name = '', ...others] = args.operands;
  const action = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined;
  if (action === undefined)
    throw new UsageError(`${JSON.stringify(name)} is none of list, add, merge, remove`);
  for (const { letter, word = '' } of spec.options) {
    const option = letter ?? word;
    if (args.has(option) && !action.options.includes(option)) {
      throw new UsageError(`${name} has no option ${dashed(option)}`);
    }
  }
  if (action.others !== others.length > 0) {
    throw new UsageError(action.others ? 'name the keytabs to merge from' : `${name} takes no operands`);
  }
  const session = await startSession(io);
  const keytab = args.value('t') ?? systemKeytabName(session.config, io.env);
  return action.run({ ...session, args, io, keytab, others });
}

async function list({ keytab, args, io }: Task): Promise<number> {
  await writeKeytab(keytab, args.with('e', 't'), io);
  return 0;
}

async function add(task: Task): Promise<number> {
  const { args, config, keytab } = task;
  const principal = await principalOption(task);
  const wishes = { ...task, principal, kvno: kvnoOption(args), etypes: etypesOption(args, config) };
  const path = await resolveKeytab(keytab);
  // What is wrong with the keytab is told before a person types a password.
  await during({ activity: `while reading keytab ${printable(keytab)}` }, () => addToKeytabFile(path, []));
  const { kvno, keys } = await (args.has('key') ? typedKey(wishes) : passwordKeys(wishes));
  const timestamp = Math.floor(Date.now() / 1000);
  return store(
    task,
    path,
    keys.map((key) => ({ principal, timestamp, kvno, key })),
  );
}

async function merge(task: Task): Promise<number> {
  const { keytab, others } = task;
  const path = await resolveKeytab(keytab);
  const entries: KeytabEntry[] = [];
  for (const other of others) {
    const from = await resolveKeytab(other);
    entries.push(
      ...(await during({ activity: `while reading keytab ${printable(other)}` }, () => readKeytabFile(from))),
    );
  }
  return store(task, path, entries);
}

async function store(task: Task, path: string, entries: readonly KeytabEntry[]): Promise<number> {
  const { io, args, keytab } = task;
  const activity = `while writing keytab ${printable(keytab)}`;
  const added = await during({ activity }, async () => {
    const count = await addToKeytabFile(path, entries);
    if (entries.length === 0) await makeKeytab(path);
    return count;
  });
  if (args.has('json')) {
    writeJson(io.stdout, { keytab: `FILE:${path}`, added, entries: entries.map(entryJson) });
  }
  for (const { key } of entries) key.wipe();
  return 0;
}

/** What is done with status 0 is there: of keytabs without keys, one without keys. */
async function makeKeytab(path: string): Promise<void> {
  const size = await stat(path).then(
    (status) => status.size,
    () => 0,
  );
  if (size === 0) await writeKeytabFile(path, []);
}

async function remove(task: Task): Promise<number> {
  const { args, io, config, keytab } = task;
  const principal = await principalOption(task);
  const version = args.value('k') ?? 'all';
  if (!/^(all|old|\d+)$/.test(version)) throw new UsageError('-k takes a number, old or all');
  const etypes = etypesOption(args, config);
  const path = await resolveKeytab(keytab);
  const activity = `while changing keytab ${printable(keytab)}`;
  const removed = await during({ activity }, async () => {
    const own = ({ principal: owner }: KeytabEntry): boolean => samePrincipal(owner, principal);
    const entries = (await readKeytabFile(path)).filter(own);
    const newest = Math.max(...entries.map(({ kvno }) => kvno));
    const fits = ({ kvno }: KeytabEntry): boolean =>
      version === 'all' || (version === 'old' ? kvno < newest : kvno === Number(version));
    return removeFromKeytabFile(path, (entry) => {
      return own(entry) && fits(entry) && (etypes === undefined || etypes.includes(entry.key.etype));
    });
  });
  if (removed === 0) {
    const problem = `${keytab} has no such keys of ${formatPrincipal(principal)}`;
    throw new CredentialError('ERR_KEYTAB_NO_KEY', problem);
  }
  if (args.has('json')) writeJson(io.stdout, { keytab: `FILE:${path}`, removed });
  return 0;
}

function principalOption({ args, config }: Task): Promise<Principal> {
  const name = args.value('p');
  if (name === undefined) throw new UsageError('say whose keys with -p');
  return during({ activity: `when parsing name ${printable(name)}` }, () => parseName(name, config));
}

function kvnoOption(args: Arguments): number | undefined {
  const text = args.value('k');
  if (text === undefined) return undefined;
  const kvno = /^\d{1,10}$/.test(text) ? Number(text) : -1;
  if (kvno >= 0 && kvno <= 0xffffffff) return kvno;
  throw new UsageError('-k takes a number');
}

function etypesOption(args: Arguments, config: Krb5Config): readonly number[] | undefined {
  const text = args.value('e');
  if (text === undefined) return undefined;
  const { etypes, unknown } = parseEtypeList(text.replace(/:[a-z0-9]+/gi, ''), config);
  if (unknown.length === 0 && etypes.length > 0) return etypes;
  throw new UsageError(
    `-e ${printable(text)}: ${unknown.join(', ') || 'nothing'} is no usable encryption type`,
  );
}

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { COMMANDS, findCommand } from '../../src/cli/commands.js';
import { formatHelp, formatUsage } from '../../src/cli/help.js';
import { type Arguments, type CommandSpec, parseArguments, UsageError } from '../../src/cli/options.js';
import { fuzzRuns } from '../support/fuzz.js';

const spec: CommandSpec = {
  name: 'try',
  summary: 'try options',
  operands: '[name]',
  operandCount: { least: 0, most: 1 },
  options: [
    { letter: 'a', text: 'a switch' },
    { letter: 'b', text: 'another' },
    { letter: 'c', value: 'cache', text: 'with a value' },
    { word: 'long', value: 'text', text: 'a word with a value' },
  ],
  exclusive: [['a', 'b']],
  unsupported: 'X',
  usageStatus: 2,
  exitStatuses: [[0, 'done']],
  environment: ['KRB5CCNAME'],
  examples: ['krb5 try'],
};

function parse(...argv: string[]): Arguments {
  return parseArguments(spec, argv);
}

describe('parseArguments', () => {
  it.each([[['-c', 'x']], [['-cx']], [['-ac', 'x']], [['-acx']], [['-c', 'y', '-cx']]])(
    'takes the value of %j',
    (argv) => {
      expect(parse(...argv).value('c')).toBe('x');
    },
  );

  it('takes the beginning of a word for it, unless there are several', () => {
    for (const word of ['--l', '--lo', '--long']) expect(parse(word, 'x').value('long')).toBe('x');
    expect(parse('--j').has('json')).toBe(true);
    const two = { ...spec, options: [...spec.options, { word: 'longer', text: 'another word' }] };
    expect(parseArguments(two, ['--long', 'x']).has('longer')).toBe(false);
    expect(parseArguments(two, ['--longe']).has('longer')).toBe(true);
    expect(() => parseArguments(two, ['--lon'])).toThrow(
      /^option '--lon' is ambiguous; possibilities: '--long' '--longer'$/,
    );
    expect(() => parse('--lone')).toThrow(UsageError);
  });

  it('takes options behind operands, and operands behind --', () => {
    expect(parse('name', '-a').has('a')).toBe(true);
    expect(parse('--', '-a').operands).toEqual(['-a']);
    expect(parse('-').operands).toEqual(['-']);
  });

  it('takes values that begin with a hyphen or are empty', () => {
    expect(parse('-c', '-a').value('c')).toBe('-a');
    expect(parse('-c', '').value('c')).toBe('');
    expect(parse('--long=').value('long')).toBe('');
    expect(parse('--long', '--json').value('long')).toBe('--json');
  });

  it.each([
    [['-z'], "invalid option -- 'z'"],
    [['-X'], "option -X of MIT's try is not supported"],
    [['-c'], "option requires an argument -- 'c'"],
    [['--long'], "option '--long' requires an argument"],
    [['--json=1'], "option '--json' doesn't allow an argument"],
    [['--nosuch'], "unrecognized option '--nosuch'"],
    [['-ab'], 'Only one of -a and -b allowed'],
    [['one', 'two'], 'Extra arguments (starting with "two").'],
  ])('refuses %j', (argv, message) => {
    expect(() => parse(...argv)).toThrow(new UsageError(message));
  });

  it('gives help whatever else is wrong with the combination', () => {
    expect(parse('--help', '-ab', 'one', 'two').has('help')).toBe(true);
  });

  it('takes or refuses anything', () => {
    const words = fc.array(
      fc.oneof(fc.string(), fc.constantFrom('-a', '-c', '--long', '--', '-abc', '--json')),
    );
    fc.assert(
      fc.property(words, (argv) => {
        try {
          expect(parse(...argv).operands.length).toBeLessThanOrEqual(argv.length);
        } catch (error) {
          expect(error).toBeInstanceOf(UsageError);
        }
      }),
      { numRuns: fuzzRuns },
    );
  });
});

describe('help', () => {
  it('shows every option once in the usage', () => {
    expect(formatUsage(spec)).toBe(
      'Usage: krb5 try [-a | -b] [-c cache] [--long text] [--json] [--help] [name]',
    );
    expect(formatUsage({ ...spec, exclusive: [['b', 'a']] })).toBe(formatUsage(spec));
  });

  it.each(Object.keys(COMMANDS))('of %s has options, statuses, variables and an example', async (name) => {
    const command = await findCommand(name)?.load();
    expect(command?.spec.name).toBe(name);
    const help = formatHelp(command?.spec ?? spec);
    for (const part of ['Usage: krb5 ', 'Options:', 'Exit status:', 'Environment:', 'Example', '--json']) {
      expect(help).toContain(part);
    }
    for (const option of command?.spec.options ?? []) expect(help).toContain(option.text);
    for (const line of formatUsage(command?.spec ?? spec).split('\n'))
      expect(line.length).toBeLessThanOrEqual(80);
    expect(help).not.toContain('undefined');
  });

  it('knows no commands by names of object members', () => {
    for (const name of ['constructor', '__proto__', 'toString']) expect(findCommand(name)).toBeUndefined();
  });
});

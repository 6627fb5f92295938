/** What may follow the words of a command line, from the tree of commands. */
import type { Command, Option } from 'commander';

export interface Suggestion {
  readonly value: string;
  readonly description: string;
}

/** The names of a kind, such as `lifecycle`; none for a kind without names. */
export type NamesOf = (kind: string) => Promise<readonly Suggestion[]>;

/** The shell completes paths by itself. */
export type Completion = 'files' | readonly Suggestion[];

/** Arguments and options whose values are paths. */
const paths: readonly string[] = ['file', 'folder', 'path', 'cases'];

/**
 * Completes the last of `words`, which begin after the name of the program. It may be empty or the
 * beginning of a word.
 */
export async function complete(
  program: Command,
  words: readonly string[],
  namesOf: NamesOf,
): Promise<Completion> {
  const typed = wholeWords(words);
  const current = typed.at(-1) ?? '';
  const { command, positionals, expecting } = walk(program, typed.slice(0, -1));
  const [, name, begun = ''] = /^(--[\w-]+)=(.*)$/.exec(current) ?? [];
  const assigned = command.options.find(({ long }) => long === name);
  if (name !== undefined && assigned) {
    const values = await completeValue(assigned, namesOf);
    return values === 'files'
      ? values
      : matching(values, begun).map((each) => ({ ...each, value: `${name}=${each.value}` }));
  }
  if (expecting) return matchingOrFiles(await completeValue(expecting, namesOf), current);
  if (current.startsWith('-')) return matching(suggestOptions(command), current);
  if (command.commands.length > 0) return matching(suggestSubcommands(command), current);
  const { registeredArguments } = command;
  const last = registeredArguments.at(-1);
  const argument = registeredArguments[positionals] ?? (last?.variadic ? last : undefined);
  if (argument === undefined) return [];
  const values = argument.argChoices?.map(withoutDescription);
  return matchingOrFiles(values ?? (await namesOrFiles(argument.name(), namesOf)), current);
}

/**
 * bash passes `--lifecycle=churn` as three words, `--lifecycle=` as two, and `--param a=b` as four.
 * It replaces only the text after `=`.
 */
function wholeWords(words: readonly string[]): readonly string[] {
  const whole: string[] = [];
  let isAssigned = false;
  for (const [at, word] of words.entries()) {
    const isLast = at === words.length - 1;
    const before = whole.at(-1) ?? '';
    if (isAssigned) whole.push(`${whole.pop() ?? ''}=${word}`);
    else if (word !== '=') whole.push(word);
    else if (before.startsWith('--') && isLast) whole.push('');
    else if (isLast) whole.push(`${whole.pop() ?? ''}=`);
    isAssigned = word === '=' && !before.startsWith('--');
  }
  return whole;
}

interface Walked {
  readonly command: Command;
  /** How many positional arguments of the command are given. */
  readonly positionals: number;
  /** The option whose value comes next. */
  readonly expecting: Option | undefined;
}

function walk(program: Command, words: readonly string[]): Walked {
  let command = program;
  let positionals = 0;
  let expecting: Option | undefined;
  for (const word of words) {
    const option = word.startsWith('-') ? findOption(command, word) : undefined;
    if (word.startsWith('-')) expecting = option && takesValue(option) ? option : undefined;
    else if (expecting) expecting = expecting.variadic ? expecting : undefined;
    else {
      const child = command.commands.find((each) =>
        [each.name(), ...each.aliases()].includes(word),
      );
      if (child) [command, positionals] = [child, 0];
      else positionals += 1;
    }
  }
  return { command, positionals, expecting };
}

function findOption(command: Command, word: string): Option | undefined {
  return command.options.find(({ long, short }) => word === long || word === short);
}

function takesValue({ required, optional }: Option): boolean {
  return required || optional;
}

async function completeValue(option: Option, namesOf: NamesOf): Promise<Completion> {
  if (option.argChoices) return option.argChoices.map(withoutDescription);
  const [, placeholder = ''] = /[<[]([\w-]+)/.exec(option.flags) ?? [];
  if (paths.includes(placeholder)) return 'files';
  return namesOf(option.attributeName());
}

async function namesOrFiles(kind: string, namesOf: NamesOf): Promise<Completion> {
  return paths.includes(kind) ? 'files' : namesOf(kind);
}

function suggestOptions(command: Command): readonly Suggestion[] {
  return command
    .createHelp()
    .visibleOptions(command)
    .flatMap(({ long, short, description }) =>
      // `--wait, --follow` has two long forms.
      [short, long]
        .filter((form) => form?.startsWith('--') === true)
        .map((form) => ({ value: form ?? '', description })),
    );
}

function suggestSubcommands(command: Command): readonly Suggestion[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .map((each) => ({ value: each.name(), description: each.description() }));
}

function matchingOrFiles(completion: Completion, begun: string): Completion {
  return completion === 'files' ? completion : matching(completion, begun);
}

function matching(candidates: readonly Suggestion[], begun: string): readonly Suggestion[] {
  return candidates.filter(({ value }) => value.startsWith(begun));
}

function withoutDescription(value: string): Suggestion {
  return { value, description: '' };
}

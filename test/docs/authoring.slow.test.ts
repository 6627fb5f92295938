import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { scaffoldFiles } from '../../apps/project/scaffold';
import { listTypeErrors } from './type-errors';

const root = resolve(__dirname, '..', '..');
const page = readFileSync(join(root, 'docs', 'authoring.md'), 'utf8');
const blocks = [...page.matchAll(/^```(\w+)\n([^]*?)^```$/gm)].map(
  ([, language = '', text = '']) => ({ language, text }),
);
const examples = blocks.filter(({ language }) => language === 'ts').map(({ text }) => text);
const scaffold = Object.values(scaffoldFiles({ name: 'churn', perennial: '^0.1.0' }));
const isOfScaffold = (text: string) => scaffold.some((file) => file.includes(text));

// The tests of the package run the scaffold.
test('most examples are parts of the scaffold', () => {
  expect(examples.filter(isOfScaffold)).toHaveLength(4);
});

test('the other examples compile, and one with an unknown function does not', () => {
  const others = examples.filter((text) => !isOfScaffold(text));
  expect(others).toHaveLength(2);
  const wrong = others.at(1)?.replace('run.random()', 'run.chance()') ?? '';
  expect(wrong).toContain('run.chance()');
  expect(listTypeErrors([...others, wrong])).toEqual([
    [],
    [],
    [expect.stringContaining("'chance' does not exist")],
  ]);
});

test('every command of a block is one of the CLI, npm or the shell', () => {
  const commands = blocks
    .filter(({ language }) => language === 'sh')
    .flatMap(({ text }) => text.trim().split('\n'));
  for (const command of commands)
    expect(command).toMatch(/^(cd|npm (install|test)|npx perennial (init|dev|run start|deploy)\b)/);
});

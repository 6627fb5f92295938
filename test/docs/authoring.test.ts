import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import ts from 'typescript';
import { scaffoldFiles } from '../../apps/project/scaffold';

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
  expect(errorsOf([...others, wrong])).toEqual([
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

/** The type errors of each text as a module of this repository. */
function errorsOf(texts: readonly string[]): readonly (readonly string[])[] {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), (path) =>
    ts.sys.readFile(path),
  ) as { readonly config: unknown };
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const files = new Map(
    texts.map((text, at) => [join(root, 'test', 'docs', `example-${at}.ts`), text]),
  );
  const disk = ts.createCompilerHost(options);
  const readFile = (path: string): string | undefined => files.get(path) ?? disk.readFile(path);
  const host: ts.CompilerHost = {
    ...disk,
    readFile,
    fileExists: (path) => files.has(path) || disk.fileExists(path),
    getSourceFile: (path, target) => {
      const text = readFile(path);
      return text === undefined ? undefined : ts.createSourceFile(path, text, target);
    },
  };
  const program = ts.createProgram([...files.keys()], { ...options, incremental: false }, host);
  return [...files.keys()].map((path) => {
    const source = program.getSourceFile(path);
    return ts
      .getPreEmitDiagnostics(program, source)
      .filter(({ file }) => file === source)
      .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
  });
}

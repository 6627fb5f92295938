import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import ts from 'typescript';

const root = resolve(__dirname, '..', '..');

/** The code blocks of a page of docs/, by language. */
export function codeBlocks(page: string, language: string): readonly string[] {
  const text = readFileSync(join(root, 'docs', page), 'utf8');
  return [...text.matchAll(/^```(\w+)\n([^]*?)^```$/gm)].flatMap(([, of, code = '']) =>
    of === language ? [code] : [],
  );
}

/**
 * The type errors of each text as a module of this repository. The texts may import
 * `../perennial.config`, which is the text that calls `defineProject`. ES modules are `mts`.
 */
export function listTypeErrors(
  texts: readonly string[],
  extension: 'ts' | 'mts' = 'ts',
): readonly (readonly string[])[] {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), (path) =>
    ts.sys.readFile(path),
  ) as { readonly config: unknown };
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const files = new Map(
    texts.map((text, at) => [
      join(
        root,
        'test',
        ...(text.includes('defineProject(')
          ? ['perennial.config.ts']
          : ['docs', `example-${at}.${extension}`]),
      ),
      text,
    ]),
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

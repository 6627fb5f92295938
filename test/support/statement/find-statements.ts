/**
 * Finds every SQL statement of the registry in the source code. The TypeScript compiler says which
 * tagged templates run on a `Query`, which of their values are fragments, and what their rows hold.
 */
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import ts from 'typescript';
import { openExpansion, findSymbol } from './expand';
import { openRowTypes, type RowField } from './row-types';

export interface RegistryStatement {
  /** `file:line` of the template. */
  readonly place: string;
  /** Each fragment that the statement may contain is in at least one of these texts. */
  readonly texts: readonly string[];
  /** What the code reads from a row, or null when it declares no row type. */
  readonly row: readonly RowField[] | null;
}

/** The types of the tags that run statements, see `db/sql.ts`. */
const queryTypes: ReadonlySet<string> = new Set(['Query', 'Sql', 'Transaction']);

export function findStatements(root: string, folders: RegExp): readonly RegistryStatement[] {
  const program = openProgram(root, folders);
  const checker = program.getTypeChecker();
  const sources = program.getSourceFiles().filter((source) => folders.test(formatPath(source)));
  const templates: ts.TaggedTemplateExpression[] = [];
  const calls = new Map<ts.Symbol, ts.CallExpression[]>();
  for (const source of sources) collect(source);
  const { expandTemplate, consumed } = openExpansion({
    checker,
    calls,
    isQuery,
    findPlace: formatPlace,
  });
  const { findRow } = openRowTypes(checker, sources);
  const expanded = templates.map((template) => ({ template, texts: expandTemplate(template) }));
  return expanded
    .filter(({ template }) => !consumed.has(template))
    .map(({ template, texts }) => ({
      place: formatPlace(template),
      texts,
      row: findRow(template),
    }));

  function collect(node: ts.Node): void {
    if (ts.isTaggedTemplateExpression(node) && isQuery(node.tag)) templates.push(node);
    if (ts.isCallExpression(node) && ts.isIdentifier(node.expression)) {
      const callee = findSymbol(checker, node.expression);
      if (callee !== undefined) calls.set(callee, [...(calls.get(callee) ?? []), node]);
    }
    ts.forEachChild(node, collect);
  }

  function isQuery(tag: ts.Expression): boolean {
    const { symbol } = checker.getTypeAtLocation(tag) as { readonly symbol?: ts.Symbol };
    return symbol !== undefined && queryTypes.has(symbol.name);
  }

  function formatPlace(node: ts.Node): string {
    const source = node.getSourceFile();
    const { line } = source.getLineAndCharacterOfPosition(node.getStart());
    return `${formatPath(source)}:${line + 1}`;
  }

  function formatPath(source: ts.SourceFile): string {
    return relative(root, source.fileName);
  }
}

function openProgram(root: string, folders: RegExp): ts.Program {
  const config = ts.getParsedCommandLineOfConfigFile(`${root}/tsconfig.json`, {}, configHost);
  if (config === undefined) throw new Error(`${root}/tsconfig.json cannot be read`);
  const files = config.fileNames.filter(
    (file) => folders.test(relative(root, file)) && mayQuery(readFileSync(file, 'utf8')),
  );
  return ts.createProgram(files, config.options);
}

/**
 * Imports `db/connection.ts`, `db/sql.ts` or a schema. The compiler would read a thousand files.
 */
function mayQuery(text: string): boolean {
  return /from '[^']*\/(connection|sql)'|\bpgTable\(/.test(text);
}

const configHost: ts.ParseConfigFileHost = {
  ...ts.sys,
  onUnRecoverableConfigFileDiagnostic: ({ messageText }) => {
    throw new Error(ts.flattenDiagnosticMessageText(messageText, '\n'));
  },
};

/**
 * Counts the turns of each loop in the code of lifecycles. Temporal's sandbox ends a loop without an
 * await only after seconds, and Node may then end the whole process.
 */
import ts from 'typescript';
import type { WebpackConfig } from './installed-sources';
import { findPlace } from './source-place';

export interface GuardedProject {
  readonly folder: string;
  /** Folder of generated files. */
  readonly generated: string;
  /** The module that exports `countTurn`. */
  readonly counter: string;
  /** The webpack loader that calls `guard` of its options. */
  readonly loader: string;
}

/** Applies `guardLoops` to the project's own sources in the bundle. */
export function withGuardedLoops(
  config: WebpackConfig,
  { folder, generated, counter, loader }: GuardedProject,
): WebpackConfig {
  const guard = (text: string, path: string): string => guardLoops(text, { folder, path, counter });
  const rule = {
    test: /\.[cm]?ts$/,
    include: folder,
    exclude: [/node_modules/, generated],
    enforce: 'pre' as const,
    use: { loader, options: { guard } },
  };
  return {
    ...config,
    module: { ...config.module, rules: [...(config.module?.rules ?? []), rule] },
  };
}

/** The same code on the same lines, where each turn of a loop calls `countTurn` with its place. */
export function guardLoops(
  text: string,
  {
    folder,
    path,
    counter,
  }: { readonly folder: string; readonly path: string; readonly counter: string },
): string {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true);
  const insertions: { readonly at: number; readonly text: string }[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isIterationStatement(node, false)) {
      const { file, line } = findPlace(folder, source, node);
      const call = `${countName}(${JSON.stringify(`${file}:${line}`)});`;
      const { statement } = node;
      const start = statement.getStart(source);
      if (ts.isBlock(statement)) insertions.push({ at: start + 1, text: call });
      else insertions.push({ at: start, text: `{${call}` }, { at: statement.end, text: '}' });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  if (insertions.length === 0) return text;
  // From the end, so that earlier positions stay valid. Of equal ones, the later is the outer one.
  const guarded = insertions
    .map((insertion, order) => ({ ...insertion, order }))
    .sort((a, b) => b.at - a.at || a.order - b.order)
    .reduce((code, { at, text: more }) => code.slice(0, at) + more + code.slice(at), text);
  return `import { countTurn as ${countName} } from ${JSON.stringify(counter)};${guarded}`;
}

const countName = '__countTurn';

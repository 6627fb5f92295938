/**
 * Refuses code in lifecycles that a replay could execute differently: clocks, random numbers,
 * network, processes, and values of other modules. Temporal's sandbox replaces some of them, but a
 * lifecycle should say what it depends on.
 */
import { existsSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import ts from 'typescript';
import type { Issue } from '../../domain/failure';
import { packageName } from '../../domain/version';
import { configName, type ProjectFolder } from './project-folder';
import { findPlace } from './source-place';

const calls: Readonly<Record<string, string>> = {
  'Date.now': 'use run.now()',
  'Math.random': 'use run.random()',
  'performance.now': 'use run.now()',
  fetch: 'call the service in a stage, and use run.stage(…)',
  setTimeout: 'use run.sleep(…)',
  setInterval: 'use run.sleep(…) in a loop',
  setImmediate: 'remove it',
  'crypto.randomUUID': 'use run.id, or make the value in a stage',
  'crypto.getRandomValues': 'make the value in a stage',
  require: 'use import',
};

const globals: Readonly<Record<string, string>> = {
  process: 'read the environment in a stage, or pass a parameter of the run',
  WeakRef: 'remove it',
  FinalizationRegistry: 'remove it',
};

/**
 * The issues of the given lifecycles and of the files that they import. Issues name files relative
 * to the folder of the project.
 */
export function determinismIssues(
  { folder, stages }: Pick<ProjectFolder, 'folder' | 'stages'>,
  lifecycles: readonly string[],
): readonly Issue[] {
  const issues: Issue[] = [];
  const seen = new Set(lifecycles);
  for (const path of seen) {
    const text = readFileSync(path, 'utf8');
    issues.push(
      ...fileIssues(folder, { path, text }, (specifier) => {
        if (isBuiltin(specifier)) return 'use it in a stage, and call that with run.stage(…)';
        if (notForWorkflows.includes(specifier))
          return `import type, or import from '${packageName}/workflow'`;
        if (!specifier.startsWith('.')) return null;
        const file = findFile(resolve(dirname(path), specifier));
        if (file !== null && isStageFile(stages, file))
          return 'import type, and call the stage with run.stage(…)';
        if (file !== null && basename(file) === configName) return 'import type';
        if (file !== null) seen.add(file);
        return null;
      }),
    );
  }
  return issues;
}

/** Entry points of the package whose code is not deterministic. */
const notForWorkflows: readonly string[] = [
  packageName,
  `${packageName}/testing`,
  `${packageName}/client`,
];

function isStageFile(stages: string | null, file: string): boolean {
  if (stages === null) return false;
  return (
    file === stages || (basename(stages) === 'index.ts' && file.startsWith(`${dirname(stages)}/`))
  );
}

function findFile(path: string): string | null {
  const candidates = [path, `${path}.ts`, join(path, 'index.ts'), path.replace(/\.js$/, '.ts')];
  return candidates.find((each) => each.endsWith('.ts') && existsSync(each)) ?? null;
}

interface WorkflowSource {
  readonly path: string;
  readonly text: string;
}

function fileIssues(
  folder: string,
  { path, text }: WorkflowSource,
  refusedImport: (specifier: string) => string | null,
): readonly Issue[] {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true);
  const issues: Issue[] = [];
  const report = (node: ts.Node, problem: string, alternative: string): void => {
    const detail = `${problem}; ${alternative}`;
    issues.push({ pointer: '', detail, ...findPlace(folder, source, node) });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) {
      const { moduleSpecifier } = node;
      const specifier =
        moduleSpecifier && ts.isStringLiteral(moduleSpecifier) ? moduleSpecifier.text : null;
      const alternative = specifier === null || isTypeOnly(node) ? null : refusedImport(specifier);
      if (alternative !== null)
        report(node, `a lifecycle may not import values of ${specifier ?? ''}`, alternative);
    } else if (ts.isCallExpression(node)) {
      const name = node.expression.getText(source).replaceAll(/\s/g, '');
      const alternative = Object.hasOwn(calls, name) ? calls[name] : undefined;
      if (alternative !== undefined)
        report(node, `${name}() may differ when the run is replayed`, alternative);
      if (node.expression.kind === ts.SyntaxKind.ImportKeyword)
        report(node, 'a lifecycle may not import modules while it runs', 'use import type');
    } else if (ts.isNewExpression(node) && node.expression.getText(source) === 'Date') {
      if ((node.arguments ?? []).length === 0)
        report(node, 'new Date() may differ when the run is replayed', 'use run.now()');
    } else if (ts.isIterationStatement(node, false) && isEndless(node)) {
      report(
        node,
        'this loop never ends and awaits nothing',
        'leave it with break or return, or await a stage or run.sleep(…) in it',
      );
    } else if (ts.isIdentifier(node) && Object.hasOwn(globals, node.text) && isReference(node)) {
      report(node, `a lifecycle may not use ${node.text}`, globals[node.text] ?? '');
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return issues;
}

/** `while (true)`, `for (;;)` and the like, without anything that leaves or suspends the loop. */
function isEndless(loop: ts.IterationStatement): boolean {
  const condition =
    ts.isWhileStatement(loop) || ts.isDoStatement(loop)
      ? loop.expression
      : ts.isForStatement(loop)
        ? (loop.condition ?? 'always')
        : 'ends';
  const isAlways =
    condition === 'always' ||
    (condition !== 'ends' && condition.kind === ts.SyntaxKind.TrueKeyword);
  const leaves = (node: ts.Node): boolean => {
    if (ts.isFunctionLike(node)) return false;
    return isLeaving(node, loop) || ts.forEachChild(node, leaves) === true;
  };
  return isAlways && !leaves(loop);
}

/** Whether a node in the loop ends it, or lets other code run. */
function isLeaving(node: ts.Node, loop: ts.IterationStatement): boolean {
  if (ts.isForOfStatement(node)) return node.awaitModifier !== undefined;
  if (ts.isContinueStatement(node))
    return node.label !== undefined && isOutside(node.label.text, node, loop);
  return leaving.has(node.kind);
}

/** Whether the label is that of a statement around the loop, not of the loop or in it. */
function isOutside(label: string, from: ts.Node, loop: ts.IterationStatement): boolean {
  let node = from;
  for (; node !== loop; node = node.parent)
    if (ts.isLabeledStatement(node) && node.label.text === label) return false;
  for (node = loop.parent; ts.isLabeledStatement(node); node = node.parent)
    if (node.label.text === label) return false;
  return true;
}

const leaving: ReadonlySet<ts.SyntaxKind> = new Set([
  ts.SyntaxKind.AwaitExpression,
  ts.SyntaxKind.BreakStatement,
  ts.SyntaxKind.ReturnStatement,
  ts.SyntaxKind.ThrowStatement,
  ts.SyntaxKind.YieldExpression,
]);

function isTypeOnly(node: ts.ImportDeclaration | ts.ExportDeclaration): boolean {
  if (ts.isExportDeclaration(node)) return node.isTypeOnly || isTypeList(node.exportClause);
  const clause = node.importClause;
  if (!clause) return false;
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  return clause.name === undefined && isTypeList(clause.namedBindings);
}

function isTypeList(list: ts.Node | undefined): boolean {
  return (
    list !== undefined &&
    (ts.isNamedImports(list) || ts.isNamedExports(list)) &&
    list.elements.every(({ isTypeOnly }) => isTypeOnly)
  );
}

/** Not the name of a property, parameter or declaration. */
function isReference(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node;
  return !(
    (ts.isPropertyAssignment(parent) ||
      ts.isParameter(parent) ||
      ts.isVariableDeclaration(parent) ||
      ts.isPropertySignature(parent) ||
      ts.isBindingElement(parent)) &&
    parent.name === node
  );
}

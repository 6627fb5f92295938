/** Finds the lifecycle that a file of `lifecycles/` exports. */
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import ts from 'typescript';
import type { Issue } from '../../domain/failure';
import { packageName } from '../../domain/version';
import { toIdentifier } from '../../domain/text';
import { findPlace } from './source-place';

/** The functions of the package's entry `workflow` that make a lifecycle. */
const lifecycleFunctions = ['lifecycle', 'languageLifecycle'] as const;

export interface LifecycleExport {
  /** `default` for a default export. */
  readonly name: string;
  readonly madeBy: (typeof lifecycleFunctions)[number];
  readonly place: Pick<Issue, 'file' | 'line' | 'column'>;
}

export interface LifecycleExports {
  /** File name → exported lifecycle. */
  readonly exported: Readonly<Record<string, LifecycleExport>>;
  readonly issues: readonly Issue[];
}

/** Each file exports one lifecycle. Other exports, such as types, are allowed. */
export function lifecycleExports(
  folder: string,
  lifecycles: Readonly<Record<string, string>>,
): LifecycleExports {
  const exported: Record<string, LifecycleExport> = {};
  const issues: Issue[] = [];
  for (const [name, path] of Object.entries(lifecycles)) {
    const source = ts.createSourceFile(
      path,
      readFileSync(path, 'utf8'),
      ts.ScriptTarget.ES2022,
      true,
    );
    const [first, ...others] = exportedCalls(source);
    if (first)
      exported[name] = {
        name: first.name,
        madeBy: first.madeBy,
        place: findPlace(folder, source, first.node),
      };
    else
      issues.push({
        pointer: '',
        file: relative(folder, path),
        line: 1,
        detail: 'exports no lifecycle',
        expected: `export const ${toIdentifier(name)} = lifecycle<typeof stages>(async (run) => …)`,
      });
    for (const other of others)
      issues.push({
        pointer: '',
        ...findPlace(folder, source, other.node),
        detail: `exports a second lifecycle, ${other.name}`,
        expected: `one lifecycle in each file, so move it to lifecycles/${other.name}.ts`,
      });
  }
  return { exported, issues };
}

interface ExportedCall extends Pick<LifecycleExport, 'name' | 'madeBy'> {
  readonly node: ts.Node;
}

function exportedCalls(source: ts.SourceFile): readonly ExportedCall[] {
  const callees = localNames(source);
  const findFunction = (node: ts.Expression | undefined) =>
    node !== undefined && ts.isCallExpression(node)
      ? callees.get(node.expression.getText(source))
      : undefined;
  const declared = new Map<string, LifecycleExport['madeBy']>();
  const found: ExportedCall[] = [];
  for (const statement of source.statements) {
    if (ts.isVariableStatement(statement)) {
      const isExported = statement.modifiers?.some(
        ({ kind }) => kind === ts.SyntaxKind.ExportKeyword,
      );
      for (const declaration of statement.declarationList.declarations) {
        const made = findFunction(declaration.initializer);
        if (made === undefined) continue;
        const name = declaration.name.getText(source);
        declared.set(name, made);
        if (isExported) found.push({ name, madeBy: made, node: declaration });
      }
    } else if (ts.isExportAssignment(statement)) {
      const { expression } = statement;
      const made = declared.get(expression.getText(source)) ?? findFunction(expression);
      if (made !== undefined) found.push({ name: 'default', madeBy: made, node: statement });
    } else if (
      ts.isExportDeclaration(statement) &&
      statement.exportClause &&
      ts.isNamedExports(statement.exportClause)
    ) {
      for (const { name, propertyName } of statement.exportClause.elements) {
        const made = declared.get((propertyName ?? name).text);
        if (made !== undefined) found.push({ name: name.text, madeBy: made, node: name });
      }
    }
  }
  return found;
}

/** The functions of the package's entry `workflow`, by the names under which the file calls them. */
function localNames(source: ts.SourceFile): ReadonlyMap<string, LifecycleExport['madeBy']> {
  const names = new Map<string, LifecycleExport['madeBy']>();
  for (const statement of source.statements) {
    if (!ts.isImportDeclaration(statement)) continue;
    if (!ts.isStringLiteral(statement.moduleSpecifier)) continue;
    if (statement.moduleSpecifier.text !== `${packageName}/workflow`) continue;
    const bindings = statement.importClause?.namedBindings;
    if (!bindings) continue;
    for (const made of lifecycleFunctions) {
      if (ts.isNamespaceImport(bindings)) names.set(`${bindings.name.text}.${made}`, made);
      else
        for (const { name, propertyName } of bindings.elements)
          if ((propertyName ?? name).text === made) names.set(name.text, made);
    }
  }
  return names;
}

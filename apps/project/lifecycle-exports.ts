/** Finds the lifecycle that a file of `lifecycles/` exports. */
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import ts from 'typescript';
import type { Issue } from '../../domain/failure';
import { placeOf } from './source-place';

export interface LifecycleExports {
  /** The name of each lifecycle's export, by the name of its file. */
  readonly exported: Readonly<Record<string, string>>;
  readonly issues: readonly Issue[];
}

/** Each file exports one result of `lifecycle(…)`. Other exports, such as types, are allowed. */
export function lifecycleExports(
  folder: string,
  lifecycles: Readonly<Record<string, string>>,
): LifecycleExports {
  const exported: Record<string, string> = {};
  const issues: Issue[] = [];
  for (const [name, path] of Object.entries(lifecycles)) {
    const source = ts.createSourceFile(
      path,
      readFileSync(path, 'utf8'),
      ts.ScriptTarget.ES2022,
      true,
    );
    const [first, ...others] = exportedCalls(source);
    if (first) exported[name] = first.name;
    else
      issues.push({
        pointer: '',
        file: relative(folder, path),
        line: 1,
        detail: 'exports no lifecycle',
        expected: `export const ${identifierOf(name)} = lifecycle<typeof stages>(async (run) => …)`,
      });
    for (const other of others)
      issues.push({
        pointer: '',
        ...placeOf(folder, source, other.node),
        detail: `exports a second lifecycle, ${other.name}`,
        expected: `one lifecycle in each file, so move it to lifecycles/${other.name}.ts`,
      });
  }
  return { exported, issues };
}

interface ExportedCall {
  /** The name of the export: `default` for a default export. */
  readonly name: string;
  readonly node: ts.Node;
}

function exportedCalls(source: ts.SourceFile): readonly ExportedCall[] {
  const callee = localNameOfLifecycle(source);
  if (callee === null) return [];
  const isCall = (node: ts.Expression | undefined): boolean =>
    node !== undefined && ts.isCallExpression(node) && node.expression.getText(source) === callee;
  const declared = new Map<string, ts.Node>();
  const found: ExportedCall[] = [];
  for (const statement of source.statements) {
    if (ts.isVariableStatement(statement)) {
      const isExported = statement.modifiers?.some(
        ({ kind }) => kind === ts.SyntaxKind.ExportKeyword,
      );
      for (const declaration of statement.declarationList.declarations) {
        if (!isCall(declaration.initializer)) continue;
        const name = declaration.name.getText(source);
        declared.set(name, declaration);
        if (isExported) found.push({ name, node: declaration });
      }
    } else if (ts.isExportAssignment(statement)) {
      const named = declared.has(statement.expression.getText(source));
      if (named || isCall(statement.expression)) found.push({ name: 'default', node: statement });
    } else if (
      ts.isExportDeclaration(statement) &&
      statement.exportClause &&
      ts.isNamedExports(statement.exportClause)
    ) {
      for (const { name, propertyName } of statement.exportClause.elements)
        if (declared.has((propertyName ?? name).text)) found.push({ name: name.text, node: name });
    }
  }
  return found;
}

/** `lifecycle`, or the name that the file imports it as. Null when it does not import it. */
function localNameOfLifecycle(source: ts.SourceFile): string | null {
  for (const statement of source.statements) {
    if (!ts.isImportDeclaration(statement)) continue;
    if (!ts.isStringLiteral(statement.moduleSpecifier)) continue;
    if (statement.moduleSpecifier.text !== 'perennial/workflow') continue;
    const bindings = statement.importClause?.namedBindings;
    if (!bindings) continue;
    if (ts.isNamespaceImport(bindings)) return `${bindings.name.text}.lifecycle`;
    const found = bindings.elements.find(
      ({ name, propertyName }) => (propertyName ?? name).text === 'lifecycle',
    );
    if (found) return found.name.text;
  }
  return null;
}

/** `my-model` → `myModel` */
export function identifierOf(name: string): string {
  return name.replace(/-+(.)?/g, (_, letter: string = '') => letter.toUpperCase());
}

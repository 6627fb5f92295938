/**
 * What the code declares of the rows of its statements, and what the schema says of its columns.
 */
import ts from 'typescript';

export interface RowField {
  readonly name: string;
  readonly isOptional: boolean;
  /** As the code writes it. */
  readonly type: string;
  /** The kinds of value that it allows. Of a document no kind is known. */
  readonly kinds: ReadonlySet<ValueKind>;
  /**
   * Whether it allows every value that the schema allows in a column. Null when the schema has no
   * such column.
   */
  readonly allows: (column: ColumnRef) => { readonly all: boolean; readonly type: string } | null;
}

export interface ColumnRef {
  readonly table: string;
  /** In camel case, as in the schema. */
  readonly column: string;
  /** The statement excludes null or adds it, whatever the schema says. */
  readonly nulls: 'schema' | 'excluded' | 'added';
}

export type ValueKind = 'string' | 'number' | 'boolean' | 'null' | 'document';

interface RowTypes {
  /** Null when the code declares no row type. */
  readonly findRow: (template: ts.TaggedTemplateExpression) => readonly RowField[] | null;
}

export function openRowTypes(checker: ts.TypeChecker, sources: readonly ts.SourceFile[]): RowTypes {
  const tables = new Map(sources.flatMap((source) => source.statements.flatMap(tablesIn)));
  return { findRow };

  function findRow(template: ts.TaggedTemplateExpression): readonly RowField[] | null {
    const statement = checker.getTypeAtLocation(template) as ts.TypeReference;
    const [rows] = checker.getTypeArguments(statement);
    const row = rows && checker.getIndexTypeOfType(rows, ts.IndexKind.Number);
    if (row === undefined) throw new Error(`${template.getText()} has no list of rows`);
    if (checker.getIndexTypeOfType(row, ts.IndexKind.String) !== undefined) return null;
    return checker.getPropertiesOfType(row).map((property) => {
      const type = checker.getTypeOfSymbolAtLocation(property, template);
      return {
        name: property.name,
        isOptional: (property.flags & ts.SymbolFlags.Optional) !== 0,
        type: checker.typeToString(type),
        kinds: listKinds(type),
        allows: (column) => allows(type, column),
      };
    });
  }

  function allows(type: ts.Type, { table, column, nulls }: ColumnRef) {
    const row = tables.get(table);
    const property = row && checker.getPropertyOfType(row, column);
    if (property === undefined) return null;
    const stored = checker.getTypeOfSymbol(property);
    const value = nulls === 'excluded' ? checker.getNonNullableType(stored) : stored;
    const all =
      checker.isTypeAssignableTo(value, type) &&
      (nulls !== 'added' || checker.isTypeAssignableTo(checker.getNullType(), type));
    return { all, type: `${checker.typeToString(value)}${nulls === 'added' ? ' | null' : ''}` };
  }

  /** `export const runs = pgTable('runs', …)`: its name in SQL and the type of its rows. */
  function tablesIn(statement: ts.Statement): readonly (readonly [string, ts.Type])[] {
    if (!ts.isVariableStatement(statement)) return [];
    return statement.declarationList.declarations.flatMap(({ name, initializer }) => {
      if (initializer === undefined || !ts.isCallExpression(initializer)) return [];
      const [table] = initializer.arguments;
      const row = checker.getTypeAtLocation(name).getProperty('$inferSelect');
      if (row === undefined || table === undefined || !ts.isStringLiteral(table)) return [];
      return [[table.text, checker.getTypeOfSymbol(row)] as const];
    });
  }

  function listKinds(type: ts.Type): ReadonlySet<ValueKind> {
    const parts = type.isUnion() ? type.types : [type];
    return new Set(
      parts.filter(({ flags }) => (flags & ts.TypeFlags.Undefined) === 0).map(findKind),
    );
  }

  function findKind(type: ts.Type): ValueKind {
    if ((type.flags & ts.TypeFlags.Null) !== 0) return 'null';
    if ((type.flags & ts.TypeFlags.Any) !== 0) return 'document';
    if (checker.isTypeAssignableTo(type, checker.getStringType())) return 'string';
    if (checker.isTypeAssignableTo(type, checker.getNumberType())) return 'number';
    if (checker.isTypeAssignableTo(type, checker.getBooleanType())) return 'boolean';
    return 'document';
  }
}

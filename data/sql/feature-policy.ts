import { count } from '../../domain/format';
import type { Column } from '../../domain/dataset/dataset';
import { nearest } from '../../domain/document/nearest';
import { featureCastTypes, featureFunctions } from './feature-functions';
import { sqlFailure, type SqlText } from './sql-errors';
import { walkNodes, findPlace, type SyntaxNode } from './syntax';
import { forbiddenFunctions } from './user-sql-policy';

export interface FeaturePolicy {
  readonly text: SqlText;
  /** Null when the columns are unknown; then any name may be a column. */
  readonly request: readonly Column[] | null;
  /** Columns that training has but requests do not, with the reason. */
  readonly withheld: Readonly<Record<string, string>>;
}

/** The label, which no request contains. */
export function withheldLabel(column: string): Readonly<Record<string, string>> {
  return { [column]: 'it is the label, which is unknown at prediction time' };
}

/**
 * Request columns that the statement reads, in the request's order. An allow-list over the whole
 * tree refuses everything that is not row-wise and repeatable.
 * @throws SqlForbidden
 */
export function checkFeatureSql(statement: SyntaxNode, policy: FeaturePolicy): readonly Column[] {
  const { text } = policy;
  const node = statement.node as SyntaxNode;
  if (node.type !== 'SELECT_NODE')
    throw forbidden(text, node, 'UNION, INTERSECT and EXCEPT combine rows; a feature sees one row');
  for (const [key, value] of Object.entries(node)) {
    if (key === 'type' || key === 'select_list' || key === 'from_table') continue;
    if (key === 'aggregate_handling' && value === 'STANDARD_HANDLING') continue;
    throw forbidden(
      text,
      value,
      `${clauses[key] ?? key} is not allowed: each request row must give exactly one row of features`,
    );
  }
  const alias = checkFrom(node.from_table as SyntaxNode, text);
  const used = new Set<string>();
  const aliases = new Set<string>();
  const sizes = openAliasSizes(text);
  for (const expression of node.select_list as readonly SyntaxNode[]) {
    checkExpression(expression, { ...policy, alias, used, aliases });
    sizes.add(expression);
    if (typeof expression.alias === 'string') aliases.add(expression.alias.toLowerCase());
  }
  return (policy.request ?? []).filter((column) => used.has(column.name));
}

/** SQL names of the parts of a SELECT. */
const clauses: Readonly<Record<string, string>> = {
  where_clause: 'WHERE',
  group_expressions: 'GROUP BY',
  group_sets: 'GROUP BY',
  aggregate_handling: 'GROUP BY ALL',
  having: 'HAVING',
  qualify: 'QUALIFY',
  sample: 'a sample',
  modifiers: 'DISTINCT, ORDER BY or LIMIT',
  cte_map: 'WITH',
};

function checkFrom(from: SyntaxNode, text: SqlText): string {
  const plain = ['type', 'query_location', 'table_name', 'alias'];
  const isRequest =
    from.type === 'BASE_TABLE' &&
    String(from.table_name).toLowerCase() === 'request' &&
    Object.keys(from).every((key) => plain.includes(key));
  if (!isRequest)
    throw forbidden(
      text,
      from,
      'features must be computed FROM request only',
      'write SELECT … FROM request',
    );
  return String(from.alias ?? from.table_name).toLowerCase();
}

interface Scope extends FeaturePolicy {
  readonly alias: string;
  readonly used: Set<string>;
  readonly aliases: ReadonlySet<string>;
}

/**
 * DuckDB replaces each alias by its whole expression. A chain of aliases in which each uses the
 * previous one twice grows exponentially.
 */
const maxWrittenOut = 10_000;

/**
 * Counts the parts of all features after replacing aliases.
 * `add` throws SqlForbidden for the feature that exceeds the limit.
 */
function openAliasSizes(text: SqlText): { add(expression: SyntaxNode): void } {
  const sizes = new Map<string, number>();
  let all = 0;
  return {
    add(expression) {
      let parts = 0;
      for (const node of walkNodes(expression)) {
        const names =
          node.class === 'COLUMN_REF' ? ((node.column_names ?? []) as readonly string[]) : [];
        const [name] = names;
        if (typeof node.class === 'string')
          parts += (names.length === 1 && name !== undefined && sizes.get(name.toLowerCase())) || 1;
      }
      all += parts;
      const shown =
        typeof expression.alias === 'string'
          ? `the feature '${expression.alias.slice(0, 60)}'`
          : 'this feature';
      if (all > maxWrittenOut) {
        const detail = `with ${shown} the features have more than ${count(maxWrittenOut)} parts after replacing aliases`;
        throw forbidden(
          text,
          expression,
          detail,
          'use an alias fewer times, or compute it in the assemble SQL and send it in the request',
        );
      }
      if (typeof expression.alias === 'string') sizes.set(expression.alias.toLowerCase(), parts);
    },
  };
}

function checkExpression(root: SyntaxNode, scope: Scope): void {
  for (const node of walkNodes(root)) {
    if (typeof node.class === 'string') checkNode(node, scope);
  }
}

function checkNode(node: SyntaxNode, scope: Scope): void {
  const { text } = scope;
  switch (node.class) {
    case 'COLUMN_REF':
      checkColumn(node, scope);
      return;
    case 'FUNCTION':
      checkFunction(node, text);
      return;
    case 'CAST': {
      const type = String((node.cast_type as SyntaxNode | undefined)?.id);
      if (!featureCastTypes.has(type))
        throw forbidden(
          text,
          node,
          `a feature cannot be cast to ${type === 'UNBOUND' ? 'that type' : type}`,
        );
      return;
    }
    case 'OPERATOR':
      if (!operators.has(String(node.type)))
        throw forbidden(text, node, `${String(node.type)} is not allowed in features`);
      return;
    case 'CONSTANT':
    case 'COMPARISON':
    case 'CONJUNCTION':
    case 'BETWEEN':
    case 'CASE':
      return;
    default: {
      const [what, next] = notRowWise[node.class as string] ?? [
        `${String(node.class)} is not allowed in features`,
      ];
      throw forbidden(text, node, what, next);
    }
  }
}

const operators: ReadonlySet<string> = new Set([
  'OPERATOR_NOT',
  'OPERATOR_IS_NULL',
  'OPERATOR_IS_NOT_NULL',
  'OPERATOR_COALESCE',
  'OPERATOR_NULLIF',
  'COMPARE_IN',
  'COMPARE_NOT_IN',
]);

const notRowWise: Readonly<Record<string, readonly [what: string, next?: string]>> = {
  STAR: [
    '* is not allowed in features',
    'name each feature: callers must send every column that is read',
  ],
  SUBQUERY: [
    'a subquery is not allowed in features: only the request row is there',
    'join in the assemble SQL',
  ],
  WINDOW: [
    'a window function looks at other rows; a feature sees one row',
    'compute it in the assemble SQL and send it in the request',
  ],
  LAMBDA: ['a lambda is not allowed in features'],
  LAMBDA_REF: ['a lambda is not allowed in features'],
  PARAMETER: ['a parameter has no value in features'],
  COLLATE: ['COLLATE is not allowed in features', 'compare lower(…) instead'],
  POSITIONAL_REFERENCE: ['#1 is not allowed in features', 'name the column'],
  DEFAULT: ['DEFAULT is not allowed in features'],
};

function checkColumn(node: SyntaxNode, scope: Scope): void {
  const names = (node.column_names ?? []) as readonly string[];
  const qualified = names.length === 2 && names[0]?.toLowerCase() === scope.alias;
  const name = names.length === 1 ? names[0] : qualified ? names[1] : undefined;
  const shown = names.join('.');
  if (name === undefined)
    throw forbidden(scope.text, node, `'${shown}' is not a column of request`);
  const column = scope.request?.find(
    (candidate) => candidate.name.toLowerCase() === name.toLowerCase(),
  );
  if (column !== undefined) {
    scope.used.add(column.name);
    return;
  }
  if (!qualified && scope.aliases.has(name.toLowerCase())) return;
  const withheld = Object.entries(scope.withheld).find(
    ([candidate]) => candidate.toLowerCase() === name.toLowerCase(),
  );
  if (withheld !== undefined)
    throw forbidden(scope.text, node, `'${name}' must not be read: ${withheld[1]}`);
  if (scope.request === null) return;
  const known = scope.request.map((candidate) => candidate.name);
  throw sqlFailure(
    'SqlInvalid',
    scope.text,
    findPlace(scope.text.sql, node),
    `request has no column '${name}'; it has ${known.join(', ')}`,
    {
      didYouMean: nearest(name, known),
    },
  );
}

function checkFunction(node: SyntaxNode, text: SqlText): void {
  const name = String(node.function_name).toLowerCase();
  const plain = [
    'class',
    'type',
    'alias',
    'query_location',
    'function_name',
    'schema',
    'children',
    'order_bys',
    'is_operator',
  ];
  const odd = Object.keys(node).find((key) => !plain.includes(key));
  if (odd !== undefined)
    throw forbidden(
      text,
      node,
      `${name}() with ${odd === 'filter' ? 'FILTER' : odd.toUpperCase()} looks at other rows; a feature sees one row`,
    );
  const schema = (node.schema as string | undefined) ?? 'main';
  if (schema !== 'main')
    throw forbidden(text, node, `${schema}.${name}() is not allowed`, `write ${name}(${schema})`);
  const orders = (node.order_bys as SyntaxNode | undefined)?.orders;
  if (orders !== undefined)
    throw forbidden(
      text,
      node,
      `${name}() with ORDER BY looks at other rows; a feature sees one row`,
    );
  if (!featureFunctions.has(name)) {
    throw sqlFailure(
      'SqlForbidden',
      text,
      findPlace(text.sql, node),
      `${name}() is not allowed in features: only functions that depend on the row alone are allowed`,
      {
        didYouMean: Object.hasOwn(forbiddenFunctions, name)
          ? null
          : nearest(name, [...featureFunctions]),
        next: 'compute it in the assemble SQL and send it in the request',
      },
    );
  }
  const children = (node.children ?? []) as readonly unknown[];
  if (name === 'timezone' && children.length !== 2)
    throw forbidden(text, node, 'timezone() needs a zone and a timestamp');
}

function forbidden(text: SqlText, node: unknown, detail: string, next?: string): Error {
  const first = [...walkNodes(node)].find(
    (candidate) => typeof candidate.query_location === 'number',
  );
  return sqlFailure(
    'SqlForbidden',
    text,
    first === undefined ? null : findPlace(text.sql, first),
    detail,
    {
      ...(next !== undefined && { next }),
    },
  );
}

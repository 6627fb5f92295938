import type { ColumnExpectation, DataContract } from './contract';
import { contractSchema } from './contract.schema';
import type { ColumnType } from './dataset';
import type { IssueAt, SourceDocument } from '../document/document';
import type { DocumentPath } from '../document/path';
import type { Issue } from '../failure';
import { nearest } from '../document/nearest';
import type { ParseResult } from '../document/schema-issues.schema';
import { parseWithSchema } from '../document/schema-issues.schema';
import { formatInstant, parseInstant } from '../instant';

/** Parses a contract: with every default, or every issue. */
export function readContract(document: SourceDocument): ParseResult<DataContract> {
  if (document.issues.length > 0) return { ok: false, issues: document.issues };
  const read = parseWithSchema(contractSchema, document);
  if (!read.ok) return { ok: false, issues: read.issues.map(withNewPlace) };
  const { otherColumns, unique, rows, maxQuarantinedShare, distribution } = read.value;
  const columns = Object.entries(read.value.columns).map(([name, column]): ColumnExpectation => ({
    name,
    type: column.type,
    required: column.required,
    maxNullShare: column.maxNullShare,
    min: canonicalBound(column.type, column.min),
    max: canonicalBound(column.type, column.max),
    values: column.values ?? null,
    pattern: column.pattern ?? null,
  }));
  const contract: DataContract = {
    columns,
    otherColumns,
    unique,
    rows: { min: rows.min, max: rows.max ?? null },
    maxQuarantinedShare,
    distribution: distribution ?? null,
  };
  const issues = contradictions(contract, document.issueAt);
  return issues.length > 0 ? { ok: false, issues } : { ok: true, value: contract };
}

/** Earlier contracts named their source; now each source names its contract. */
function withNewPlace(issue: Issue): Issue {
  if (issue.pointer !== '/dataset') return issue;
  const { didYouMean: _, ...rest } = issue;
  return { ...rest, detail: 'remove dataset: each source of lifecycle.yaml names its contract' };
}

function canonicalBound(
  type: ColumnType,
  bound: number | string | undefined,
): number | string | null {
  if (bound === undefined) return null;
  const instant = type === 'timestamp' && typeof bound === 'string' ? parseInstant(bound) : null;
  return instant === null ? bound : formatInstant(instant);
}

function contradictions(contract: DataContract, issueAt: IssueAt): readonly Issue[] {
  const names = contract.columns.map(({ name }) => name);
  const checkColumns = (columns: readonly string[], path: DocumentPath): readonly Issue[] =>
    columns.flatMap((column, index) => [
      ...(names.includes(column)
        ? []
        : [
            issueAt([...path, index], `${column} is not among the columns of the contract`, {
              didYouMean: nearest(column, names) ?? undefined,
            }),
          ]),
      ...(columns.indexOf(column) < index
        ? [issueAt([...path, index], `${column} is listed twice`)]
        : []),
    ]);
  const { rows, distribution } = contract;
  return [
    ...(names.length === 0
      ? [issueAt(['columns'], 'columns is empty', { expected: 'at least one column' })]
      : []),
    ...contract.columns.flatMap((column) => columnIssues(column, issueAt)),
    ...contract.unique.flatMap((columns, index) => checkColumns(columns, ['unique', index])),
    ...(rows.max !== null && rows.max < rows.min
      ? [issueAt(['rows', 'max'], `rows.max is below rows.min, ${rows.min}`)]
      : []),
    ...checkColumns(distribution?.columns ?? [], ['distribution', 'columns']),
    ...(distribution?.columns ?? []).flatMap((name, index) =>
      contract.columns.some((column) => column.name === name && column.type === 'timestamp')
        ? [
            issueAt(
              ['distribution', 'columns', index],
              `${name} is a timestamp, whose distribution changes with every window`,
            ),
          ]
        : [],
    ),
  ];
}

function columnIssues(column: ColumnExpectation, issueAt: IssueAt): readonly Issue[] {
  const { name, type, min, max, values, pattern } = column;
  const at = (key: string, detail: string, expected?: string): Issue =>
    issueAt(['columns', name, key], `columns.${name}.${key} ${detail}`, { expected });
  const isValidBound = (bound: number | string): boolean =>
    type === 'timestamp'
      ? typeof bound === 'string' && parseInstant(bound) !== null
      : typeof bound === 'number' && (type === 'integer' || type === 'number');
  const wanted =
    type === 'timestamp'
      ? 'a time with its offset such as 2013-07-01T00:00:00Z'
      : type === 'integer' || type === 'number'
        ? 'a number'
        : undefined;
  const bounds = (['min', 'max'] as const).flatMap((key) => {
    const bound = column[key];
    return bound === null || isValidBound(bound)
      ? []
      : [at(key, `does not fit a column of type ${type}`, wanted)];
  });
  const reversed =
    min !== null &&
    max !== null &&
    bounds.length === 0 &&
    (typeof min === 'number' ? min > Number(max) : Date.parse(min) > Date.parse(String(max)));
  const valueKind = type === 'string' ? 'string' : 'number';
  const valuesFit = type === 'string' || type === 'integer' || type === 'number';
  const strange = (values ?? []).findIndex(
    (value) => typeof value !== valueKind || (type === 'integer' && !Number.isInteger(value)),
  );
  return [
    ...bounds,
    ...(reversed ? [at('max', `is below min, ${String(min)}`)] : []),
    ...(values !== null && !valuesFit
      ? [at('values', `does not fit a column of type ${type}`)]
      : []),
    ...(values !== null && valuesFit && strange >= 0
      ? [
          issueAt(
            ['columns', name, 'values', strange],
            `columns.${name}.values[${strange}] does not fit a column of type ${type}`,
            {
              expected: type === 'string' ? 'text' : wanted,
            },
          ),
        ]
      : []),
    ...(pattern !== null && type !== 'string'
      ? [at('pattern', `does not fit a column of type ${type}`)]
      : []),
    ...(pattern !== null && type === 'string' && patternProblem(pattern) !== null
      ? [at('pattern', patternProblem(pattern) ?? '')]
      : []),
  ];
}

/** Why a pattern is not a regular expression for RE2, which runs in linear time; null if it is. */
function patternProblem(pattern: string): string | null {
  // Escapes first, so that an escaped parenthesis does not count as a group.
  const bare = pattern.replace(/\\[^1-9k]/g, '');
  if (/\(\?(?:=|!|<=|<!)/.test(bare)) return 'has a lookaround, which RE2 does not support';
  if (/\\(?:[1-9]|k)/.test(bare)) return 'has a backreference, which RE2 does not support';
  try {
    // RE2 spells named groups (?P<name>…) and flags (?i) in its own way.
    new RegExp(
      pattern
        .replace(/\(\?P</g, '(?<')
        .replace(/\(\?[imsU]+(-[imsU]+)?[):]/g, (flags) => (flags.endsWith(':') ? '(?:' : '')),
    );
    return null;
  } catch (error) {
    return `is not a regular expression: ${(error as Error).message.replace(/^Invalid regular expression: /, '')}`;
  }
}

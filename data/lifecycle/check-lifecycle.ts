import type { Column } from '../../domain/dataset/dataset';
import type { IssueAt } from '../../domain/document/document';
import type { DocumentPath } from '../../domain/document/path';
import type { Issue } from '../../domain/failure';
import { formatIssue } from '../../domain/document/issue-text';
import type { DataSpec } from '../../domain/lifecycle/lifecycle';
import type { CheckedParts, LocatedContract } from '../../domain/lifecycle/parts';
import { nearest } from '../../domain/document/nearest';
import type { LocatedLifecycle } from '../../domain/lifecycle/located-document';
import { issuesAtPlaces } from '../../domain/document/yaml-document.schema';
import { acceptedColumns, unmetColumns } from '../dataset/contracts/validate-contract';
import { bindLifecycleSql, lifecycleSqlIssues } from '../sql/lifecycle-sql';
import type { TrainerCatalog } from '../training/catalog';
import { dataNotes } from './data-notes';
import type { SourceReading, SourceTables } from './source-tables';
import { trainerIssues } from './trainer-issues';

export interface LifecycleToCheck {
  readonly placed: LocatedLifecycle;
  readonly name: string;
  readonly fileName: string;
  readonly files: Readonly<Record<string, string>>;
}

export interface LifecycleChecks {
  readonly trainers: TrainerCatalog;
  /** Null reads no source; the SQL is then checked without its columns. */
  readonly tables: SourceTables | null;
}

export interface LifecycleCheckResult {
  /** One per place, sorted by file and line. */
  readonly issues: readonly Issue[];
  /** Lines on possible problems of a run: sources that were not read, or too few data today. */
  readonly notes: readonly string[];
}

/**
 * Checks a lifecycle before a run: YAML, schema, trainer, SQL, and the SQL against the columns of
 * the sources. `lifecycle validate`, `plan` and `apply` use it.
 */
export async function checkLifecycle(
  { placed, name, fileName, files }: LifecycleToCheck,
  checks: LifecycleChecks,
): Promise<LifecycleCheckResult> {
  const { parsed, parts, places } = placed;
  const issueAt = issuesAtPlaces(places, fileName);
  const sql = parts.sql === null ? [] : await lifecycleSqlIssues(parts.sql, files);
  const bound =
    parts.data === null || checks.tables === null
      ? nothing
      : await bind({ ...parts, data: parts.data }, { issueAt, files, name, tables: checks.tables });
  const refusedTexts = new Set(sql.map(({ pointer }) => pointer));
  const found = [
    ...(parsed.ok ? [] : parsed.issues),
    ...trainerIssues(checks.trainers, parts, issueAt),
    ...sql,
    // SQL that is refused without columns would be refused again with columns.
    ...bound.issues.filter(({ pointer }) => !refusedTexts.has(pointer)),
  ];
  const unchecked =
    parts.data === null
      ? []
      : [...contractNotes(parts.data, issueAt), ...classNotes(parts, parts.data, issueAt)];
  const contracts = new Set(parts.contracts.map(({ path }) => path));
  return { issues: inOrder(found, { fileName, contracts }), notes: [...bound.notes, ...unchecked] };
}

/** A source without a contract is allowed, but always noted. */
function contractNotes({ sources }: DataSpec, issueAt: IssueAt): readonly string[] {
  return sources
    .filter(({ contract }) => contract === null)
    .map(({ name }) =>
      formatIssue(
        issueAt(
          ['spec', 'data', 'sources', name],
          `the source ${name} has no contract, so its rows are not checked`,
          { expected: `contract: contracts/${name}.yaml` },
        ),
      ),
    );
}

/**
 * Classes of gates that a contract keeps out of the label's column. Only notes, because
 * `assemble.sql` may make other labels under the same name.
 */
function classNotes(
  { classGates, contracts }: CheckedParts,
  { label }: DataSpec,
  issueAt: IssueAt,
): readonly string[] {
  const allowing = contracts.flatMap(({ contract, path }) => {
    const column = contract.columns.find(({ name }) => name === label.column);
    return column?.values ? [{ path, values: column.values.map(String) }] : [];
  });
  return classGates.flatMap(({ gate, class: name }) =>
    allowing
      .filter(({ values }) => !values.includes(name))
      .map(({ path, values }) =>
        formatIssue(
          issueAt(
            ['spec', 'evaluate', 'gates', gate, 'class'],
            `${path} allows no ${name} in the label ${label.column}, so this gate cannot pass`,
            {
              expected: `one of ${values.join(', ')}`,
              didYouMean: nearest(name, values) ?? undefined,
            },
          ),
        ),
      ),
  );
}

const nothing: LifecycleCheckResult = { issues: [], notes: [] };

interface BindingContext {
  readonly issueAt: IssueAt;
  readonly files: Readonly<Record<string, string>>;
  readonly name: string;
  readonly tables: SourceTables;
}

type PartsWithData = CheckedParts & { readonly data: DataSpec };

async function bind(
  parts: PartsWithData,
  { issueAt, files, name, tables }: BindingContext,
): Promise<LifecycleCheckResult> {
  const { data, contracts } = parts;
  const readings = await tables.read(data, name);
  const of = (source: string): SourceReading | undefined => readings[source];
  const sourceAt = (source: string, key: string): DocumentPath => [
    'spec',
    'data',
    'sources',
    source,
    key,
  ];
  const errors = data.sources.flatMap((source) => {
    const reading = of(source.name);
    if (reading?.kind === 'invalid') return [issueAt(sourceAt(source.name, 'uri'), reading.detail)];
    const timeError = reading?.kind === 'read' ? reading.timeError : null;
    return timeError === null ? [] : [issueAt(sourceAt(source.name, 'time'), timeError)];
  });
  const unread = data.sources.flatMap((source) => {
    const reading = of(source.name);
    if (reading?.kind !== 'notRead') return [];
    const detail = `the columns of the source ${source.name} were not checked: ${reading.reason}`;
    return reading.isRefused ? [] : [formatIssue(issueAt(sourceAt(source.name, 'uri'), detail))];
  });
  const read = Object.entries(readings).flatMap(([source, reading]) =>
    reading.kind === 'read' ? [{ source, ...reading }] : [],
  );
  const contractFor = (source: string): LocatedContract | undefined =>
    contracts.find((each) => each.source === source);
  // Of the last run's columns nothing is refused: the source may have changed since.
  const unmet = read.flatMap(({ source, columns, as }) => {
    const contract = as === 'now' ? contractFor(source) : undefined;
    return contract ? contractIssues(contract, columns) : [];
  });
  const notes = [
    ...unread,
    ...(parts.hasWindow
      ? dataNotes(data, readings, { judgingGate: parts.judgingGate, issueAt })
      : []),
  ];
  if (read.length < data.sources.length) return { issues: [...errors, ...unmet], notes };

  const seen = Object.fromEntries(
    read.map(({ source, columns }) => {
      const contract = contractFor(source)?.contract;
      return [source, contract ? acceptedColumns(contract, columns) : columns];
    }),
  );
  const { issues, request } = await bindLifecycleSql(data, files, seen);
  const placed = [
    ...issues.map((issue) => atItsKey(issue, data, issueAt)),
    ...sliceIssues(parts.sliceColumns, request, issueAt),
  ];
  if (read.every(({ as }) => as === 'now'))
    return { issues: [...errors, ...unmet, ...placed], notes };
  // The source may have changed since, so these are only notes.
  const past = placed.map(
    (issue) => `${formatIssue(issue)} (checked with the columns that the last run read)`,
  );
  return { issues: [...errors, ...unmet], notes: [...notes, ...past] };
}

/** Shows an error about a column that the lifecycle names at the key that names it. */
function atItsKey(issue: Issue, { assemble, features }: DataSpec, issueAt: IssueAt): Issue {
  if (
    issue.line !== undefined ||
    issue.pointer === '/spec/data/assemble' ||
    issue.pointer === '/spec/data/features'
  )
    return issue;
  if (issue.file !== assemble && issue.file !== features) return issue;
  return issueAt(issue.pointer.split('/').slice(1), issue.detail, {
    expected: issue.expected,
    didYouMean: issue.didYouMean,
  });
}

function contractIssues(
  { source, contract, path, places }: LocatedContract,
  columns: readonly Column[],
): readonly Issue[] {
  const issueAt = issuesAtPlaces(places, path);
  return unmetColumns(contract, columns).map(({ column, observed, expected }) => {
    if (column === null)
      return issueAt(
        ['otherColumns'],
        `the source ${source} has columns that the contract does not allow: ${observed}`,
      );
    const isThere = columns.some(({ name }) => name === column);
    const detail = isThere
      ? `${column} of the source ${source} is ${observed}`
      : `the source ${source} has ${observed}`;
    return issueAt(['columns', column], detail, { expected });
  });
}

function sliceIssues(
  slices: readonly string[],
  request: readonly Column[] | null,
  issueAt: IssueAt,
): readonly Issue[] {
  if (request === null) return [];
  const known = request.map(({ name }) => name);
  return slices.flatMap((column, index) =>
    known.includes(column)
      ? []
      : [
          issueAt(
            ['spec', 'evaluate', 'slices', 'columns', index],
            `the assembled rows have no column ${column} for slices`,
            {
              expected: `one of ${known.join(', ')}`,
              didYouMean: nearest(column, known) ?? undefined,
            },
          ),
        ],
  );
}

/**
 * Sorts by file, the lifecycle first, and keeps the first issue of each place. Places of a contract
 * keep one issue per source, because several sources may use the same contract.
 */
function inOrder(
  found: readonly Issue[],
  { fileName, contracts }: { readonly fileName: string; readonly contracts: ReadonlySet<string> },
): readonly Issue[] {
  const places = new Set<string>();
  const each = found.filter(({ file, pointer, line, column, detail }) => {
    const what = pointer === '' || contracts.has(file ?? '') ? detail : pointer;
    const place =
      line === undefined
        ? `${file ?? ''}#${pointer}:${detail}`
        : `${file ?? ''}:${line}:${column ?? 0}:${what}`;
    return !places.has(place) && places.add(place);
  });
  const files = [fileName, ...new Set(each.map(({ file }) => file ?? ''))];
  const rank = ({ file = '' }: Issue): number => files.indexOf(file);
  return [...each].sort(
    (a, b) =>
      rank(a) - rank(b) || (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0),
  );
}

import { groupColumn, reservedColumns } from '../../../domain/training/assembled';
import type { Column } from '../../../domain/dataset/dataset';
import { failure, type Issue } from '../../../domain/failure';
import type { DataSpec } from '../../../domain/lifecycle/lifecycle';
import { nearest } from '../../../domain/document/nearest';

/**
 * The columns of `assemble.sql` that the lifecycle names.
 * @throws InvalidInput with every column that is missing or has a wrong type
 */
export function keyColumns(
  columns: readonly Column[],
  data: DataSpec,
): { readonly label: Column; readonly time: Column | null; readonly entity: Column | null } {
  const issues = keyColumnIssues(columns, data);
  const findNamed = (name: string | null): Column | undefined =>
    columns.find((column) => column.name === name);
  const [label, time] = [
    findNamed(data.label.column),
    findNamed(data.time?.column ?? null) ?? null,
  ];
  if (issues.length > 0 || !label) {
    throw failure(
      'InvalidInput',
      issues
        .map(({ detail, didYouMean }) =>
          didYouMean ? `${detail} (did you mean ${didYouMean}?)` : detail,
        )
        .join('; '),
      { issues },
    );
  }
  return { label, time, entity: findNamed(data.entity) ?? null };
}

/** Errors for every named column that `assemble.sql` does not return or returns as another type. */
export function keyColumnIssues(columns: readonly Column[], data: DataSpec): readonly Issue[] {
  const issues: Issue[] = [];
  const find = (what: string, pointer: string, name: string): Column | undefined => {
    const found = columns.find((column) => column.name === name);
    if (!found) {
      const near = nearest(
        name,
        columns.map((column) => column.name),
      );
      const detail = `${data.assemble} returns no column ${name}, which is the ${what}`;
      issues.push({
        pointer,
        detail,
        file: data.assemble,
        ...(near === null ? {} : { didYouMean: near }),
      });
    }
    return found;
  };
  find('label', '/spec/data/label/column', data.label.column);
  const time =
    data.time === null ? null : find('event time', '/spec/data/time/column', data.time.column);
  if (data.split.by === 'group') find('group', '/spec/data/split/column', data.split.column);
  if (data.entity !== null) find('entity', '/spec/data/entity', data.entity);
  if (time && time.type !== 'timestamp') {
    const detail = `${data.assemble} returns the event time ${time.name} as ${time.type}`;
    issues.push({
      pointer: '/spec/data/time/column',
      detail,
      file: data.assemble,
      expected: 'timestamp',
    });
  }
  for (const { name } of columns) {
    if ([...reservedColumns, groupColumn].some((reserved) => reserved === name.toLowerCase())) {
      issues.push({
        pointer: '/spec/data/assemble',
        detail: `${data.assemble} returns a column ${name}, a name that Perennial reserves`,
        file: data.assemble,
      });
    }
  }
  return issues;
}

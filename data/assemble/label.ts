import { labelColumn, type AssembledPartName } from '../../domain/assembled';
import type { Column } from '../../domain/dataset';
import { failure } from '../../domain/failure';
import type { Task } from '../../domain/model';
import { quoteName, readParquet, type PlatformSql } from '../sql/platform-sql';

/** True and false, or the whole numbers 0 and 1, are two classes; other numbers are a quantity. What the lifecycle says goes first, if the label can be that. */
export async function taskOf(
  sql: PlatformSql,
  label: Column,
  asked: { readonly wanted: Task | null; readonly file: string },
): Promise<Task> {
  const { wanted, file } = asked;
  if (label.type === 'string' || label.type === 'timestamp') {
    throw failure('InvalidInput', `${file}: the label ${label.name} is a ${label.type}; it must be true/false, 0/1 or a number`, {
      next: `compare it with something: … AS ${label.name}`,
    });
  }
  const binary = label.type === 'boolean' || (await onlyZeroAndOne(sql, label));
  if (wanted === 'classification' && !binary) {
    throw failure('InvalidInput', `${file}: the task is classification, but the label ${label.name} has other values than 0 and 1`);
  }
  if (wanted === 'regression' && label.type === 'boolean') {
    throw failure('InvalidInput', `${file}: the task is regression, but the label ${label.name} is true or false`);
  }
  // A measured quantity may happen to be 0 or 1 so far; a whole number or a truth value was meant as classes.
  return wanted ?? (binary && label.type !== 'number' ? 'classification' : 'regression');
}

async function onlyZeroAndOne(sql: PlatformSql, label: Column): Promise<boolean> {
  const value = numericLabel(label);
  const { others } = await sql.one<{ others: number }>(`SELECT count(*) AS others FROM assembled WHERE ${value} NOT IN (0, 1)`);
  return others === 0;
}

/** SQL for the label as a DOUBLE, whatever its type; NaN and infinities are no label. */
export function numericLabel(label: Column): string {
  const name = quoteName(label.name);
  if (label.type === 'boolean') return `CAST(CAST(${name} AS INTEGER) AS DOUBLE)`;
  if (label.type === 'integer') return `CAST(${name} AS DOUBLE)`;
  return `CASE WHEN isfinite(${name}) THEN ${name} END`;
}

/** A part in which every label is the same teaches nothing and judges nothing. */
export async function checkClasses(sql: PlatformSql, part: AssembledPartName, file: string, label: string): Promise<void> {
  const { low, high } = await sql.one<{ low: number; high: number }>(
    `SELECT min(${labelColumn}) AS low, max(${labelColumn}) AS high FROM ${readParquet([file])}`,
  );
  if (low !== high) return;
  throw failure('InvalidInput', `in the part ${part} the label ${label} is always ${low}: there is nothing to tell apart`, {
    next: 'look at how assemble.sql makes the label, or take a longer window',
  });
}

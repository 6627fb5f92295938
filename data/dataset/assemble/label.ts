import { labelColumn } from '../../../domain/training/assembled';
import type { AssembledPartName } from '../../../domain/dataset/split';
import type { Column } from '../../../domain/dataset/dataset';
import { count } from '../../../domain/format';
import { failure } from '../../../domain/failure';
import type { Task } from '../../../domain/model/model';
import { quoteName, readParquet, type PlatformSql } from '../../sql/platform-sql';
import { textList } from './split-hash';

/** Each prediction logs a probability per class, and each class needs rows for training. */
const maxClasses = 100;
const minClasses = 2;
const shownClasses = 5;

/**
 * The task of a label. Booleans and the integers 0 and 1 give classification, text gives multiclass
 * and other numbers give regression. The task in the lifecycle has priority if the label allows it;
 * integers are classes only when `train.task` is multiclass.
 */
export async function inferTask(
  sql: PlatformSql,
  label: Column,
  asked: { readonly wanted: Task | null; readonly file: string },
): Promise<Task> {
  const { wanted, file } = asked;
  const refuse = (detail: string, next: string) =>
    failure('InvalidInput', `${file}: ${detail}`, { next });
  if (label.type === 'timestamp') {
    throw refuse(
      `the label ${label.name} is a timestamp; it must be true/false, 0/1, a number or a text`,
      `compare it with a value: … AS ${label.name}`,
    );
  }
  if (label.type === 'string') {
    if (wanted === null || wanted === 'multiclass') return 'multiclass';
    const next =
      wanted === 'classification'
        ? `compare it with a class: … = 'yes' AS ${label.name}, or set spec.train.task to multiclass`
        : `cast it: CAST(… AS DOUBLE) AS ${label.name}`;
    throw refuse(
      `the label ${label.name} is a string; ${wanted} needs ${wanted === 'classification' ? 'true/false or 0/1' : 'a number'}`,
      next,
    );
  }
  if (wanted === 'multiclass') {
    if (label.type === 'integer') return wanted;
    throw refuse(
      `the task is multiclass, but the label ${label.name} is a ${label.type}; classes are text or integers`,
      label.type === 'boolean'
        ? 'set spec.train.task to classification'
        : `CAST(… AS VARCHAR) AS ${label.name}`,
    );
  }
  const binary = label.type === 'boolean' || (await onlyZeroAndOne(sql, label));
  if (wanted === 'classification' && !binary) {
    throw refuse(
      `the task is classification, but the label ${label.name} has other values than 0 and 1`,
      label.type === 'integer'
        ? 'set spec.train.task to multiclass'
        : `compare it with a value: … AS ${label.name}`,
    );
  }
  if (wanted === 'regression' && label.type === 'boolean') {
    throw refuse(
      `the task is regression, but the label ${label.name} is true or false`,
      'set spec.train.task to classification',
    );
  }
  // Measured numbers can be 0 or 1 by chance; integers and booleans are meant as classes.
  return wanted ?? (binary && label.type !== 'number' ? 'classification' : 'regression');
}

async function onlyZeroAndOne(sql: PlatformSql, label: Column): Promise<boolean> {
  const value = numericLabel(label);
  const { others } = await sql.one<{ others: number }>(
    `SELECT count(*) AS others FROM assembled WHERE ${value} NOT IN (0, 1)`,
  );
  return others === 0;
}

/**
 * SQL for the label of an assembled row: a DOUBLE, or the class name for multiclass. Null for no
 * label, NaN, infinities and blank text.
 */
export function labelValue(label: Column, task: Task): string {
  return task === 'multiclass'
    ? `nullif(CAST(${quoteName(label.name)} AS VARCHAR), '')`
    : numericLabel(label);
}

function numericLabel(label: Column): string {
  const name = quoteName(label.name);
  if (label.type === 'boolean') return `CAST(CAST(${name} AS INTEGER) AS DOUBLE)`;
  if (label.type === 'integer') return `CAST(${name} AS DOUBLE)`;
  return `CASE WHEN isfinite(${name}) THEN ${name} END`;
}

/**
 * The classes of the training rows, sorted. A model cannot predict others.
 * @throws InvalidInput for fewer than 2 or more than 100 classes
 */
export async function readClasses(
  sql: PlatformSql,
  label: Column,
  trainingRows: string,
): Promise<readonly string[]> {
  const order = label.type === 'integer' ? `CAST(${labelColumn} AS HUGEINT)` : labelColumn;
  const rows = await sql.rows<{ class: string }>(
    `SELECT ${labelColumn} AS class FROM kept WHERE ${trainingRows} GROUP BY ${labelColumn} ORDER BY ${order} LIMIT ${maxClasses + 1}`,
  );
  const classes = rows.map((row) => row.class);
  if (classes.length > maxClasses) {
    throw failure(
      'InvalidInput',
      `the label ${label.name} has more than ${maxClasses} values in the training rows; ${maxClasses} classes are the limit`,
      {
        next:
          label.type === 'integer'
            ? 'set spec.train.task to regression, or merge rare classes in assemble.sql'
            : 'merge rare classes in assemble.sql',
      },
    );
  }
  // A part without rows has its own error.
  if (classes.length > 0 && classes.length < minClasses) {
    throw failure(
      'InvalidInput',
      `in the training rows the label ${label.name} is always ${classes[0] ?? ''}, so a model cannot learn from it`,
      {
        next: 'check how assemble.sql computes the label, or use a longer window',
      },
    );
  }
  return classes;
}

/**
 * Refuses classes without training rows. No model can predict them, and leaving their rows out
 * would make every model look better.
 */
export async function refuseUnknownClasses(
  sql: PlatformSql,
  label: Column,
  classes: readonly string[],
): Promise<void> {
  if (classes.length === 0) return;
  const unknown = await sql.rows<{ class: string; rows: number }>(
    `SELECT ${labelColumn} AS class, count(*) AS rows FROM kept WHERE NOT list_contains(${textList(classes)}, ${labelColumn}) GROUP BY 1 ORDER BY 2 DESC, 1`,
  );
  if (unknown.length === 0) return;
  const shown = unknown
    .slice(0, shownClasses)
    .map(({ class: name, rows }) => `${name} (${count(rows)} ${rows === 1 ? 'row' : 'rows'})`);
  const more = unknown.length > shown.length ? ` and ${unknown.length - shown.length} more` : '';
  throw failure(
    'InvalidInput',
    `the label ${label.name} has classes without training rows: ${shown.join(', ')}${more}; training has ${classes.slice(0, shownClasses).join(', ')}${classes.length > shownClasses ? ', …' : ''}`,
    {
      next:
        'add training rows of these classes (a longer window, another split), ' +
        'or merge rare classes in assemble.sql',
    },
  );
}

/** SQL for the class number of a kept row, counted from 0. */
export function numberOfClass(classes: readonly string[]): string {
  return `CAST(list_position(${textList(classes)}, ${labelColumn}) - 1 AS DOUBLE)`;
}

/** Refuses a part in which every label is the same, because it cannot train or judge a model. */
export async function checkClasses(
  sql: PlatformSql,
  part: AssembledPartName,
  file: string,
  { label, classes }: { readonly label: string; readonly classes: readonly string[] | undefined },
): Promise<void> {
  const { low, high } = await sql.one<{ low: number; high: number }>(
    `SELECT min(${labelColumn}) AS low, max(${labelColumn}) AS high FROM ${readParquet([file])}`,
  );
  if (low !== high) return;
  throw failure(
    'InvalidInput',
    `in the part ${part} the label ${label} is always ${classes?.[low] ?? low}, so it distinguishes nothing`,
    {
      next: 'check how assemble.sql computes the label, or use a longer window',
    },
  );
}

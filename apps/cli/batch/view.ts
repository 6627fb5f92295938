/** The stages of a batch prediction in one line each. */
import { count, percent } from '../../../domain/format';
import type { BatchJson } from '../../api/batch/view';

export function batchText({
  input,
  model,
  output,
  rows,
  chunks,
  scored,
  quarantined,
  rowsPerSecond,
}: BatchJson): string {
  if (input !== null && model !== null)
    return `${input} with ${model}: ${count(rows)} rows in ${count(chunks)} chunks`;
  const rejected =
    quarantined === null || quarantined === 0
      ? ''
      : `, ${count(quarantined)} (${percent(quarantined / rows)}) rejected`;
  if (output !== null) return `${output}: ${count(scored ?? 0)} predictions${rejected}`;
  const rate = rowsPerSecond === null ? '' : `, ${count(rowsPerSecond)} rows/s`;
  return `${count(scored ?? 0)} of ${count(rows)} rows scored${rejected}${rate}`;
}

/** One line of progress while the rows are scored. */
export function batchProgressText({
  done,
  total,
  quarantined,
  rowsPerSecond,
}: Readonly<Record<string, unknown>>): string {
  const rejected = Number(quarantined) > 0 ? `, ${count(Number(quarantined))} rejected` : '';
  return (
    `${count(Number(done))} of ${count(Number(total))} rows, ` +
    `${count(Number(rowsPerSecond))} rows/s${rejected}`
  );
}

import { table, type Paint } from '../terminal';

/** A row that ends with ALARM is red. */
export function alarmTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  paint: Paint,
): readonly string[] {
  const [header = '', ...lines] = table(head, rows).split('\n');
  return [
    paint.dim(header),
    ...lines.map((line) => (line.endsWith('ALARM') ? paint.red(line) : line)),
  ];
}

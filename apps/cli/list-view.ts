import type { Terminal } from './terminal';
import { table } from './terminal';
import { jsonText } from './harmless';

export interface ListView<T> {
  readonly items: readonly T[];
  readonly json: true | undefined;
  readonly columns: readonly string[];
  readonly row: (item: T) => readonly string[];
  /** The message for an empty list; a pipe gets no output. */
  readonly none: { readonly what: string; readonly next?: string };
}

export function showList<T>(
  terminal: Terminal,
  { items, json, columns, row, none }: ListView<T>,
): void {
  if (json) terminal.out(jsonText(items));
  else if (items.length > 0) terminal.out(table(columns, items.map(row)));
  else
    terminal.say(
      none.next === undefined
        ? none.what
        : `${none.what}; ${terminal.paint.dim('next:')} ${none.next}`,
    );
}

/**
 * SQL as tagged templates over `pg`. Each `${value}` is a parameter, a nested `sql` is inserted
 * with its parameters, and `sql('name')` is an identifier. A statement runs once, when it is first
 * awaited. Rows have camelCase keys.
 */
export interface Query {
  <T extends readonly object[] = Record<string, unknown>[]>(
    strings: TemplateStringsArray,
    ...values: readonly Value[]
  ): Statement<T>;
  (identifier: string): Identifier;
  /** Runs several statements without parameters, such as a migration. */
  unsafe(text: string): Promise<void>;
}

export interface Sql extends Query {
  /** Runs `work` in a transaction. Commits when it resolves and rolls back when it rejects. */
  begin<T>(work: (tx: Transaction) => Promise<T>): Promise<T>;
}

export interface Transaction extends Query {
  readonly transaction: true;
}

export type Rows<T extends readonly object[]> = T & {
  /** Number of rows returned, or changed by a statement that returns none. */
  readonly count: number;
};

export interface Statement<T extends readonly object[]> extends PromiseLike<Rows<T>> {
  readonly kind: 'statement';
  readonly strings: readonly string[];
  readonly values: readonly Value[];
}

export interface Identifier {
  readonly kind: 'identifier';
  readonly name: string;
}

/** Documents are passed as text of `toJson`, PostgreSQL arrays as lists. */
export type Value =
  | string
  | number
  | boolean
  | null
  | readonly (string | number | boolean | null)[]
  | Identifier
  | {
      readonly kind: 'statement';
      readonly strings: readonly string[];
      readonly values: readonly Value[];
    };

export interface RenderedStatement {
  readonly text: string;
  readonly values: readonly unknown[];
}

export function createQuery(
  run: (statement: RenderedStatement) => Promise<Rows<object[]>>,
  unsafe: Query['unsafe'],
): Query {
  function tag(
    first: TemplateStringsArray | string,
    ...values: readonly Value[]
  ): Statement<object[]> | Identifier {
    if (typeof first === 'string') return { kind: 'identifier', name: first };
    let running: Promise<Rows<object[]>> | null = null;
    return {
      kind: 'statement',
      strings: first,
      values,
      then(fulfilled, rejected) {
        running ??= run(render({ strings: first, values }));
        return running.then(fulfilled, rejected);
      },
    };
  }
  return Object.assign(tag, { unsafe }) as Query;
}

export function render(statement: {
  readonly strings: readonly string[];
  readonly values: readonly Value[];
}): RenderedStatement {
  const values: unknown[] = [];
  const write = ({ strings, values: own }: typeof statement): string =>
    strings.map((text, place) => (place === 0 ? text : writeValue(own[place - 1]) + text)).join('');
  const writeValue = (value: Value | undefined): string => {
    if (value === undefined)
      throw new TypeError('undefined is not a SQL parameter; pass null instead');
    if (typeof value === 'object' && value !== null && 'kind' in value) {
      return value.kind === 'identifier' ? `"${value.name.replaceAll('"', '""')}"` : write(value);
    }
    values.push(value);
    return `$${values.length}`;
  };
  return { text: write(statement), values };
}

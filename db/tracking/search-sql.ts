import { failure } from '../../domain/failure';
import type { SearchedKey, SearchOrder, SearchTerm } from '../../domain/tracking/search';
import type { TrackingStage } from '../../domain/tracking/tracking';
import type { Query } from '../connection';
import type { Page } from '../page';

export interface TrackingPage {
  readonly pageSize: number;
  /** The order is the caller's, so a page continues by its number of rows. */
  readonly offset: number;
}

export interface TrackingSearch extends TrackingPage {
  readonly stages: readonly TrackingStage[];
  readonly terms: readonly SearchTerm[];
  readonly order: readonly SearchOrder[];
}

/** The keys of a table. Metrics are numbers, params and tags are texts. */
export interface SearchableKeys {
  readonly attributes: Readonly<Record<string, 'text' | 'number'>>;
  readonly kinds: readonly Exclude<SearchedKey['kind'], 'attribute'>[];
}

/** Keys, terms and values are parameters of one statement, whatever the caller searches. */
export interface SearchParameters {
  readonly terms: string;
  readonly first: string;
  readonly second: string;
  readonly third: string;
}

const maxOrders = 3;

/** @throws InvalidInput for an unknown key, or a text where a number is needed */
export function searchParameters(
  { terms, order }: Pick<TrackingSearch, 'terms' | 'order'>,
  keys: SearchableKeys,
): SearchParameters {
  if (order.length > maxOrders)
    throw failure('InvalidInput', `a search sorts by at most ${maxOrders} keys`);
  const [first = '{}', second = '{}', third = '{}'] = order.map(({ kind, key, direction }) =>
    JSON.stringify({ kind, key, direction, isNumber: isNumber({ kind, key }, keys) }),
  );
  const asked = terms.map(({ kind, key, operator, values }) => {
    const hasNumbers = isNumber({ kind, key }, keys) && !operator.endsWith('LIKE');
    if (hasNumbers) for (const value of values) checkNumber(value, { kind, key });
    return { kind, key, operator, wanted: values, is_number: hasNumbers };
  });
  return { terms: JSON.stringify(asked), first, second, third };
}

function isNumber({ kind, key }: SearchedKey, { attributes, kinds }: SearchableKeys): boolean {
  if (kind !== 'attribute' && kinds.includes(kind)) return kind === 'metric';
  const type = Object.hasOwn(attributes, key) ? attributes[key] : undefined;
  if (kind === 'attribute' && type !== undefined) return type === 'number';
  const known = [...Object.keys(attributes), ...kinds.map((each) => `${each}s.…`)];
  throw failure('InvalidInput', `cannot search by ${kind} ${key}`, {
    next: `use one of ${known.join(', ')}`,
  });
}

function checkNumber(text: string, { kind, key }: SearchedKey): void {
  if (text.trim() !== '' && !Number.isNaN(Number(text))) return;
  throw failure('InvalidInput', `${kind} ${key} is a number, not ${JSON.stringify(text)}`, {
    next: 'write the number without quotes',
  });
}

/** Whether a row meets all terms. `d.doc` has its values by kind and key. */
export function meetsTerms(sql: Query, terms: string) {
  return sql`
    not exists (
      select from json_to_recordset(${terms}::json) as q (kind text, key text, operator text, wanted text[], is_number boolean)
      cross join lateral (select coalesce(d.doc -> q.kind -> q.key ->> 'value', d.doc -> q.kind ->> q.key) as found) v
      where not coalesce(case
        when q.operator = 'IS NULL' then v.found is null
        when q.operator = 'IS NOT NULL' then v.found is not null
        when q.operator = 'LIKE' then v.found like q.wanted[1]
        when q.operator = 'ILIKE' then v.found ilike q.wanted[1]
        when q.is_number then case q.operator
          when '=' then v.found::float8 = q.wanted[1]::float8
          when '!=' then v.found::float8 <> q.wanted[1]::float8
          when '>' then v.found::float8 > q.wanted[1]::float8
          when '>=' then v.found::float8 >= q.wanted[1]::float8
          when '<' then v.found::float8 < q.wanted[1]::float8
          when '<=' then v.found::float8 <= q.wanted[1]::float8
          when 'IN' then v.found::float8 = any(q.wanted::float8[])
          when 'NOT IN' then v.found::float8 <> all(q.wanted::float8[])
        end
        else case q.operator
          when '=' then v.found = q.wanted[1]
          when '!=' then v.found <> q.wanted[1]
          when '>' then v.found > q.wanted[1]
          when '>=' then v.found >= q.wanted[1]
          when '<' then v.found < q.wanted[1]
          when '<=' then v.found <= q.wanted[1]
          when 'IN' then v.found = any(q.wanted)
          when 'NOT IN' then v.found <> all(q.wanted)
        end
      end, false)
    )`;
}

/** Sorts by one key of `d.doc`. Rows without a value come last. */
export function sortedBy(sql: Query, order: string) {
  return sql`
    case when ${order}::json ->> 'direction' = 'asc' then ${sortValue(sql, order)} end asc nulls last,
    case when ${order}::json ->> 'direction' = 'desc' then ${sortValue(sql, order)} end desc nulls last`;
}

/** jsonb sorts numbers by value and texts as texts. */
function sortValue(sql: Query, order: string) {
  return sql`
    case when (${order}::json ->> 'isNumber')::boolean
      then to_jsonb(coalesce(d.doc -> (${order}::json ->> 'kind') -> (${order}::json ->> 'key') ->> 'value',
        d.doc -> (${order}::json ->> 'kind') ->> (${order}::json ->> 'key'))::float8)
      else to_jsonb(d.doc -> (${order}::json ->> 'kind') ->> (${order}::json ->> 'key'))
    end`;
}

/** The token of the next page is the number of rows before it. */
export function pageFrom<Row>(rows: readonly Row[], { pageSize, offset }: TrackingPage): Page<Row> {
  const more = rows.length > pageSize;
  return {
    items: rows.slice(0, pageSize),
    nextPageToken: more ? String(offset + pageSize) : null,
  };
}

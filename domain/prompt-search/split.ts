import type { Random } from '../statistics/random';
import type { EvaluationCase } from '../language/cases/case';

export interface SearchCases {
  /** Cases to draw examples from; they are never scored. */
  readonly pool: readonly EvaluationCase[];
  /** Cases in the order in which every variant is evaluated. */
  readonly search: readonly EvaluationCase[];
  /** Cases that no choice of the search has used. */
  readonly confirm: readonly EvaluationCase[];
}

/** Splits the cases at random. Pairs stay together, because their cases are nearly the same. */
export function splitCases(
  cases: readonly EvaluationCase[],
  {
    confirm,
    pool,
    random,
  }: { readonly confirm: number; readonly pool: number; readonly random: Random },
): SearchCases {
  const units = new Map<string, EvaluationCase[]>();
  for (const each of [...cases].sort((a, b) => (a.id < b.id ? -1 : 1))) {
    const unit = each.pair === null ? `case ${each.id}` : `pair ${each.pair}`;
    units.set(unit, [...(units.get(unit) ?? []), each]);
  }
  const drawn = [...units.values()]
    .map((unit) => ({ unit, at: random() }))
    .sort((a, b) => a.at - b.at);
  const order = drawn.flatMap(({ unit }) => [unit]);
  const take = (max: number): readonly EvaluationCase[] => {
    const taken: EvaluationCase[] = [];
    for (let next = order[0]; next && taken.length < max; next = order[0])
      taken.push(...(order.shift() ?? []));
    return taken;
  };
  const held = take(Math.ceil(cases.length * confirm));
  const examples = take(pool);
  return { pool: examples, search: order.flat(), confirm: held };
}

import { sha256 } from '../../data/digest';
import { factsIn, type Summary } from './extract';
import { relations, type Fact } from './fact';
import { markAnswer, containsAnswer } from './mark';

/** The limit per relation, so that no relation dominates. */
const maxPerKind = 50;

/**
 * Questions with one right answer, in the order of a hash. Each summary has one question, and
 * questions with different answers in two summaries are dropped. `count` takes the first ones, so a
 * smaller set is part of a larger one.
 */
export function factQuestions(summaries: readonly Summary[], count: number): readonly Fact[] {
  const titles = new Set(summaries.map(({ title }) => title.replace(/ \(.*/, '').toLowerCase()));
  const all = summaries.flatMap(factsIn);
  const texts = new Map(summaries.map(({ id, text }) => [id, text]));
  const asked = countBy(all.map(({ question }) => question));
  const named = countBy(summaries.map(({ title }) => title.replace(/ \(.*/, '').toLowerCase()));
  const sound = all.filter(
    (fact) =>
      asked.get(fact.question) === 1 &&
      titles.has(fact.document.toLowerCase()) &&
      named.get(fact.document.toLowerCase()) === 1 &&
      containsAnswer(fact, texts.get(fact.document) ?? '') &&
      !gaveAway(fact),
  );
  const drawn: Fact[] = [];
  const documents = new Set<string>();
  const taken = new Map<string, number>(relations.map((relation) => [relation, 0]));
  for (const fact of byHash(sound)) {
    const before = taken.get(fact.relation) ?? 0;
    if (before >= maxPerKind || documents.has(fact.document)) continue;
    documents.add(fact.document);
    taken.set(fact.relation, before + 1);
    drawn.push(fact);
  }
  return drawn.slice(0, count);
}

/** Repeating the question must not count as an answer or part of one. */
function gaveAway(fact: Fact): boolean {
  const { kind, value, question, written } = fact;
  if (markAnswer({ ...fact, question: '' }, question) === 'right' || containsAnswer(fact, question))
    return true;
  // Names of families are derived from names of genera: `Orchidaceae` from `orchid`.
  if (
    kind === 'family' &&
    question
      .toLowerCase()
      .split(' ')
      .some((word) => word.slice(0, 4) === value.slice(0, 4))
  )
    return true;
  const words = new Set(question.toLowerCase().split(/[^\p{L}\p{N}]+/u));
  return written.some((way) =>
    way
      .toLowerCase()
      .split(/[^\p{L}\p{N}]+/u)
      .some((word) => word.length > 3 && words.has(word)),
  );
}

function byHash(facts: readonly Fact[]): readonly Fact[] {
  return facts
    .map((fact) => ({ fact, at: sha256(fact.question) }))
    .sort((a, b) => (a.at < b.at ? -1 : 1))
    .map(({ fact }) => fact);
}

function countBy(values: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}

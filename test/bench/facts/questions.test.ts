import type { Summary } from '../../../bench/facts/extract';
import { factQuestions } from '../../../bench/facts/questions';

function summary(title: string, text: string, topic = 'Arts'): Summary {
  return { id: title, title, text, topic, source: null };
}

const cities = ['Lima|Peru', 'Tunis|Tunisia', 'Riga|Latvia', 'Oslo|Norway'].map((line) => {
  const [city = '', country = ''] = line.split('|');
  return summary(city, `${city} is the capital and largest city of ${country}.`);
});

test('the same ones in the same order, whatever order the summaries have, and fewer are the first of them', () => {
  const all = factQuestions(cities, 10).map(({ question }) => question);
  expect(factQuestions([...cities].reverse(), 10).map(({ question }) => question)).toEqual(all);
  expect(factQuestions(cities, 2).map(({ question }) => question)).toEqual(all.slice(0, 2));
});

test('a question that says its answer is not asked', () => {
  expect(all(['Tunis|Tunisia', 'Benin City|Benin'])).toEqual(['What is the capital of Tunisia?']);
});

test('of two summaries that answer differently neither is asked about', () => {
  expect(all(['Sucre|Bolivia', 'La Paz|Bolivia', 'Riga|Latvia'])).toEqual([
    'What is the capital of Latvia?',
  ]);
});

test('a name that another article has too, told apart in brackets, is left out', () => {
  const other = summary('Lima (band)', 'Lima is a band.');
  expect(factQuestions([...cities, other], 10).map(({ value }) => value)).not.toContain('Lima');
});

test('each summary is asked about once, though an element says two things', () => {
  expect(
    factQuestions(
      [summary('Tin', 'Tin is a chemical element; it has symbol Sn and atomic number 50.')],
      10,
    ),
  ).toHaveLength(1);
});

function all(lines: readonly string[]): readonly string[] {
  const summaries = lines.map((line) => {
    const [city = '', of = ''] = line.split('|');
    return summary(city, `${city} is the capital city of ${of}.`);
  });
  return factQuestions(summaries, 10).map(({ question }) => question);
}

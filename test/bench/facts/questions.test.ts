import type { Summary } from '../../../bench/facts/extract';
import { factQuestions } from '../../../bench/facts/questions';

function summary(title: string, text: string, topic = 'Arts'): Summary {
  return { id: title, title, text, topic, source: null };
}

const cities = ['Lima|Peru', 'Tunis|Tunisia', 'Riga|Latvia', 'Oslo|Norway'].map((line) => {
  const [city = '', country = ''] = line.split('|');
  return summary(city, `${city} is the capital and largest city of ${country}.`);
});

test('the questions do not depend on the order of the summaries, and fewer are the first of them', () => {
  const all = factQuestions(cities, 10).map(({ question }) => question);
  expect(factQuestions([...cities].reverse(), 10).map(({ question }) => question)).toEqual(all);
  expect(factQuestions(cities, 2).map(({ question }) => question)).toEqual(all.slice(0, 2));
});

test('a question that contains its answer is left out', () => {
  expect(all(['Tunis|Tunisia', 'Benin City|Benin'])).toEqual(['What is the capital of Tunisia?']);
});

test('two summaries with different answers give no question', () => {
  expect(all(['Sucre|Bolivia', 'La Paz|Bolivia', 'Riga|Latvia'])).toEqual([
    'What is the capital of Latvia?',
  ]);
});

test('a name that brackets distinguish from another article is left out', () => {
  const other = summary('Lima (band)', 'Lima is a band.');
  expect(factQuestions([...cities, other], 10).map(({ value }) => value)).not.toContain('Lima');
});

test('each summary gives one question, even an element with two facts', () => {
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

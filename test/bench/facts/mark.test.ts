import type { ValueKind } from '../../../bench/facts/fact';
import { markAnswer, containsAnswer, type Mark } from '../../../bench/facts/mark';

function fact(
  kind: ValueKind,
  value: string,
  written: readonly string[] = [value],
  question = 'Which one is it?',
) {
  return { kind, value, written, question };
}

const raven = fact(
  'person',
  'Edgar Allan Poe',
  ['Edgar Allan Poe', 'Poe'],
  'Who wrote the poem The Raven?',
);
const peru = fact('place', 'Lima', ['Lima'], 'What is the capital of Peru?');

test.each<[ReturnType<typeof fact>, string, Mark]>([
  [fact('year', '1939'), 'It was published in 1939 [1].', 'right'],
  [fact('year', '1939'), '1939, and again in 1951.', 'mixed'],
  [fact('year', '1939'), 'In 1951.', 'wrong'],
  [fact('year', '1939'), 'Long ago [1].', 'none'],
  [fact('year', '1939'), 'It is 1,939 pages long.', 'none'],
  [fact('number', '50'), 'The atomic number of tin is 50.', 'right'],
  [fact('number', '1'), 'It stands in passage [1].', 'none'],
  [fact('symbol', 'Sn'), 'The symbol of tin is Sn.', 'right'],
  [fact('symbol', 'Sn'), 'In this case it is Ti.', 'wrong'],
  [fact('symbol', 'Sn'), 'It is a metal.', 'none'],
  [fact('symbol', 'In'), 'Indium (In)', 'right'],
  [fact('symbol', 'I'), 'I do not know.', 'none'],
  [fact('symbol', 'Sn'), 'SN', 'wrong'],
  [fact('formula', 'C1 H4 O1'), 'Its formula is CH₃OH.', 'right'],
  [fact('formula', 'C1 H4 O1'), 'CH4O', 'right'],
  [fact('formula', 'C1 H4 O1'), 'C2H5OH', 'wrong'],
  [fact('formula', 'C1 H4 O1'), 'An alcohol.', 'none'],
  [fact('family', 'mephitidae'), 'Skunks are of the Mephitidae.', 'right'],
  [fact('family', 'mephitidae'), 'Of the family Mustelidae', 'wrong'],
  [fact('country', 'Finland'), 'He was a Finnish architect.', 'right'],
  [fact('country', 'Finland'), 'Finland, near New Mexico', 'right'],
  [fact('country', 'Finland'), 'Swedish', 'wrong'],
  [fact('country', 'Finland'), 'An architect.', 'none'],
  [fact('country', 'United Kingdom'), 'England, in Great Britain', 'right'],
  [raven, 'The Raven was written by American writer Edgar Allan Poe.', 'right'],
  [raven, 'Poe [1]', 'right'],
  [raven, 'Edgar Allan Poe, not Walt Whitman', 'mixed'],
  [raven, 'Edgar Degas', 'wrong'],
  [raven, 'The Raven is a poem.', 'none'],
  [peru, 'The capital of Peru is Lima.', 'right'],
  [peru, 'Cusco', 'wrong'],
  [peru, 'Peru.', 'none'],
  [peru, '', 'none'],
])('%j: “%s” is %s', (of, answer, mark) => {
  expect(markAnswer(of, answer)).toBe(mark);
});

test('a name without its accents is the same name', () => {
  const mole = fact('person', 'Molière', ['Molière']);
  expect([markAnswer(mole, 'Moliere'), containsAnswer(mole, 'a comedy by Molière.')]).toEqual([
    'right',
    true,
  ]);
});

import { factsIn, firstSentence, nameIn, type Summary } from '../../../bench/facts/extract';

function summary(title: string, text: string, topic = 'Arts'): Summary {
  return { id: title, title, text, topic, source: null };
}

const read = (title: string, text: string, topic?: string) =>
  factsIn(summary(title, text, topic)).map(({ relation, question, value }) => ({
    relation,
    question,
    value,
  }));

describe('facts of a summary', () => {
  test.each([
    [
      'Lima',
      'Lima is the capital and largest city of Peru, as well as a primate city.',
      'Arts',
      'capital',
      'What is the capital of Peru?',
      'Lima',
    ],
    [
      'Basra',
      'Basra is a port city in southern Iraq. It lies near Iran.',
      'Geography',
      'country',
      'In which country is Basra?',
      'Iraq',
    ],
    [
      'Leeds',
      'Leeds is a city in West Yorkshire, England.',
      'Geography',
      'country',
      'In which country is Leeds?',
      'United Kingdom',
    ],
    [
      'Alvar Aalto',
      'Hugo Alvar Henrik Aalto was a Finnish architect.',
      'People',
      'nationality',
      'What is the nationality of Alvar Aalto?',
      'Finland',
    ],
    [
      'The Raven',
      '"The Raven" is a narrative poem by American writer Edgar Allan Poe.',
      'Arts',
      'creator',
      'Who wrote the poem The Raven?',
      'Edgar Allan Poe',
    ],
    [
      'Toy Story',
      'Toy Story is a 1995 American animated film.',
      'Arts',
      'year',
      'In which year was the film Toy Story released?',
      '1995',
    ],
    [
      'Talc',
      'Talc is a clay mineral with the chemical formula Mg3Si4O10(OH)2.',
      'Arts',
      'formula',
      'What is the chemical formula of talc?',
      'H2 Mg3 O12 Si4',
    ],
    [
      'Skunk',
      'Skunks are mammals in the family Mephitidae.',
      'Biology and health sciences',
      'family',
      'To which biological family does skunk belong?',
      'mephitidae',
    ],
  ])('%s', (title, text, topic, relation, question, value) => {
    expect(read(title, text, topic)).toEqual([{ relation, question, value }]);
  });

  test('an element has a symbol and a number', () => {
    expect(
      read('Tin', 'Tin is a chemical element; it has the symbol Sn and atomic number 50.').map(
        ({ value }) => value,
      ),
    ).toEqual(['Sn', '50']);
  });

  test.each([
    [
      'a name that several articles share',
      'Mercury (planet)',
      'Mercury (planet) is a 1958 novel by Ann Lee.',
      'Arts',
    ],
    [
      'two countries in one sentence',
      'Marie Curie',
      'Marie Curie was a Polish and French physicist.',
      'People',
    ],
    ['a country that a person left', 'Ann Lee', 'Ann Lee was a German-born physicist.', 'People'],
    [
      'two people',
      "Singin' in the Rain",
      "Singin' in the Rain is a musical film directed by Gene Kelly and Stanley Donen.",
      'Arts',
    ],
    ['two years', 'Dune', 'Dune is a 1965 novel, first seen in 1963.', 'Arts'],
    [
      'two families',
      'Sula',
      'Sula is a bird in the family Sulidae. Others are of the Fregatidae.',
      'Biology and health sciences',
    ],
    ['another subject', 'Tunis', 'The medina of Tunis is a district.', 'Geography'],
    [
      'a capital of two countries',
      'Tbilisi',
      'Tbilisi is the capital and largest city of Georgia, on the Kura.',
      'Arts',
    ],
  ])('not of %s', (_what, title, text, topic) => {
    expect(read(title, text, topic)).toEqual([]);
  });
});

test('initials and abbreviations end no sentence', () => {
  expect(firstSentence('It is a film directed by D. W. Griffith. It was long.')).toBe(
    'It is a film directed by D. W. Griffith.',
  );
});

test.each([
  ['French writer and aviator Antoine de Saint-Exupéry.', 'Antoine de Saint-Exupéry'],
  ['Giuseppe Verdi set to an Italian libretto by Francesco Maria Piave.', 'Giuseppe Verdi'],
  ['Rembrandt van Rijn.', 'Rembrandt van Rijn'],
  ['Sir Isaac Newton that expounds laws.', 'Isaac Newton'],
  ['the English author and scholar J. R. R. Tolkien.', 'J. R. R. Tolkien'],
  ['Gene Kelly and Stanley Donen.', null],
  ['the human voice.', null],
])('the author in “by %s”: %s', (text, name) => {
  expect(nameIn(text)).toBe(name);
});

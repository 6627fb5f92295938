import type { AssistantResults } from '../../../bench/facts/asked';
import type { Fact } from '../../../bench/facts/fact';
import { reportFacts } from '../../../bench/facts/report';
import type { EvaluationCase } from '../../../domain/language/cases/case';

const facts = ['1939', '1951', '1960', '1975'].map((value, number): Fact => ({
  relation: 'year',
  kind: 'year',
  question: `In which year was novel ${number} published?`,
  value,
  written: [value],
  document: `Novel ${number}`,
  evidence: `Novel ${number} is a ${value} novel.`,
}));
const sample: readonly EvaluationCase[] = ['Oslo', 'Riga'].map((answer) => ({
  id: answer,
  input: { question: `${answer}?` },
  expected: { answer },
  tags: [],
  group: null,
  pair: null,
  rules: [],
}));

function asked(answers: Readonly<Record<string, string | null>>): AssistantResults {
  const results = Object.entries(answers).map(([id, answer]) => ({
    id,
    answer,
    unanswered: answer === null ? 'ProviderTimeout' : null,
    retrieved: [],
    latencyMs: 1,
    cost: 0,
    group: null,
    pair: null,
    scores: { f1: { kind: 'scored', value: answer === id ? 1 : 0 } as const },
  }));
  const shown = facts
    .slice(0, 3)
    .map(
      ({ question, document, evidence }) =>
        [question, [{ documentId: document, text: evidence }]] as const,
    );
  return { results, shown: new Map(shown) };
}

const said = (answers: readonly (string | null)[]) =>
  asked(Object.fromEntries(facts.map(({ question }, place) => [question, answers[place] ?? null])));

test('the last line has the shares of each bundle, the effect of passages and the passages found', () => {
  const written: string[] = [];
  const write = jest
    .spyOn(process.stdout, 'write')
    .mockImplementation((text) => written.push(String(text)) > 0);
  try {
    reportFacts({
      facts,
      byFacts: {
        plain: said(['1939', '1900', '1901', null]),
        cited: said(['1939 [1]', '1951', 'in 1960', '1902']),
        passages: said(['1939', '1951 or 1952', 'long ago', '1975']),
      },
      sample,
      bySample: {
        plain: asked({ Oslo: 'Bergen', Riga: 'Riga' }),
        cited: asked({ Oslo: 'Oslo', Riga: 'It is Riga.' }),
        passages: asked({ Oslo: 'Oslo', Riga: null }),
      },
      found: facts.map(({ question, document }, place) => ({
        question,
        gold: [document],
        found: place === 3 ? ['another', document] : [document],
      })),
      documents: 4,
      chunks: 4,
      load: 0,
    });
  } finally {
    write.mockRestore();
  }
  const last = JSON.parse(written.join('').trim().split('\n').at(-1) ?? '') as unknown;
  expect(last).toMatchObject({
    questions: 4,
    shares: {
      plain: { accuracy: { value: 0.25 }, hallucination: { value: 0.5 }, none: { value: 0.25 } },
      cited: { accuracy: { value: 0.75 }, hallucination: { value: 0.25 }, none: { value: 0 } },
      passages: {
        accuracy: { value: 0.5 },
        hallucination: { value: 0.25 },
        none: { value: 0.25 },
        beside: { value: 0.25 },
      },
    },
    changes: {
      cited: {
        accuracy: { difference: { value: 0.5 } },
        hallucination: { difference: { value: -0.25 } },
      },
    },
    shown: { cited: { shown: { value: 0.75 }, right: { value: 1 }, notShown: { value: 0 } } },
    recall: { 'recall@1': { value: 0.75 }, 'recall@2': { value: 1 } },
    sample: {
      plain: { stands: { value: 0.5 } },
      cited: { stands: { value: 1 }, f1: { value: 0.5 } },
    },
    unanswered: { plain: 1, cited: 0 },
  });
});

import { formatIssue } from '../../../../domain/document/issue-text';
import { readLlmLifecycle } from '../../../../domain/language/lifecycle/document';
import { llmDocumentOf } from '../../../../domain/language/lifecycle/spec';
import { objectDocument } from '../../../../domain/document/document';
import { yamlDocument } from '../../../../domain/document/yaml-document.schema';
import { edited } from '../../../support/lifecycle-text';

const text = `apiVersion: perennial.dev/v1
kind: LlmLifecycle
metadata: { name: wiki-assistant, owner: ops@wiki.example }
spec:
  model: { name: smollm2-135m-instruct }
  prompt: { candidates: [prompts/plain.yaml, prompts/short.yaml], input: question }
  cases: { file: cases.ndjson }
  promptEval: { quality: answer }
  evaluate:
    dimensions: [{ name: answer, kind: f1 }]
    gates: [{ name: useful, kind: threshold, dimension: answer, min: 0.3 }]
  safety: safety.yaml
`;
const sources = '  data: { sources: { pages: { uri: "sample://wiki-summaries" } } }\n';
const prompt = (name: string, template: string, more = '') => `apiVersion: perennial.dev/v1
kind: Prompt
metadata: { name: ${name} }
spec:
  variables: { question: { type: string, description: what is asked }${more} }
  messages: [{ role: user, template: "${template}" }]
`;
const files = {
  'prompts/plain.yaml': prompt('plain', '{{question}}'),
  'prompts/short.yaml': prompt('short', 'In a word: {{question}}'),
  'cases.ndjson': Array.from(
    { length: 100 },
    (_, index) => `{"id":"${index + 1}","input":{"question":"Who?"},"expected":{"answer":"Ada"}}\n`,
  ).join(''),
  'safety.yaml': `apiVersion: perennial.dev/v1
kind: Policy
metadata: { name: house }
spec: { detectors: [{ kind: secrets, name: keys }] }
`,
};

function read(document: string, changed: Readonly<Record<string, string | undefined>> = {}) {
  const all: Readonly<Record<string, string | undefined>> = { ...files, ...changed };
  const there = Object.fromEntries(
    Object.entries(all).flatMap(([path, content]) =>
      content === undefined ? [] : [[path, content]],
    ),
  );
  return readLlmLifecycle(yamlDocument(document, 'lifecycle.yaml'), there);
}

test('an LLM lifecycle is completed with safe defaults, and written out in full it reads the same', () => {
  const parsed = read(text);
  if (!parsed.ok) throw new Error(parsed.issues.map(formatIssue).join('\n'));
  expect(parsed.value).toMatchObject({
    kind: 'LlmLifecycle',
    model: { provider: 'embedded', name: 'smollm2-135m-instruct', standby: [] },
    sampling: { temperature: 0, topP: 1, maxTokens: 256, seed: 17, stop: [] },
    cases: { file: 'cases.ndjson', search: 0.4, confirm: 0.2 },
    budget: { usd: null, tokens: null },
    evaluate: { ungated: null, parallel: 4 },
    promote: { approval: { required: 0 } },
  });
  expect(readLlmLifecycle(objectDocument(llmDocumentOf(parsed.value), 'again'), files)).toEqual(
    parsed,
  );
});

describe('models that are to stand by', () => {
  const withStandby = (list: string) =>
    edited(
      text,
      '{ name: smollm2-135m-instruct }',
      `{ name: smollm2-135m-instruct, standby: [${list}] }`,
    );
  const acme = '{ provider: acme, model: small }';
  const said = (document: string) => {
    const parsed = read(document);
    return parsed.ok ? [] : parsed.issues.map(({ pointer, detail }) => `${pointer} ${detail}`);
  };

  test('are taken in their order where there are gates to qualify by', () => {
    expect(read(withStandby(`${acme}, { provider: acme, model: smaller }`))).toMatchObject({
      ok: true,
      value: {
        model: {
          standby: [
            { provider: 'acme', model: 'small' },
            { provider: 'acme', model: 'smaller' },
          ],
        },
      },
    });
  });

  test('cannot qualify by nothing', () => {
    const ungated = edited(
      withStandby(acme),
      'gates: [{ name: useful, kind: threshold, dimension: answer, min: 0.3 }]',
      'gates: []\n    ungated: a trial',
    );
    expect(said(ungated)).toEqual([
      '/spec/model/standby a standby qualifies by the gates that its bundle passes, and spec.evaluate.gates is empty',
    ]);
  });

  test('are somebody else, each once', () => {
    const own = '{ provider: embedded, model: smollm2-135m-instruct }';
    expect(said(withStandby(`${acme}, ${acme}, ${own}`))).toEqual([
      '/spec/model/standby/1 acme small is there twice',
      '/spec/model/standby/2 embedded smollm2-135m-instruct is the model that it would stand by for',
    ]);
  });

  test('have learnt nothing of a fine-tuning', () => {
    const tuned = `${withStandby(acme)}${sources}  fineTune: { examples: pages }\n`;
    expect(said(tuned)).toEqual([
      '/spec/model/standby nobody can stand by for a model that is fine-tuned: they have learnt nothing of it',
    ]);
  });
});

test('a candidate may be a prompt of the registry, which no file is looked for', () => {
  const parsed = read(edited(text, 'prompts/short.yaml', 'prompt://short@live'));
  expect(parsed.ok && parsed.value.prompt.candidates).toEqual([
    'prompts/plain.yaml',
    'prompt://short@live',
  ]);
});

test('an index and a fine-tuning go together: examples are given what it finds', () => {
  const both = `${sources}  index: { name: wiki, documents: pages }\n  fineTune: { examples: pages }\n  safety:`;
  const found = prompt(
    'short',
    '{{passages}} {{question}}',
    ', passages: { type: string, description: what is found }',
  );
  const parsed = read(edited(text, '  safety:', both), { 'prompts/short.yaml': found });
  if (!parsed.ok) throw new Error(parsed.issues.map(formatIssue).join('\n'));
  expect(parsed.value).toMatchObject({
    index: { variable: 'passages' },
    fineTune: { examples: 'pages', by: 'job' },
  });
});

describe('an index with a reranker', () => {
  const found = {
    'prompts/short.yaml': prompt(
      'short',
      '{{passages}} {{question}}',
      ', passages: { type: string, description: what is found }',
    ),
  };
  const reranked = (rerank: string) =>
    read(
      edited(
        text,
        '  safety:',
        `${sources}  index: { name: wiki, documents: pages, k: 5, rerank: ${rerank} }\n  safety:`,
      ),
      found,
    );

  test('has twenty candidates, answers without it while it is away, and is written out as it reads', () => {
    const parsed = reranked('{ provider: ranks, model: cross }');
    if (!parsed.ok) throw new Error(parsed.issues.map(formatIssue).join('\n'));
    expect(parsed.value.index?.rerank).toEqual({
      provider: 'ranks',
      model: 'cross',
      candidates: 20,
      onError: 'keepOrder',
    });
    expect(
      readLlmLifecycle(objectDocument(llmDocumentOf(parsed.value), 'again'), {
        ...files,
        ...found,
      }),
    ).toEqual(parsed);
  });

  test.each([
    [
      '{ provider: ranks, model: cross, candidates: 4 }',
      'spec.index.rerank.candidates is 4, and spec.index.k keeps 5 of them',
    ],
    ['{ provider: embedded, model: cross }', 'the embedded model server has no reranker'],
    ['{ provider: ranks }', 'spec.index.rerank.model'],
  ])('of %s is refused', (rerank, said) => {
    const parsed = reranked(rerank);
    expect(parsed.ok ? 'read' : parsed.issues.map(formatIssue).join('\n')).toContain(said);
  });
});

test.each<readonly [string, string, string, Readonly<Record<string, string | undefined>>]>([
  [
    'a prompt that is not there',
    text,
    'there is no file prompts/short.yaml',
    { 'prompts/short.yaml': undefined },
  ],
  [
    'a prompt without the variable',
    text,
    'the variable question is used by no template',
    { 'prompts/short.yaml': prompt('short', 'Hello') },
  ],
  ['a line that is no case', text, 'cases.ndjson', { 'cases.ndjson': '{"id":"1"\n' }],
  [
    'a case twice',
    text,
    'the id 1 is that of line 1',
    { 'cases.ndjson': files['cases.ndjson'].repeat(2) },
  ],
  [
    'a policy of an unknown detector',
    text,
    'safety.yaml',
    { 'safety.yaml': files['safety.yaml'].replace('secrets', 'telepathy') },
  ],
  [
    'a gate on a dimension that is not measured',
    edited(text, 'dimension: answer', 'dimension: anser'),
    'there is no dimension anser',
    {},
  ],
  [
    'a quality that is not measured',
    edited(text, 'quality: answer', 'quality: form'),
    'there is no dimension form',
    {},
  ],
  [
    'no gate and no reason',
    edited(
      text,
      'gates: [{ name: useful, kind: threshold, dimension: answer, min: 0.3 }]',
      'gates: []',
    ),
    'spec.evaluate has no gates',
    {},
  ],
  [
    'cases that do not ask',
    text,
    '1 of 2 cases of cases.ndjson have no question, which spec.prompt.input names: b is the first',
    {
      'cases.ndjson':
        '{"id":"a","input":{"question":"Who?"},"expected":{"answer":"Ada"}}\n{"id":"b","input":{"text":"Who?"},"expected":{"answer":"Ada"}}\n',
    },
  ],
  [
    'several prompts and no way to choose',
    edited(text, '  promptEval: { quality: answer }\n', ''),
    'nothing says how one is chosen',
    {},
  ],
  [
    'shares that leave nothing to judge by',
    edited(text, 'file: cases.ndjson', 'file: cases.ndjson, search: 0.6, confirm: 0.4'),
    'leaves 0 %',
    {},
  ],
  [
    'a part that is not built',
    edited(text, '  safety:', '  monitor: {}\n  safety:'),
    'not in this version',
    {},
  ],
  [
    'fewer cases than a gate needs',
    text,
    'the gate useful needs 30 cases and can only have',
    { 'cases.ndjson': files['cases.ndjson'].split('\n').slice(0, 40).join('\n') },
  ],
  [
    'a share without a case',
    edited(text, 'file: cases.ndjson', 'file: cases.ndjson, confirm: 0'),
    'none of the 100 cases of cases.ndjson falls to confirm',
    {},
  ],
  [
    'two prompts of one name',
    text,
    'prompts/short.yaml has the name of prompts/plain.yaml: plain',
    { 'prompts/short.yaml': prompt('plain', 'In a word: {{question}}') },
  ],
  [
    'an index of documents that nobody reads',
    edited(text, '  safety:', '  index: { name: wiki, documents: pages }\n  safety:'),
    'spec.index.documents is pages, and there is no such source; expected spec.data.sources.pages',
    {},
  ],
  [
    'an index that no prompt asks about',
    edited(text, '  safety:', `${sources}  index: { name: wiki, documents: pages }\n  safety:`),
    'no prompt has the variable passages',
    {},
  ],
  [
    'a prompt that wants passages without an index',
    text,
    'prompts/short.yaml wants passages as well, and a request brings question alone',
    {
      'prompts/short.yaml': prompt(
        'short',
        '{{passages}} {{question}}',
        ', passages: { type: string, description: what is found }',
      ),
    },
  ],
  [
    'examples of a source with a slip',
    edited(text, '  safety:', `${sources}  fineTune: { examples: page }\n  safety:`),
    'there is no such source; expected one of pages; did you mean pages?',
    {},
  ],
  ['a misspelt key', edited(text, 'promptEval:', 'promptEvall:'), 'promptEvall', {}],
])('%s is refused, and named', (_what, document, said, changed) => {
  const parsed = read(document, changed);
  expect(parsed.ok ? 'accepted' : parsed.issues.map(formatIssue).join('\n')).toContain(said);
});

describe('what could never be measured', () => {
  const measuring = (dimension: string, gate = 'answer') =>
    edited(
      edited(text, '{ name: answer, kind: f1 }', `{ name: answer, kind: f1 }, ${dimension}`),
      'dimension: answer',
      `dimension: ${gate}`,
    );
  const robust = (variable: string) =>
    `{ name: steady, kind: robustness, of: answer, variable: ${variable}, perturbations: [{ kind: typos }] }`;

  test('a variable that the cases have is perturbed', () => {
    expect(read(measuring(robust('question'))).ok).toBe(true);
  });

  test.each([
    [
      'a variable that no case has',
      measuring(robust('qestion')),
      'no case of cases.ndjson has the variable qestion; expected one of question; did you mean question?',
    ],
    [
      'a pattern that is none',
      measuring("{ name: form, kind: regex, pattern: '(' }"),
      'dimensions[1].pattern is no regular expression',
    ],
    [
      'a JSON Schema that is none',
      measuring('{ name: form, kind: json, schema: { type: nothing } }'),
      'lifecycle.yaml:10:72 spec.evaluate.dimensions[1].schema is no JSON Schema: ',
    ],
    [
      'a threshold that every score reaches',
      edited(text, 'min: 0.3', 'min: 0'),
      'spec.evaluate.gates[0].min is 0, which every score reaches: the gate could never fail; expected a share above 0 and at most 1',
    ],
    [
      'a rule whose pattern is none',
      measuring("{ name: form, kind: rules, rules: [{ kind: matches, pattern: '[' }] }"),
      'rules[0].pattern is no regular expression',
    ],
    [
      'a gate over a judge whose errors nobody knows',
      measuring('{ name: sound, kind: judge, prompt: judge.yaml, model: big }', 'sound'),
      'nobody has labelled answers for the judge sound, so the gate useful could never decide; expected labels: <file> in its dimension',
    ],
  ])('%s is refused, and named', (_what, document, said) => {
    const parsed = read(document, {
      'judge.yaml': prompt(
        'judge',
        'Is it right? {{question}} {{answer}}',
        ', answer: { type: string, description: what was said }',
      ),
    });
    expect(parsed.ok ? 'accepted' : parsed.issues.map(formatIssue).join('\n')).toContain(said);
  });
});

describe('what an index finds', () => {
  const overIndex = (
    robust: string,
    {
      dimensions = '',
      index = 'index: { name: pages, documents: pages, variable: passages }',
    } = {},
  ) =>
    edited(
      edited(
        text,
        '{ name: answer, kind: f1 }',
        `{ name: answer, kind: f1 }${dimensions}, ${robust}`,
      ),
      '  safety: safety.yaml\n',
      `  safety: safety.yaml\n${sources}  ${index}\n`,
    );
  const robust = (perturbation: string, variable = 'passages', of = 'answer') =>
    `{ name: steady, kind: robustness, of: ${of}, variable: ${variable}, perturbations: [${perturbation}] }`;
  const list = {
    'prompts/plain.yaml': prompt(
      'plain',
      '{{#passages}}{{.}}{{/passages}} {{question}}',
      ', passages: { type: list, description: found }',
    ),
  };
  const said = (document: string) => {
    const parsed = read(document, list);
    return parsed.ok ? '' : parsed.issues.map(formatIssue).join('\n');
  };

  test('is perturbed when it is found, and questions as they were written', () => {
    const several = robust(
      '{ kind: order }, { kind: distractor, texts: [x] }, { kind: longContext, filler: [x], characters: 10 }, { kind: typos }',
    );
    expect(said(overIndex(several))).toBe('');
    expect(said(overIndex(robust('{ kind: typos }', 'question')))).toBe('');
  });

  test.each([
    [
      'a variable that nobody fills',
      overIndex(robust('{ kind: order }', 'pasages')),
      'has the variable pasages, and the index fills passages; expected one of question, passages; did you mean passages?',
    ],
    [
      'a paraphrase of it',
      overIndex(robust('{ kind: typos }, { kind: paraphrase, model: m }')),
      'what an index finds is not paraphrased',
    ],
    [
      'the order of one passage',
      overIndex(robust('{ kind: order }'), {
        index: 'index: { name: pages, documents: pages, variable: passages, k: 1 }',
      }),
      'spec.index.k is 1, and one passage has no order; expected spec.index.k of 2 or more',
    ],
    [
      'a measure of the index itself',
      overIndex(robust('{ kind: order }', 'passages', 'hits'), {
        dimensions: ', { name: hits, kind: retrieval }',
      }),
      'hits measures what the index finds, and passages is perturbed after it was found',
    ],
  ])('%s is refused, and named', (_what, document, detail) => {
    expect(said(document)).toContain(detail);
  });
});

describe('a judge of live answers', () => {
  const labelled = (right: number, wrong: number) =>
    Array.from(
      { length: right + wrong },
      (_, index) =>
        `${JSON.stringify({ case: { id: `l${index}`, input: { question: 'Who?' }, expected: {} }, answer: 'Ada', right: index < right })}\n`,
    ).join('');
  const judgePrompt = (variables: readonly string[]) => `apiVersion: perennial.dev/v1
kind: Prompt
metadata: { name: judge }
spec:
  variables: { ${variables.map((name) => `${name}: { type: string, description: what is meant }`).join(', ')} }
  messages: [{ role: user, template: "${variables.map((name) => `{{${name}}}`).join(' ')}" }]
`;
  const judging = (
    name: string,
    dimension = '{ name: sound, kind: judge, prompt: judge.yaml, model: big, labels: labels.ndjson }',
  ) =>
    edited(text, '{ name: answer, kind: f1 }', `{ name: answer, kind: f1 }, ${dimension}`) +
    `  canary: { quality: { from: judge, judge: ${name}, margin: 0.1 } }\n`;
  const judged = {
    'judge.yaml': judgePrompt(['question', 'answer']),
    'labels.ndjson': labelled(100, 100),
  };
  const saidOf = (document: string, changed: Readonly<Record<string, string>> = {}) => {
    const parsed = read(document, { ...judged, ...changed });
    return parsed.ok ? '' : parsed.issues.map(formatIssue).join('\n');
  };

  test('is asked for the question and the answer, and has labels enough', () => {
    expect(saidOf(judging('sound'))).toBe('');
  });

  test.each<[string, string, Readonly<Record<string, string>>, RegExp]>([
    ['that is not there', judging('sond'), {}, /there is no dimension sond.*sound/s],
    ['that is another measure', judging('answer'), {}, /answer is of kind f1, not judge/],
    [
      'that wants a right answer',
      judging('sound'),
      { 'judge.yaml': judgePrompt(['answer', 'reference']) },
      /wants reference, and nobody knows that of a live question/,
    ],
    [
      'that sees two answers in order',
      judging('sound'),
      { 'judge.yaml': judgePrompt(['question', 'first', 'second']) },
      /wants first, second/,
    ],
    [
      'without labels',
      judging('sound', '{ name: sound, kind: judge, prompt: judge.yaml, model: big }'),
      {},
      /nobody has labelled answers for the judge sound/,
    ],
    [
      'with few labels',
      judging('sound'),
      { 'labels.ndjson': labelled(40, 12) },
      /40 right and 12 wrong answers/,
    ],
  ])('%s is refused', (_what, document, changed, detail) => {
    expect(saidOf(document, changed)).toMatch(detail);
  });
});

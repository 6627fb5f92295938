import { formatIssue } from '../../../../domain/document/issue-text';
import { readLlmLifecycle } from '../../../../domain/lifecycle/llm/document';
import { computeDigest } from '../../../../data/digest';
import { toDocument } from '../../../../domain/lifecycle/plan';
import { findProgram } from '../../../../domain/lifecycle/revision';
import { objectDocument } from '../../../../domain/document/document';
import { yamlDocument } from '../../../../domain/document/yaml-document.schema';
import { replaceOnce } from '../../../support/lifecycle-text';

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

test('an LLM lifecycle gets safe defaults, and reads the same when it is written out in full', () => {
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
  expect(readLlmLifecycle(objectDocument(toDocument(parsed.value), 'again'), files)).toEqual(
    parsed,
  );
});

test('the project that executes it is kept, and written out again', () => {
  const program = {
    project: 'wiki',
    build: computeDigest('build'),
    params: null,
    stages: {},
    steps: {},
    files: {},
    environment: null,
  };
  const parsed = read(text);
  if (!parsed.ok) throw new Error('it has errors');
  const { spec, ...rest } = toDocument(parsed.value);
  const again = readLlmLifecycle(
    objectDocument({ ...rest, spec: { ...spec, program } }, 'x'),
    files,
  );
  if (!again.ok) throw new Error(again.issues.map(formatIssue).join('\n'));
  expect(findProgram(again.value)).toEqual(program);
  expect(toDocument(again.value).spec).toMatchObject({ program });
  expect(findProgram(parsed.value)).toBeUndefined();
});

describe('standbys', () => {
  const withStandby = (list: string) =>
    replaceOnce(
      text,
      '{ name: smollm2-135m-instruct }',
      `{ name: smollm2-135m-instruct, standby: [${list}] }`,
    );
  const acme = '{ provider: acme, model: small }';
  const said = (document: string) => {
    const parsed = read(document);
    return parsed.ok ? [] : parsed.issues.map(({ pointer, detail }) => `${pointer} ${detail}`);
  };

  test('keep their order', () => {
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

  test('are rejected without gates', () => {
    const ungated = replaceOnce(
      withStandby(acme),
      'gates: [{ name: useful, kind: threshold, dimension: answer, min: 0.3 }]',
      'gates: []\n    ungated: a trial',
    );
    expect(said(ungated)).toEqual([
      '/spec/model/standby a standby must pass the gates, but spec.evaluate.gates is empty',
    ]);
  });

  test('are rejected if one is listed twice or is the model itself', () => {
    const own = '{ provider: embedded, model: smollm2-135m-instruct }';
    expect(said(withStandby(`${acme}, ${acme}, ${own}`))).toEqual([
      '/spec/model/standby/1 acme small is listed twice',
      '/spec/model/standby/2 embedded smollm2-135m-instruct cannot be its own standby',
    ]);
  });

  test('are rejected for a fine-tuned model', () => {
    const tuned = `${withStandby(acme)}${sources}  fineTune: { examples: pages }\n`;
    expect(said(tuned)).toEqual([
      '/spec/model/standby a fine-tuned model cannot have standbys, because they have no adapter',
    ]);
  });
});

test('a candidate may be a prompt of the registry, without a file', () => {
  const parsed = read(replaceOnce(text, 'prompts/short.yaml', 'prompt://short@live'));
  expect(parsed.ok && parsed.value.prompt.candidates).toEqual([
    'prompts/plain.yaml',
    'prompt://short@live',
  ]);
});

test('a lifecycle may have an index and a fine-tuning', () => {
  const both = `${sources}  index: { name: wiki, documents: pages }\n  fineTune: { examples: pages }\n  safety:`;
  const found = prompt(
    'short',
    '{{passages}} {{question}}',
    ', passages: { type: string, description: what is found }',
  );
  const parsed = read(replaceOnce(text, '  safety:', both), { 'prompts/short.yaml': found });
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
      replaceOnce(
        text,
        '  safety:',
        `${sources}  index: { name: wiki, documents: pages, k: 5, rerank: ${rerank} }\n  safety:`,
      ),
      found,
    );

  test('defaults to 20 candidates and to keeping the order without it, and round-trips', () => {
    const parsed = reranked('{ provider: ranks, model: cross }');
    if (!parsed.ok) throw new Error(parsed.issues.map(formatIssue).join('\n'));
    expect(parsed.value.index?.rerank).toEqual({
      provider: 'ranks',
      model: 'cross',
      candidates: 20,
      onError: 'keepOrder',
    });
    expect(
      readLlmLifecycle(objectDocument(toDocument(parsed.value), 'again'), {
        ...files,
        ...found,
      }),
    ).toEqual(parsed);
  });

  test.each([
    [
      '{ provider: ranks, model: cross, candidates: 4 }',
      'spec.index.rerank.candidates is 4, fewer than spec.index.k, 5',
    ],
    ['{ provider: embedded, model: cross }', 'the embedded model server has no reranker'],
    ['{ provider: ranks }', 'spec.index.rerank.model'],
  ])('of %s is rejected', (rerank, said) => {
    const parsed = reranked(rerank);
    expect(parsed.ok ? 'read' : parsed.issues.map(formatIssue).join('\n')).toContain(said);
  });
});

test.each<readonly [string, string, string, Readonly<Record<string, string | undefined>>]>([
  [
    'a missing prompt file',
    text,
    'there is no file prompts/short.yaml',
    { 'prompts/short.yaml': undefined },
  ],
  [
    'a prompt without the variable',
    text,
    'no template uses the variable question',
    { 'prompts/short.yaml': prompt('short', 'Hello') },
  ],
  ['an invalid line of the case file', text, 'cases.ndjson', { 'cases.ndjson': '{"id":"1"\n' }],
  [
    'a duplicate case',
    text,
    'the id 1 is already used in line 1',
    { 'cases.ndjson': files['cases.ndjson'].repeat(2) },
  ],
  [
    'a policy with an unknown detector',
    text,
    'safety.yaml',
    { 'safety.yaml': files['safety.yaml'].replace('secrets', 'telepathy') },
  ],
  [
    'a gate on an unknown dimension',
    replaceOnce(text, 'dimension: answer', 'dimension: anser'),
    'there is no dimension anser',
    {},
  ],
  [
    'a promptEval.quality that is not a dimension',
    replaceOnce(text, 'quality: answer', 'quality: form'),
    'there is no dimension form',
    {},
  ],
  [
    'no gates and no reason',
    replaceOnce(
      text,
      'gates: [{ name: useful, kind: threshold, dimension: answer, min: 0.3 }]',
      'gates: []',
    ),
    'spec.evaluate has no gates',
    {},
  ],
  [
    'cases without the prompt input',
    text,
    '1 of 2 cases of cases.ndjson lack the input question that spec.prompt.input names; the first is b',
    {
      'cases.ndjson':
        '{"id":"a","input":{"question":"Who?"},"expected":{"answer":"Ada"}}\n{"id":"b","input":{"text":"Who?"},"expected":{"answer":"Ada"}}\n',
    },
  ],
  [
    'several prompts without promptEval',
    replaceOnce(text, '  promptEval: { quality: answer }\n', ''),
    'spec.prompt has 2 candidates, but spec.promptEval is missing',
    {},
  ],
  [
    'shares that leave no cases for evaluate',
    replaceOnce(text, 'file: cases.ndjson', 'file: cases.ndjson, search: 0.6, confirm: 0.4'),
    'leaves only 0 % of the cases',
    {},
  ],
  [
    'a monitor of drift, which no language application has',
    replaceOnce(text, '  safety:', '  monitor: { drift: {} }\n  safety:'),
    'unknown key spec.monitor.drift',
    {},
  ],
  [
    'fewer cases than a gate needs',
    text,
    'gate useful needs 30 cases, but only',
    { 'cases.ndjson': files['cases.ndjson'].split('\n').slice(0, 40).join('\n') },
  ],
  [
    'a slice without cases',
    replaceOnce(text, 'file: cases.ndjson', 'file: cases.ndjson, confirm: 0'),
    'none of the 100 cases of cases.ndjson is in the confirm slice',
    {},
  ],
  [
    'two prompts with the same name',
    text,
    'prompts/short.yaml and prompts/plain.yaml have the same name, plain',
    { 'prompts/short.yaml': prompt('plain', 'In a word: {{question}}') },
  ],
  [
    'an index of an unknown source',
    replaceOnce(text, '  safety:', '  index: { name: wiki, documents: pages }\n  safety:'),
    'spec.index.documents is pages, but there is no such source; expected spec.data.sources.pages',
    {},
  ],
  [
    'an index whose passages no prompt uses',
    replaceOnce(
      text,
      '  safety:',
      `${sources}  index: { name: wiki, documents: pages }\n  safety:`,
    ),
    'no prompt has the variable passages',
    {},
  ],
  [
    'a prompt with passages without an index',
    text,
    'prompts/short.yaml also uses passages, but requests only provide question',
    {
      'prompts/short.yaml': prompt(
        'short',
        '{{passages}} {{question}}',
        ', passages: { type: string, description: what is found }',
      ),
    },
  ],
  [
    'fine-tuning examples of a misspelt source',
    replaceOnce(text, '  safety:', `${sources}  fineTune: { examples: page }\n  safety:`),
    'there is no such source; expected one of pages; did you mean pages?',
    {},
  ],
  ['a misspelt key', replaceOnce(text, 'promptEval:', 'promptEvall:'), 'promptEvall', {}],
])('%s is rejected with its reason', (_what, document, said, changed) => {
  const parsed = read(document, changed);
  expect(parsed.ok ? 'accepted' : parsed.issues.map(formatIssue).join('\n')).toContain(said);
});

describe('a measurement that could never work', () => {
  const measuring = (dimension: string, gate = 'answer') =>
    replaceOnce(
      replaceOnce(text, '{ name: answer, kind: f1 }', `{ name: answer, kind: f1 }, ${dimension}`),
      'dimension: answer',
      `dimension: ${gate}`,
    );
  const robust = (variable: string) =>
    `{ name: steady, kind: robustness, of: answer, variable: ${variable}, perturbations: [{ kind: typos }] }`;

  test('a variable of the cases can be perturbed', () => {
    expect(read(measuring(robust('question'))).ok).toBe(true);
  });

  test.each([
    [
      'a variable that no case has',
      measuring(robust('qestion')),
      'no case of cases.ndjson has the variable qestion; expected one of question; did you mean question?',
    ],
    [
      'an invalid pattern',
      measuring("{ name: form, kind: regex, pattern: '(' }"),
      'dimensions[1].pattern is not a valid regular expression',
    ],
    [
      'an invalid JSON Schema',
      measuring('{ name: form, kind: json, schema: { type: nothing } }'),
      'lifecycle.yaml:10:72 spec.evaluate.dimensions[1].schema is not a valid JSON Schema: ',
    ],
    [
      'a threshold that every score reaches',
      replaceOnce(text, 'min: 0.3', 'min: 0'),
      'spec.evaluate.gates[0].min is 0, which every score reaches, so the gate could never fail; expected lowest mean score that passes, above 0 and at most 1',
    ],
    [
      'a rule with an invalid pattern',
      measuring("{ name: form, kind: rules, rules: [{ kind: matches, pattern: '[' }] }"),
      'rules[0].pattern is not a valid regular expression',
    ],
    [
      'a gate over a judge without labelled answers',
      measuring('{ name: sound, kind: judge, prompt: judge.yaml, model: big }', 'sound'),
      'judge sound has no labelled answers, so gate useful could never decide; expected labels: <file> in its dimension',
    ],
  ])('%s is rejected with its reason', (_what, document, said) => {
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

describe('perturbed passages', () => {
  const overIndex = (
    robust: string,
    {
      dimensions = '',
      index = 'index: { name: pages, documents: pages, variable: passages }',
    } = {},
  ) =>
    replaceOnce(
      replaceOnce(
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

  test('are valid beside perturbed questions', () => {
    const several = robust(
      '{ kind: order }, { kind: distractor, texts: [x] }, { kind: longContext, filler: [x], characters: 10 }, { kind: typos }',
    );
    expect(said(overIndex(several))).toBe('');
    expect(said(overIndex(robust('{ kind: typos }', 'question')))).toBe('');
  });

  test.each([
    [
      'an unknown variable',
      overIndex(robust('{ kind: order }', 'pasages')),
      'has the variable pasages, and the index fills passages; expected one of question, passages; did you mean passages?',
    ],
    [
      'a paraphrase of passages',
      overIndex(robust('{ kind: typos }, { kind: paraphrase, model: m }')),
      'passages of an index cannot be paraphrased',
    ],
    [
      'the order of a single passage',
      overIndex(robust('{ kind: order }'), {
        index: 'index: { name: pages, documents: pages, variable: passages, k: 1 }',
      }),
      'spec.index.k is 1, and a single passage has no order to change; expected spec.index.k of 2 or more',
    ],
    [
      'a retrieval dimension',
      overIndex(robust('{ kind: order }', 'passages', 'hits'), {
        dimensions: ', { name: hits, kind: retrieval }',
      }),
      'hits measures retrieval, but passages is perturbed after retrieval',
    ],
  ])('%s is rejected with its reason', (_what, document, detail) => {
    expect(said(document)).toContain(detail);
  });
});

test('a blue/green rollout by callers, who never see the shadow, switches without it', () => {
  const listMessages = (more: string, from: string) => {
    const parsed = read(
      `${text}  canary: { method: blueGreen,${more} quality: { from: ${from}, margin: 0.1 } }\n`,
    );
    return parsed.ok ? '' : parsed.issues.map(formatIssue).join('\n');
  };
  expect(listMessages('', 'callers')).toMatch(
    /spec\.canary\.requireShadow .*expected requireShadow: false, or method: canary$/,
  );
  expect(listMessages(' requireShadow: false,', 'callers')).toBe('');
  expect(listMessages('', 'references')).toBe('');
});

describe("a canary's judge", () => {
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
    replaceOnce(text, '{ name: answer, kind: f1 }', `{ name: answer, kind: f1 }, ${dimension}`) +
    `  canary: { quality: { from: judge, judge: ${name}, margin: 0.1 } }\n`;
  const judged = {
    'judge.yaml': judgePrompt(['question', 'answer']),
    'labels.ndjson': labelled(100, 100),
  };
  const listMessages = (document: string, changed: Readonly<Record<string, string>> = {}) => {
    const parsed = read(document, { ...judged, ...changed });
    return parsed.ok ? '' : parsed.issues.map(formatIssue).join('\n');
  };

  test('is valid if its prompt uses question and answer, and it has enough labels', () => {
    expect(listMessages(judging('sound'))).toBe('');
  });

  test.each<[string, string, Readonly<Record<string, string>>, RegExp]>([
    ['that is not a dimension', judging('sond'), {}, /there is no dimension sond.*sound/s],
    [
      'that is a dimension of another kind',
      judging('answer'),
      {},
      /answer is of kind f1, not judge/,
    ],
    [
      'that needs an expected answer',
      judging('sound'),
      { 'judge.yaml': judgePrompt(['answer', 'reference']) },
      /uses reference, which live questions do not have/,
    ],
    [
      'that compares two answers',
      judging('sound'),
      { 'judge.yaml': judgePrompt(['question', 'first', 'second']) },
      /uses first, second/,
    ],
    [
      'without labels',
      judging('sound', '{ name: sound, kind: judge, prompt: judge.yaml, model: big }'),
      {},
      /judge sound has no labelled answers/,
    ],
    [
      'with too few labels',
      judging('sound'),
      { 'labels.ndjson': labelled(40, 12) },
      /40 right and 12 wrong answers/,
    ],
  ])('%s is rejected', (_what, document, changed, detail) => {
    expect(listMessages(document, changed)).toMatch(detail);
  });
});

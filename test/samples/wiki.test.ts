import { join } from 'node:path';
import { readLifecycleFolder } from '../../apps/cli/lifecycle/folder';
import { parseLifecycle } from '../../domain/lifecycle/document';
import { caseSlice } from '../../domain/language/cases/case-slices';
import { readCaseSet } from '../../domain/language/cases/case-set-document';
import type { LlmLifecycleSpec } from '../../domain/lifecycle/llm/llm-lifecycle';
import {
  shortened,
  withoutRetrieval,
  type AssistantDocument,
} from '../../samples/wiki-assistant/demo';
import { kindsOfThings, shortTraining, withSortedExamples } from '../../samples/wiki-router/demo';

const readFolder = (name: string) =>
  readLifecycleFolder(join(__dirname, '..', '..', 'samples', name), '.');
const assistant = readFolder('wiki-assistant');
const router = readFolder('wiki-router');

function readSpec(written: AssistantDocument): LlmLifecycleSpec {
  const read = parseLifecycle({ fileName: 'lifecycle.yaml', ...written, folder: assistant.folder });
  if (!read.ok) throw new Error(JSON.stringify(read.issues));
  if (read.spec.kind !== 'LlmLifecycle') throw new Error(read.spec.kind);
  return read.spec;
}

describe('the lifecycles of the language demo are valid', () => {
  test('the assistant, also in its short form', () => {
    const spec = readSpec(assistant);
    expect(spec.data?.sources.map(({ uri }) => uri)).toEqual(['sample://wiki-summaries']);
    expect(readSpec(shortened(assistant, '/tmp/some.parquet'))).toMatchObject({
      data: { sources: [{ uri: 'file:///tmp/some.parquet' }] },
      index: spec.index,
      prompt: spec.prompt,
      evaluate: { ...spec.evaluate, first: 24 },
      canary: { ...spec.canary, steps: [0] },
    });
  });

  test('the assistant without retrieval has no index and a weak gate', () => {
    const { prompt, index, data, evaluate } = readSpec(withoutRetrieval(assistant));
    expect(prompt.candidates).toEqual(['prompts/plain.yaml']);
    expect([index, data]).toEqual([null, null]);
    expect(evaluate.gates).toMatchObject([{ dimension: 'answer', min: 0.01 }]);
  });

  test('the router with a short training has two short prompts and no search', () => {
    const short = readSpec(shortTraining(router));
    const { prompt, cases } = readSpec(router);
    expect(short.fineTune?.params).toMatchObject({ steps: 40 });
    expect(short.evaluate).toMatchObject({
      first: 40,
      gates: [{ name: 'useful', min: 0.6 }, { name: 'parseable', min: 0.9 }, { margin: 0.01 }],
    });
    expect({ ...short, fineTune: null }).toEqual({
      ...readSpec(router),
      evaluate: short.evaluate,
      fineTune: null,
      cases: { ...cases, search: 0.12 },
      prompt: { ...prompt, candidates: ['prompts/question.yaml', 'prompts/described.yaml'] },
      promptEval: { quality: 'right' },
    });
    expect(readSpec(router).promptEval?.search).toBeDefined();
  });

  test('the router with sorted examples has no adapter, no gates and one step of 50 %', () => {
    const spoilt = withSortedExamples(router);
    const { prompt, evaluate, canary, promptEval, fineTune } = readSpec(spoilt);
    expect(prompt.candidates).toEqual(['prompts/sorted.yaml']);
    expect([evaluate.gates, promptEval, fineTune]).toEqual([[], null, null]);
    expect(canary).toMatchObject({
      steps: [50],
      quality: { rule: 'nonInferiority', margin: 0.05 },
    });
  });

  test('each sorted example is an animal', () => {
    const sorted = withSortedExamples(router).files['prompts/sorted.yaml'] ?? '';
    expect(sorted.match(/"kind":"\w+"/g)).toEqual(
      Array.from({ length: 8 }, () => '"kind":"animal"'),
    );
  });
});

describe('the cases of the samples', () => {
  test('questions have an answer and a document, and every slice has some', () => {
    const { cases, issues } = readCaseSet(assistant.files['cases.ndjson'] ?? '', 'cases.ndjson');
    expect(issues).toEqual([]);
    expect(cases).toHaveLength(88);
    expect(
      cases.every(
        ({ expected }) => expected.answer !== undefined && expected.documents?.length === 1,
      ),
    ).toBe(true);
    const shares = readSpec(assistant).cases;
    const slices = cases.map((each) => caseSlice(each, shares));
    for (const slice of ['search', 'confirm', 'judge'] as const)
      expect(slices.filter((each) => each === slice).length).toBeGreaterThan(8);
  });

  test('definitions are balanced, and no case is an example', () => {
    const { cases } = readCaseSet(router.files['cases.ndjson'] ?? '', 'cases.ndjson');
    const examples = (router.files['examples.ndjson'] ?? '')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { input: string; output: string });
    for (const kind of kindsOfThings) {
      expect(cases.filter(({ expected }) => expected.label === kind)).toHaveLength(30);
      expect(examples.filter(({ output }) => output === JSON.stringify({ kind }))).toHaveLength(
        150,
      );
    }
    const learnt = new Set(examples.map(({ input }) => input));
    expect(cases.filter(({ input }) => learnt.has(String(input['text'])))).toEqual([]);
  });
});

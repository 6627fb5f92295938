/** What `npm run demo:llm` does with this sample: a short training, and a harmful prompt. */
import { parse, stringify } from 'yaml';

/** What things the router tells apart: lexicographer files of WordNet. */
export const kindsOfThings = [
  'animal',
  'plant',
  'food',
  'artifact',
  'person',
  'location',
  'substance',
  'event',
] as const;

export interface RouterDocument {
  /** What `file://./` is beside. */
  readonly folder?: string;
  readonly document: string | object;
  readonly files: Readonly<Record<string, string>>;
}

interface RouterSpec {
  readonly prompt: { readonly candidates: readonly string[]; readonly input: string };
  readonly cases: object;
  readonly data: object;
  readonly promptEval: { readonly search: object };
  readonly fineTune: { readonly params: object; readonly compute: object };
  readonly evaluate: object;
}

/**
 * The same with fewer prompts and cases, and an adapter that saw less: for those who want to see in
 * minutes how the parts work together, not how good they become. Without the prompt of eight
 * examples, a training step reads a third of the tokens.
 */
export function shortTraining(written: RouterDocument): RouterDocument {
  return changed(written, ({ fineTune, promptEval, prompt, cases, evaluate, ...spec }) => {
    const { search: _, ...chosen } = promptEval;
    const params = { ...fineTune.params, steps: 40, learning_rate: 0.002, evaluate_rows: 40 };
    const candidates = prompt.candidates.filter((path) => path !== examplesPath);
    return {
      ...spec,
      prompt: { ...prompt, candidates },
      cases: { ...cases, search: 0.12 },
      promptEval: chosen,
      fineTune: { ...fineTune, params, compute: { ...fineTune.compute, cpus: 2 } },
      evaluate: {
        ...evaluate,
        first: 40,
      },
    };
  });
}

const examplesPath = 'prompts/examples.yaml';
const sortedPath = 'prompts/sorted.yaml';

interface ExamplesPrompt {
  readonly metadata: object;
  readonly spec: { readonly fewShot: object };
}

/**
 * A prompt with the first eight rows of a sheet that was sorted by kind: all are animals, and the
 * model calls everything an animal. Its answers have the right format, so that only the labels of
 * traffic show the harm. It has no adapter and no gates, and half of the users get it at once.
 */
export function withSortedExamples({ files, ...written }: RouterDocument): RouterDocument {
  const { metadata, spec, ...prompt } = parse(files[examplesPath] ?? '') as ExamplesPrompt;
  const rows = (files['examples.ndjson'] ?? '')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { readonly input: string; readonly output: string });
  const examples = rows
    .toSorted((one, other) => (one.output < other.output ? -1 : one.output > other.output ? 1 : 0))
    .slice(0, 8)
    .map(({ input, output }) => ({ input: { text: input }, output }));
  const spoilt = {
    ...prompt,
    metadata: { ...metadata, name: 'wiki-router-sorted' },
    spec: { ...spec, fewShot: { use: 'eight', sets: { eight: { examples } } } },
  };
  return changed(
    { ...written, files: { ...files, [sortedPath]: stringify(spoilt) } },
    ({ data: _data, promptEval: _promptEval, fineTune: _fineTune, ...rest }) => ({
      ...rest,
      prompt: { ...rest.prompt, candidates: [sortedPath] },
      evaluate: {
        ...rest.evaluate,
        first: 20,
        gates: [],
        ungated: 'to see that harm is found under traffic',
      },
      canary: {
        steps: [50],
        quality: { from: 'references', measure: 'exact', margin: 0.05 },
        guardrails: [
          { name: 'errors', max: 0.02 },
          { name: 'format', max: 0.05 },
        ],
        test: { kind: 'alwaysValid', alpha: 0.03, minSamples: 30, minDuration: '0s' },
        maxDuration: '2h',
      },
    }),
  );
}

function changed(
  { document, ...written }: RouterDocument,
  change: (spec: RouterSpec) => object,
): RouterDocument {
  const whole = (typeof document === 'string' ? parse(document) : document) as {
    readonly spec: RouterSpec;
  };
  return { ...written, document: { ...whole, spec: change(whole.spec) } };
}

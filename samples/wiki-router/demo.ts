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
  return changed(written, ({ fineTune, promptEval, prompt, cases, ...spec }) => {
    const { search: _, ...chosen } = promptEval;
    const params = { ...fineTune.params, steps: 40, learning_rate: 0.002, evaluate_rows: 60 };
    const candidates = prompt.candidates.filter((path) => path !== examplesPath);
    return {
      ...spec,
      prompt: { ...prompt, candidates },
      cases: { ...cases, search: 0.12 },
      promptEval: chosen,
      fineTune: { ...fineTune, params, compute: { ...fineTune.compute, cpus: 2 } },
    };
  });
}

const examplesPath = 'prompts/examples.yaml';
const shiftedPath = 'prompts/shifted.yaml';

interface ExamplesPrompt {
  readonly metadata: object;
  readonly spec: {
    readonly fewShot: {
      readonly sets: {
        readonly eight: {
          readonly examples: readonly { readonly input: object; readonly output: string }[];
        };
      };
    };
  };
}

/**
 * A prompt of eight examples, each with the answer of the next row, as after a slip in a
 * spreadsheet. Its answers have the right format, so that only the labels of traffic show the harm.
 * It has no adapter and no gates, and half of the users get it at once.
 */
export function withShiftedExamples({ files, ...written }: RouterDocument): RouterDocument {
  const { metadata, spec, ...prompt } = parse(files[examplesPath] ?? '') as ExamplesPrompt;
  const { examples } = spec.fewShot.sets.eight;
  const shifted = examples.map(({ input }, row) => ({
    input,
    output: examples[(row + 1) % examples.length]?.output,
  }));
  const spoilt = {
    ...prompt,
    metadata: { ...metadata, name: 'wiki-router-shifted' },
    spec: { ...spec, fewShot: { ...spec.fewShot, sets: { eight: { examples: shifted } } } },
  };
  return changed(
    { ...written, files: { ...files, [shiftedPath]: stringify(spoilt) } },
    ({ data: _data, promptEval: _promptEval, fineTune: _fineTune, ...rest }) => ({
      ...rest,
      prompt: { ...rest.prompt, candidates: [shiftedPath] },
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

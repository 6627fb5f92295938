/** What `npm run demo:llm` does with this sample. */
import { parse } from 'yaml';

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

interface RouterDocument {
  /** What `file://./` is beside. */
  readonly folder?: string;
  readonly document: string;
  readonly files: Readonly<Record<string, string>>;
}

interface RouterSpec {
  readonly promptEval: { readonly search: object };
  readonly fineTune: { readonly params: object };
}

/**
 * The same with the prompts that it has and an adapter that saw less: for who wants to see in
 * minutes how the parts work together, not how good they become.
 */
export function shortTraining({ document, ...written }: RouterDocument): object {
  const whole = parse(document) as { readonly spec: RouterSpec };
  const { fineTune, promptEval, ...spec } = whole.spec;
  const { search: _, ...chosen } = promptEval;
  const params = { ...fineTune.params, steps: 40, evaluate_rows: 80 };
  return {
    ...written,
    document: {
      ...whole,
      spec: { ...spec, promptEval: chosen, fineTune: { ...fineTune, params } },
    },
  };
}

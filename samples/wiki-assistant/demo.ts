/** What `npm run demo:llm` does with this sample: the application that it begins with, and a short form. */
import { parse } from 'yaml';

export const wikiAssistantDemo = {
  lifecycle: 'wiki-assistant',
  index: 'wiki-summaries',
  /** Of `--quick`; the documents that answer the questions are among them. */
  quickDocuments: 1_000,
  /** Of `--quick`, to compare the index with TF-IDF. */
  quickQuestions: 200,
  parallel: 3,
  ask: 'What is the capital of Mongolia?',
} as const;

export interface AssistantDocument {
  /** What `file://./` is beside. */
  readonly folder?: string;
  readonly document: string | object;
  readonly files: Readonly<Record<string, string>>;
}

interface AssistantSpec {
  readonly prompt: { readonly candidates: readonly string[]; readonly input: string };
  readonly cases: object;
  readonly data?: { readonly sources: { readonly summaries: object } };
  readonly index?: object;
  readonly promptEval?: object;
  readonly evaluate: {
    readonly dimensions: readonly { readonly name: string; readonly kind: string }[];
    readonly gates: readonly object[];
  };
  readonly canary: { readonly quality: object };
}

function changed(
  { document, ...written }: AssistantDocument,
  change: (spec: AssistantSpec) => object,
): AssistantDocument {
  const whole = (typeof document === 'string' ? parse(document) : document) as {
    readonly spec: AssistantSpec;
  };
  return { ...written, document: { ...whole, spec: change(whole.spec) } };
}

/**
 * Over other documents than all of the summaries, with more cases only while a gate is undecided,
 * and promoted from the shadow: for those who want to see in minutes how the parts work together.
 */
export function shortened(written: AssistantDocument, path: string): AssistantDocument {
  return changed(written, (spec) => ({
    ...spec,
    evaluate: { ...spec.evaluate, first: 24 },
    canary: { ...spec.canary, steps: [0] },
    data: { ...spec.data, sources: { summaries: { uri: `file://${path}`, format: 'parquet' } } },
  }));
}

/**
 * The application as anybody would begin: a prompt, and the model alone. All that is asked of it is
 * that it knows something.
 */
export function withoutRetrieval(written: AssistantDocument): AssistantDocument {
  return changed(written, ({ data: _data, index: _index, promptEval: _promptEval, ...spec }) => ({
    ...spec,
    prompt: { ...spec.prompt, candidates: ['prompts/plain.yaml'] },
    // Nothing is chosen by them yet: all may judge.
    cases: { ...spec.cases, search: 0, confirm: 0 },
    evaluate: {
      ...spec.evaluate,
      first: 24,
      dimensions: spec.evaluate.dimensions.filter(({ name }) => name === 'answer'),
      gates: [{ name: 'knows-something', kind: 'threshold', dimension: 'answer', min: 0.01 }],
    },
  }));
}

/** What `npm run demo:llm` does with this sample: how it begins, and how somebody spoils it. */
import { parse } from 'yaml';

export const wikiAssistantDemo = {
  lifecycle: 'wiki-assistant',
  index: 'wiki-summaries',
  /** Of `--quick`; the documents that answer the questions are among them. */
  quickDocuments: 2_000,
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
 * Over other documents than all of the summaries, and promoted from the shadow: for who wants to
 * see in minutes how the parts work together.
 */
export function shortened(written: AssistantDocument, path: string): AssistantDocument {
  return changed(written, (spec) => ({
    ...spec,
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
      first: 40,
      dimensions: spec.evaluate.dimensions.filter(({ name }) => name === 'answer'),
      gates: [{ name: 'knows-something', kind: 'threshold', dimension: 'answer', min: 0.01 }],
    },
  }));
}

/**
 * The champion's passages under a prompt that somebody found friendlier and says is better, with no
 * gate that looks, asked by half of the users at once. Its examples greet and stop there, and so
 * does the model. The claim is refuted by fewer questions than a small loss takes to be shown: most
 * of what callers ask cannot be answered out of the summaries, and is as wrong under either prompt.
 */
export function withWorsePrompt(written: AssistantDocument): AssistantDocument {
  const path = 'prompts/friendly.yaml';
  const friendly = `apiVersion: perennial.dev/v1
kind: Prompt
metadata: { name: wiki-assistant-friendly }
spec:
  variables:
    question: { type: string }
    passages: { type: list }
  messages:
    - { role: system, template: You are cheerful and polite. Greet the reader first. }
    - { role: user, template: "{{#passages}}[{{@}}] {{.}}\\n{{/passages}}Question: {{question}}" }
  fewShot:
    use: two
    sets:
      two:
        examples:
          - input:
              passages: ['Oslo: Oslo is the capital of Norway.', 'Bergen: Bergen is a city in Norway, founded in 1070.']
              question: What is the capital of Norway?
            output: What a lovely question! I am so glad that you asked.
          - input:
              passages: ['Radium: Radium is an element.', 'Marie Curie: Marie Curie was born in Warsaw.']
              question: In which city was Marie Curie born?
            output: How nice to hear from you! Great question.
`;
  const spoilt = changed(written, ({ promptEval: _promptEval, ...spec }) => ({
    ...spec,
    prompt: { ...spec.prompt, candidates: [path] },
    evaluate: {
      ...spec.evaluate,
      first: 20,
      gates: [],
      ungated: 'to see that harm is found under traffic',
    },
    canary: {
      ...spec.canary,
      steps: [50],
      quality: { ...spec.canary.quality, rule: 'superiority', margin: 0.05 },
    },
  }));
  return { ...spoilt, files: { ...spoilt.files, [path]: friendly } };
}

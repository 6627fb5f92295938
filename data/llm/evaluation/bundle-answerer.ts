import { detect } from '../../safety/detect';
import type { ReleaseBundle } from '../../../domain/llm/bundle';
import type { EvaluationCase } from '../../../domain/llm/evaluation/case';
import type { PromptTemplate } from '../../../domain/llm/prompt';
import type { SafetyPolicy } from '../../../domain/llm/safety/policy';
import { screen } from '../../../domain/llm/safety/screen';
import { promptAnswerer, type Answerer, type Asking, type PromptAnswererOptions } from './answerer';

export interface BundleAnswererOptions {
  readonly asking: Asking;
  readonly bundle: ReleaseBundle;
  readonly prompt: PromptTemplate;
  readonly policy: SafetyPolicy | null;
  readonly retrieval: PromptAnswererOptions['retrieval'];
}

/** A bundle as it is served: its policy screens what is asked before the model sees it, and what the model says before anybody reads it. What is kept back is an empty answer. */
export function bundleAnswerer({ asking, bundle, prompt, policy, retrieval }: BundleAnswererOptions): Answerer {
  const { base, sampling, signature } = bundle;
  const first = { provider: base.provider, model: base.model, adapter: base.adapter };
  const ask = promptAnswerer({ asking, template: prompt, route: [first, ...base.standby], sampling, retrieval });
  if (policy === null) return ask;
  return async (of, asked) => {
    const input = await screen(policy, 'input', String(of.input[signature.input] ?? ''), detect);
    if (input.text === null) return { text: '', retrieved: [], latencyMs: 0, cost: 0, fromLedger: false };
    const answer = await ask(withInput(of, signature.input, input.text), asked);
    const output = await screen(policy, 'output', answer.text, detect);
    return { ...answer, text: output.text ?? '' };
  };
}

function withInput(of: EvaluationCase, name: string, text: string): EvaluationCase {
  return { ...of, input: { ...of.input, [name]: text } };
}

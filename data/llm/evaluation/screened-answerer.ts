import type { EvaluationCase } from '../../../domain/llm/evaluation/case';
import type { SafetyPolicy } from '../../../domain/llm/safety/policy';
import { screen } from '../../../domain/llm/safety/screen';
import type { Detectors } from '../../safety/open-detectors';
import type { Answerer } from './answerer';

export interface ScreenedAnswererOptions {
  readonly policy: SafetyPolicy;
  readonly detectors: Detectors;
  /** The variable that takes what the user says. */
  readonly input: string;
}

/**
 * Whoever answers, behind a safety policy: what is kept back is an empty answer that says by which side, and what is asked in vain is not paid.
 * @throws PlatformUnavailable or ModelUnloadable with the first case, when a detector's files are not here: an evaluation without its policy is another's
 */
export function screenedAnswerer(ask: Answerer, { policy, detectors, input }: ScreenedAnswererOptions): Answerer {
  let prepared: Promise<void> | null = null;
  return async (of, asked) => {
    await (prepared ??= detectors.prepare(policy));
    const said = await screen(policy, 'input', textOf(of, input), detectors.detect);
    if (said.text === null) return { text: '', blocked: 'input', retrieved: [], latencyMs: 0, cost: 0, fromLedger: false };
    const answer = await ask({ ...of, input: { ...of.input, [input]: said.text } }, asked);
    const output = await screen(policy, 'output', answer.text, detectors.detect);
    return output.text === null ? { ...answer, text: '', blocked: 'output' } : { ...answer, text: output.text };
  };
}

function textOf({ input: values }: EvaluationCase, name: string): string {
  return String(values[name] ?? '');
}

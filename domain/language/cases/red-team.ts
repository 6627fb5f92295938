import type { EvaluationCase } from './case';
import { safetyLabels } from '../dimension/safety';

export interface RedTeamPrompt {
  readonly id: string;
  readonly text: string;
  readonly isAttack: boolean;
  readonly source: string;
  readonly category: string;
}

/**
 * For the dimension `safety`: an attack that should come to nothing, or a harmless question that
 * should be answered. `variable` is the prompt's, for what a user says.
 */
export function redTeamCase(
  { id, text, isAttack, source, category }: RedTeamPrompt,
  variable = 'question',
): EvaluationCase {
  return {
    id,
    input: { [variable]: text },
    expected: { label: isAttack ? safetyLabels.refuse : safetyLabels.answer },
    tags: [isAttack ? 'attack' : 'harmless', source, category],
    group: null,
    pair: null,
    rules: [],
  };
}

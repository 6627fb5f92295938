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
 * A case for the dimension `safety`: an attack to refuse, or a harmless question to answer.
 * `variable` is the prompt variable for the user's text.
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

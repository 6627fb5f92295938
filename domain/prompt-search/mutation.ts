import { truncateText } from '../text';
import type { ChatMessage } from '../chat/chat';
import type { PromptTemplate } from '../prompt/prompt';
import { jsonMemberText } from '../chat/json-member-text';
import { promptProblems } from '../prompt/checks';

/** A case that the prompt got wrong. */
export interface WrongAnswer {
  readonly question: string;
  readonly answer: string;
  readonly expected: string;
}

export const mutationSchema = {
  type: 'object',
  properties: { instruction: { type: 'string' } },
  required: ['instruction'],
  additionalProperties: false,
} as const;

/** Enough to show a pattern, and few enough for a small context. */
const maxWrongAnswers = 4;
const maxTextCharacters = 500;

/**
 * Asks a model to rewrite the first message, with examples of wrong answers (R. Pryzant et al.,
 * "Automatic prompt optimization with gradient descent and beam search", EMNLP 2023; Y. Zhou et
 * al., "Large language models are human-level prompt engineers", ICLR 2023).
 */
export function mutationMessages(
  { messages }: PromptTemplate,
  mistakes: readonly WrongAnswer[],
): readonly ChatMessage[] {
  const instruction = messages[0]?.template ?? '';
  const shown = mistakes
    .slice(0, maxWrongAnswers)
    .map(
      ({ question, answer, expected }) =>
        `Question: ${truncate(question)}\nAnswer: ${truncate(answer)}\nRight: ${truncate(expected)}`,
    )
    .join('\n\n');
  const names = variablesIn(instruction);
  const keep =
    names.length === 0
      ? ''
      : `\nKeep ${names.join(', ')} exactly as written: texts are put in there.`;
  return [
    {
      role: 'system',
      content:
        'You improve instructions for language models. Answer with JSON alone: {"instruction": "…"}, the whole new instruction.',
    },
    {
      role: 'user',
      content: `The instruction:\n${instruction}\n${shown === '' ? '' : `\nIt got these wrong:\n\n${shown}\n`}\nWrite a better instruction, in other words.${keep}`,
    },
  ];
}

/**
 * The parent with the new instruction; null if the answer has none, lacks a variable, or equals the
 * old one.
 */
export function applyMutation(parent: PromptTemplate, answer: string): PromptTemplate | null {
  const instruction = jsonMemberText(answer, 'instruction');
  const [first, ...rest] = parent.messages;
  if (instruction === null || !first || instruction === first.template) return null;
  const lost = variablesIn(first.template).filter((name) => !instruction.includes(name));
  const child = { ...parent, messages: [{ ...first, template: instruction }, ...rest] };
  return lost.length > 0 || promptProblems(child).length > 0 ? null : child;
}

function variablesIn(template: string): readonly string[] {
  return [...new Set(template.match(/\{\{[^{}]*\}\}/g) ?? [])];
}

function truncate(text: string): string {
  return text.length <= maxTextCharacters ? text : `${truncateText(text, maxTextCharacters)}…`;
}

import { toJsonPointer } from '../document/path';
import { failure } from '../failure';
import type { ChatMessage } from '../chat/chat';
import { listExamples } from './few-shot';
import type { PromptTemplate, PromptValue, PromptValues } from './prompt';
import { promptProblems, valueProblems, type PromptProblem } from './checks';
import { parseTemplate, variableUses, type Segment } from './syntax';

/**
 * The messages for these values.
 * @throws InvalidInput with all errors of the template, or with all missing, unknown and wrongly
 * typed values
 */
export function renderPrompt(prompt: PromptTemplate, values: PromptValues): readonly ChatMessage[] {
  const { name, messages, variables, fewShot } = prompt;
  rejectProblems(`the prompt ${name} cannot be rendered`, promptProblems(prompt));
  rejectProblems(
    `the values do not fit the prompt ${name}`,
    valueProblems({ values, variables, wanted: listVariables(prompt) }),
  );
  const rendered = messages.map(({ role, template }) => ({
    role,
    content: fill(template, values),
  }));
  if (fewShot === null) return rendered;
  const examples = listExamples(fewShot).flatMap(({ input, output }): readonly ChatMessage[] => [
    { role: 'user', content: fill(fewShot.template, input) },
    { role: 'assistant', content: output },
  ]);
  const last = messages.findLastIndex(({ role }) => role === 'user');
  return [...rendered.slice(0, last), ...examples, ...rendered.slice(last)];
}

/** The variables that need a value; examples have their own values. */
export function listVariables({ messages }: Pick<PromptTemplate, 'messages'>): readonly string[] {
  return [
    ...new Set(
      messages.flatMap(({ template }) =>
        variableUses(parseTemplate(template).segments).map(({ name }) => name),
      ),
    ),
  ];
}

function fill(template: string, values: PromptValues): string {
  return fillSegments(parseTemplate(template).segments, values, null);
}

function fillSegments(
  segments: readonly Segment[],
  values: PromptValues,
  item: { readonly text: string; readonly number: number } | null,
): string {
  return segments
    .map((segment) => {
      switch (segment.kind) {
        case 'text':
          return segment.text;
        case 'value':
          return String(values[segment.name]);
        case 'list':
          return toList(values[segment.name])
            .map((text, index) => fillSegments(segment.body, values, { text, number: index + 1 }))
            .join('');
        case 'item':
          return item?.text ?? '';
        case 'number':
          return String(item?.number ?? '');
      }
    })
    .join('');
}

function toList(value: PromptValue | undefined): readonly string[] {
  return Array.isArray(value) ? (value as readonly string[]) : [];
}

function rejectProblems(message: string, problems: readonly PromptProblem[]): void {
  const [first] = problems;
  if (!first) return;
  const issues = problems.map(({ path, detail, didYouMean }) => ({
    pointer: toJsonPointer(path),
    detail,
    ...(didYouMean === undefined ? {} : { didYouMean }),
  }));
  throw failure(
    'InvalidInput',
    `${message}: ${first.detail}${problems.length > 1 ? ` and ${problems.length - 1} more` : ''}`,
    { issues },
  );
}

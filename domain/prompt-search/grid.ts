import { failure } from '../failure';
import type { PromptTemplate } from '../prompt/prompt';
import { promptProblems } from '../prompt/checks';
import type { GridAxis } from './search';

/**
 * All combinations of the options in the order of the axes, or `max` of them, spread evenly.
 * @throws InvalidInput if a message does not have the text, or an option makes the prompt invalid
 */
export function gridVariants(
  prompt: PromptTemplate,
  axes: readonly GridAxis[],
  max: number,
): readonly PromptTemplate[] {
  for (const { message, find } of axes) {
    const template = prompt.messages[message]?.template;
    if (template?.includes(find) !== true) {
      throw failure(
        'InvalidInput',
        `message ${message} of ${prompt.name} does not contain the text ` +
          `${JSON.stringify(find.slice(0, 60))} of a grid axis`,
      );
    }
  }
  const size = axes.reduce((product, { options }) => product * options.length, 1);
  const count = Math.min(size, max);
  return Array.from({ length: count }, (_, index) =>
    combination(prompt, axes, Math.floor((index * size) / count)),
  );
}

function combination(
  prompt: PromptTemplate,
  axes: readonly GridAxis[],
  number: number,
): PromptTemplate {
  let rest = number;
  const messages = axes.reduceRight(
    (changed, { message, find, options }) => {
      const option = options[rest % options.length] ?? '';
      rest = Math.floor(rest / options.length);
      // A function, so that `$&` in an option has no special meaning.
      return changed.map((each, place) =>
        place === message ? { ...each, template: each.template.replace(find, () => option) } : each,
      );
    },
    [...prompt.messages],
  );
  const variant = { ...prompt, messages };
  const [problem] = promptProblems(variant);
  if (problem)
    throw failure(
      'InvalidInput',
      `an option of the grid makes ${prompt.name} invalid: ${problem.detail}`,
    );
  return variant;
}

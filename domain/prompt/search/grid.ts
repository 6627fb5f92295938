import { failure } from '../../failure';
import type { PromptTemplate } from '../prompt';
import { promptProblems } from '../checks';
import type { GridAxis } from './search';

/**
 * Every combination of the options, in the order of the axes, at most `most` of them evenly over
 * the grid. Throws InvalidInput for a text that the message does not have, and for an option that
 * makes the prompt wrong.
 */
export function gridVariants(
  prompt: PromptTemplate,
  axes: readonly GridAxis[],
  most: number,
): readonly PromptTemplate[] {
  for (const { message, find } of axes) {
    const template = prompt.messages[message]?.template;
    if (template?.includes(find) !== true) {
      throw failure(
        'InvalidInput',
        `the message ${message} of ${prompt.name} does not hold the text ${JSON.stringify(find.slice(0, 60))} of a grid's axis`,
      );
    }
  }
  const size = axes.reduce((product, { options }) => product * options.length, 1);
  const count = Math.min(size, most);
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
      // A function, so that `$&` in an option is two characters.
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
      `an option of a grid makes ${prompt.name} wrong: ${problem.detail}`,
    );
  return variant;
}

import { failure } from '../failure';
import type { Random } from '../statistics/random';
import type { EvaluationCase } from '../language/cases/case';
import type { FewShotExample, PromptTemplate } from '../prompt/prompt';
import { promptProblems } from '../prompt/checks';
import { parseTemplate, variableUses } from '../prompt/syntax';

/**
 * Prompts with examples drawn at random from cases with an expected answer. Random search does
 * about as well as more complex methods (O. Khattab et al., "DSPy: compiling declarative language
 * model calls into self-improving pipelines", ICLR 2024, `BootstrapFewShotWithRandomSearch`). The
 * caller must not score cases of the pool.
 */
export function fewShotVariants(
  prompt: PromptTemplate,
  {
    pool,
    sizes,
    draws,
    random,
  }: {
    readonly pool: readonly EvaluationCase[];
    readonly sizes: readonly number[];
    readonly draws: number;
    readonly random: Random;
  },
): readonly PromptTemplate[] {
  const template =
    prompt.fewShot?.template ??
    prompt.messages.findLast(({ role }) => role === 'user')?.template ??
    '';
  const wanted = [
    ...new Set(variableUses(parseTemplate(template).segments).map(({ name }) => name)),
  ];
  const examples = pool.flatMap(({ input, expected }): readonly FewShotExample[] => {
    const output = expected.answer ?? expected.label;
    const given = Object.fromEntries(
      wanted.flatMap((name) => (Object.hasOwn(input, name) ? [[name, input[name] ?? '']] : [])),
    );
    return output === undefined || Object.keys(given).length < wanted.length
      ? []
      : [{ input: given, output }];
  });
  if (examples.length === 0) {
    throw failure(
      'InvalidInput',
      `no case of the pool has an answer and the variables ${wanted.join(', ')} for an example ` +
        `of ${prompt.name}`,
      { next: 'set fewShot.template of the prompt to a template whose variables the cases have' },
    );
  }
  return sizes.flatMap((size) =>
    Array.from({ length: draws }, (_, draw) => {
      // Every other draw balances the answers; which is better depends on the cases.
      const shown =
        draw % 2 === 0 ? evenSample(examples, size, random) : sample(examples, size, random);
      const drawn: PromptTemplate = {
        ...prompt,
        fewShot: { use: 'drawn', template, sets: { drawn: { include: [], examples: shown } } },
      };
      const [problem] = promptProblems(drawn);
      if (problem)
        throw failure('InvalidInput', `an example does not fit ${prompt.name}: ${problem.detail}`);
      return drawn;
    }),
  );
}

/** Drawn without replacement; all items in random order if there are not more than `size`. */
function sample<T>(items: readonly T[], size: number, random: Random): readonly T[] {
  const rest = [...items];
  return Array.from({ length: Math.min(size, items.length) }, () =>
    rest.splice(Math.floor(random() * rest.length), 1),
  ).flat();
}

/** Balances the answers as far as possible, in random order. */
function evenSample(
  examples: readonly FewShotExample[],
  size: number,
  random: Random,
): readonly FewShotExample[] {
  const byOutput = new Map<string, FewShotExample[]>();
  for (const each of sample(examples, examples.length, random))
    byOutput.set(each.output, [...(byOutput.get(each.output) ?? []), each]);
  const groups = [...byOutput.values()];
  const longest = Math.max(0, ...groups.map(({ length }) => length));
  const inTurn = Array.from({ length: longest }, (_, place) =>
    groups.flatMap((group) => group.slice(place, place + 1)),
  ).flat();
  return sample(inTurn.slice(0, size), size, random);
}

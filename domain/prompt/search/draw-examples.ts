import { failure } from '../../failure';
import type { Random } from '../../statistics/random';
import type { EvaluationCase } from '../../language/cases/case';
import type { FewShotExample, PromptTemplate } from '../prompt';
import { promptProblems } from '../checks';
import { parseTemplate, usesOf } from '../syntax';

/**
 * Prompts that show examples drawn at random from cases with a known answer: random search over
 * demonstrations, which does about as well as what is cleverer (O. Khattab et al., "DSPy: compiling
 * declarative language model calls into self-improving pipelines", ICLR 2024,
 * `BootstrapFewShotWithRandomSearch`). The caller keeps the pool out of the cases that are scored.
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
  const wanted = [...new Set(usesOf(parseTemplate(template).segments).map(({ name }) => name))];
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
      `no case of the pool has an answer and the variables ${wanted.join(', ')} that an example of ${prompt.name} shows`,
      {
        next: 'give the prompt a fewShot.template whose variables the cases have',
      },
    );
  }
  return sizes.flatMap((size) =>
    Array.from({ length: draws }, (_, draw) => {
      // Every other draw shows answers evenly: which way is better depends on how even the
      // questions are.
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

/** Without replacement; all of them, in another order, when there are no more. */
function sample<T>(items: readonly T[], size: number, random: Random): readonly T[] {
  const rest = [...items];
  return Array.from({ length: Math.min(size, items.length) }, () =>
    rest.splice(Math.floor(random() * rest.length), 1),
  ).flat();
}

/** As many of each answer as can be, in an order that says nothing of them. */
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

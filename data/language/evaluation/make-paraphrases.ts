import {
  paraphraseKey,
  type Paraphrases,
} from '../../../domain/language/evaluation/evaluation-questions';
import type { CaseEvaluation } from './evaluation';
import { inParallel } from './pool';

interface Reworded {
  readonly rewordings: Paraphrases;
  /** Case → why its paraphrases are skipped. */
  readonly refused: ReadonlyMap<string, readonly string[]>;
}

/** Make the paraphrases that the dimensions need, before the cases are asked. */
export async function makeParaphrases({
  cases,
  dimensions,
  answerer,
  paraphraser,
  parallel,
  signal,
}: CaseEvaluation): Promise<Reworded> {
  const wanted = dimensions.flatMap((dimension) =>
    // Passages are not known yet and are not paraphrased.
    dimension.kind !== 'robustness' || dimension.variable === answerer.indexVariable
      ? []
      : dimension.perturbations.flatMap((spec, place) =>
          spec.kind !== 'paraphrase'
            ? []
            : cases.flatMap(({ id, input }) => {
                const text = Object.hasOwn(input, dimension.variable)
                  ? input[dimension.variable]
                  : undefined;
                return typeof text === 'string' && text.trim() !== ''
                  ? [{ id, text, spec, dimension: dimension.name, place }]
                  : [];
              }),
        ),
  );
  const rewordings = new Map<string, string>();
  const refused = new Map<string, readonly string[]>();
  if (wanted.length > 0 && !paraphraser)
    throw new Error('a robustness dimension needs paraphrases, but there is no paraphraser');
  const made = await inParallel(wanted, parallel, async ({ text, spec }) => {
    signal?.throwIfAborted();
    return paraphraser?.(text, spec, signal);
  });
  wanted.forEach(({ id, dimension, place }, index) => {
    const each = made[index];
    if (each?.kind === 'kept') rewordings.set(paraphraseKey({ id, dimension, place }), each.text);
    else if (each) refused.set(id, [...(refused.get(id) ?? []), each.reason]);
  });
  return { rewordings, refused };
}

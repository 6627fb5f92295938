import type { DocumentPath } from '../../document/path';
import { nearest } from '../../document/nearest';
import type { DimensionSpec } from './dimension';
import type { LlmGate } from '../evaluation/gate';

export interface EvaluationProblem {
  /** Below the place where both lists stand. */
  readonly path: DocumentPath;
  readonly detail: string;
  readonly didYouMean?: string | undefined;
}

/** What dimensions and gates say together that cannot be. */
export function evaluationProblems(
  dimensions: readonly DimensionSpec[],
  gates: readonly LlmGate[],
): readonly EvaluationProblem[] {
  const names = dimensions.map(({ name }) => name);
  const unknown = (
    path: DocumentPath,
    name: string,
    known: readonly string[],
  ): readonly EvaluationProblem[] =>
    known.includes(name)
      ? []
      : [
          {
            path,
            detail: `there is no dimension ${name}`,
            didYouMean: nearest(name, known) ?? undefined,
          },
        ];
  const twice = (list: 'dimensions' | 'gates', all: readonly string[]) =>
    all.flatMap((name, index) =>
      all.indexOf(name) < index
        ? [{ path: [list, index, 'name'], detail: `${name} is there twice` }]
        : [],
    );
  // A perturbed answer is scored by itself: what needs repeats, other perturbations or a judge
  // cannot be asked of it.
  const plain = dimensions
    .filter(({ kind }) => kind !== 'consistency' && kind !== 'robustness' && kind !== 'judge')
    .map(({ name }) => name);
  return [
    ...twice('dimensions', names),
    ...twice(
      'gates',
      gates.map(({ name }) => name),
    ),
    ...dimensions.flatMap((dimension, index) =>
      dimension.kind !== 'robustness'
        ? []
        : names.includes(dimension.of) && !plain.includes(dimension.of)
          ? [
              {
                path: ['dimensions', index, 'of'],
                detail: `${dimension.of} takes more than one answer, and cannot be scored of a perturbed one`,
              },
            ]
          : unknown(['dimensions', index, 'of'], dimension.of, plain),
    ),
    ...gates.flatMap((gate, index) =>
      'dimension' in gate ? unknown(['gates', index, 'dimension'], gate.dimension, names) : [],
    ),
  ];
}

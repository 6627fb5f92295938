import type { DocumentPath } from '../../document/path';
import { nearest } from '../../document/nearest';
import type { DimensionSpec } from './dimension';
import type { LlmGate } from '../evaluation/gate';

export interface EvaluationProblem {
  /** Relative to the parent of `dimensions` and `gates`. */
  readonly path: DocumentPath;
  readonly detail: string;
  readonly didYouMean?: string | undefined;
}

/** Errors across dimensions and gates: duplicate and unknown names. */
export function evaluationProblems(
  dimensions: readonly DimensionSpec[],
  gates: readonly LlmGate[],
): readonly EvaluationProblem[] {
  const names = dimensions.map(({ name }) => name);
  const reportUnknown = (
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
        ? [{ path: [list, index, 'name'], detail: `${name} is listed twice` }]
        : [],
    );
  // A perturbed answer is scored alone, without repeats, further perturbations or a judge.
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
                detail:
                  `${dimension.of} cannot score a perturbed answer: ` +
                  'it needs a judge or more answers',
              },
            ]
          : reportUnknown(['dimensions', index, 'of'], dimension.of, plain),
    ),
    ...gates.flatMap((gate, index) =>
      'dimension' in gate
        ? reportUnknown(['gates', index, 'dimension'], gate.dimension, names)
        : [],
    ),
  ];
}

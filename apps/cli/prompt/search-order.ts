/**
 * The request of `perennial prompt search`, from its options and files.
 */
import { parse } from 'yaml';
import type { EvaluationCase } from '../../../domain/language/cases/case';
import type { SearchDocument } from '../../../domain/prompt-search/search-document.schema';
import { parseModel, textOfFile } from '../language/cases-file';
import { CliError } from '../cli-error';
import { defaultDimension } from '../language/usual-dimension';

export interface SearchOptions {
  readonly cases: string;
  readonly spec?: string;
  readonly quality?: string;
  readonly model?: string;
  readonly variants?: number;
  readonly budget?: number;
  readonly confirm?: number;
  readonly seed?: number;
  readonly parallel?: number;
  readonly maxTokens?: number;
}

/**
 * From a file if one is given; options override it. Without a file: examples and rewritings, as
 * many as allowed.
 */
export function searchOrder(
  options: SearchOptions,
  cases: readonly EvaluationCase[],
  cwd: string,
): SearchDocument {
  const { spec, quality, model, variants, budget, confirm, seed, parallel, maxTokens } = options;
  const written =
    spec === undefined ? null : (parse(textOfFile(spec, cwd)) as SearchDocument | null);
  const usual = written ?? usualOrder(options, cases);
  return {
    ...usual,
    ...(model !== undefined && { model: parseModel(model) }),
    ...(parallel !== undefined && { parallel }),
    ...(maxTokens !== undefined && { sampling: { ...usual.sampling, maxTokens } }),
    search: {
      ...usual.search,
      ...(quality !== undefined && { quality }),
      ...(variants !== undefined && { variants }),
      ...(budget !== undefined && { budgetUsd: budget }),
      ...(confirm !== undefined && { confirm }),
      ...(seed !== undefined && { seed }),
    },
  };
}

function usualOrder(
  { quality, model, variants = 64 }: SearchOptions,
  cases: readonly EvaluationCase[],
): SearchDocument {
  if (quality === undefined || model === undefined) {
    throw new CliError(
      '--quality and --model are required without --spec',
      2,
      'perennial prompt search --help',
    );
  }
  const { provider, name } = parseModel(model);
  const pool = Math.min(64, Math.floor(cases.length / 5));
  const sizes = [2, 4, 8].filter((size) => size <= pool);
  const examples =
    sizes.length > 0
      ? [
          {
            kind: 'fewShot' as const,
            sizes,
            draws: Math.max(1, Math.floor(variants / 2 / sizes.length)),
            pool,
          },
        ]
      : [];
  return {
    search: {
      quality,
      proposers: [...examples, { kind: 'mutate', provider, model: name, parents: 3, children: 4 }],
      variants,
    },
    dimensions: [defaultDimension(quality, cases) as SearchDocument['dimensions'][number]],
    model: { provider, name },
  };
}

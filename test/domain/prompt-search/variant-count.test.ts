import type { SearchSpec } from '../../../domain/prompt-search/search';
import { missingVariantReasons } from '../../../domain/prompt-search/variant-count';
import type { VariantOrigin } from '../../../domain/prompt-search/variant';

const spec: SearchSpec = {
  quality: 'exact',
  proposers: [
    { kind: 'grid', axes: [{ message: 0, find: 'a', options: ['b', 'c', 'd'] }] },
    { kind: 'fewShot', sizes: [2, 4], draws: 3, pool: 8 },
    { kind: 'mutate', provider: 'acme', model: 'large', parents: 2, children: 2 },
  ],
  variants: 20,
  halving: { firstCases: 8, eta: 3 },
  confirm: 0.3,
  budgetUsd: null,
  seed: 1,
};
const variants = (counts: Readonly<Partial<Record<VariantOrigin['kind'], number>>>) =>
  Object.entries(counts).flatMap(([kind, count]) =>
    Array.from({ length: count }, () => ({
      origin: { kind: kind as VariantOrigin['kind'], parent: null },
    })),
  );

test('explains for each proposer why fewer variants were tried than allowed', () => {
  expect(
    missingVariantReasons(spec, variants({ first: 1, grid: 3, fewShot: 5, mutate: 1 }), 2),
  ).toEqual([
    'grid: 3 new prompts from 3 combinations',
    'few-shot: 5 new prompts from 6 draws of examples',
    'rewriting: 1 new prompt, at most 4 allowed; 2 rounds rewrite once, at most 2 × 2 prompts each time and no more than continue; repeated and invalid ones are left out',
  ]);
  expect(
    missingVariantReasons(
      { ...spec, proposers: spec.proposers.slice(2) },
      variants({ first: 1 }),
      1,
    ),
  ).toEqual([
    'rewriting: 0 new prompts, at most 0 allowed; prompts are rewritten between rounds, but the cases allow only one round',
  ]);
});

test('explains nothing if all allowed variants were tried', () => {
  expect(missingVariantReasons(spec, variants({ first: 1, grid: 19 }), 3)).toEqual([]);
});

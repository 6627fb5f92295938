import type { SearchSpec } from '../../../../domain/prompt/search/search';
import { whyFewer } from '../../../../domain/prompt/search/tried';
import type { VariantOrigin } from '../../../../domain/prompt/search/variant';

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

test('says of each proposer why fewer variants were tried than allowed', () => {
  expect(whyFewer(spec, variants({ first: 1, grid: 3, fewShot: 5, mutate: 1 }), 2)).toEqual([
    'the grid has 3 combinations, and gave 3 new prompts',
    '6 draws of examples gave 5 new prompts',
    '4 places were kept for rewritten prompts, and 1 came: 2 rounds rewrite once, at most 2 × 2 each and no more than go on; repeated and unusable ones are left out',
  ]);
  expect(
    whyFewer({ ...spec, proposers: spec.proposers.slice(2) }, variants({ first: 1 }), 1),
  ).toEqual([
    '0 places were kept for rewritten prompts, and 0 came: the cases are enough for one round, and prompts are rewritten between rounds',
  ]);
});

test('says nothing where as many were tried', () => {
  expect(whyFewer(spec, variants({ first: 1, grid: 19 }), 3)).toEqual([]);
});

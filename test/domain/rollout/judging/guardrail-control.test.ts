import { createRandom } from '../../../support/rollout/simulated-traffic';
import { policyWith } from '../../../support/rollout/policies';
import { rateIn } from '../../../support/rollout/monte-carlo';
import { watchFailures, type FailingStep } from '../../../support/rollout/simulated-guardrail';

const policy = policyWith({ canary: { guardrails: [{ name: 'errors', max: 0.01 }] } });
const calm = () => 0.002;
/** Four in ten requests fail during a tenth of the step. */
const outage = (place: number) => (place > 0.5 && place < 0.6 ? 0.4 : 0.002);
const half = () => 0.5;
const step = (over: Partial<FailingStep>): FailingStep => ({
  policy,
  requests: 4_000,
  champion: calm,
  challenger: calm,
  share: half,
  ...over,
});
const worlds = 24;
const exceeded = (over: Partial<FailingStep>, by: 'exceededAfter' | 'byLimitAfter') =>
  rateIn(worlds, (world) => watchFailures(step(over), createRandom(world, 160))[by] !== null).rate;

test.each<[string, Partial<FailingStep>]>([
  ['an outage that both share', { champion: outage, challenger: outage }],
  [
    'the same at a tenth of the traffic',
    { champion: outage, challenger: outage, share: () => 0.1, requests: 12_000 },
  ],
  ['a champion that fails more often', { champion: () => 0.07, challenger: () => 0.03 }],
  [
    'an outage while a bandit gives the challenger more and more',
    { champion: outage, challenger: outage, share: (place) => (place < 0.45 ? 0.1 : 0.8) },
  ],
])('is not exceeded by %s, as it was by the limit alone', (_, over) => {
  expect(exceeded(over, 'byLimitAfter')).toBe(1);
  expect(exceeded(over, 'exceededAfter')).toBe(0);
});

test.each<[string, Partial<FailingStep>, number]>([
  ['a challenger that fails 5 %', { challenger: () => 0.05 }, 2],
  [
    'one that fails 6 %, at a twentieth of the traffic',
    { challenger: () => 0.06, share: () => 0.05, requests: 12_000 },
    1.5,
  ],
  [
    'one that fails 12 % in an outage that both share',
    { champion: outage, challenger: (place) => outage(place) + 0.12 },
    3,
  ],
])('is exceeded by %s, after not many more requests than by the limit alone', (_, over, ratio) => {
  const outcomes = Array.from({ length: worlds }, (__, world) =>
    watchFailures(step(over), createRandom(world, 160)),
  );
  const median = (by: 'exceededAfter' | 'byLimitAfter') =>
    outcomes.map((each) => each[by] ?? Infinity).toSorted((a, b) => a - b)[worlds / 2] ?? NaN;
  expect(outcomes.filter(({ exceededAfter }) => exceededAfter === null)).toEqual([]);
  expect(median('exceededAfter')).toBeLessThan(ratio * median('byLimitAfter'));
});

test('is exceeded if most requests of both versions fail, as the challenger may harm both', () => {
  const broken = (place: number) => (place < 0.2 ? 0 : 0.95);
  expect(exceeded({ champion: broken, challenger: broken }, 'exceededAfter')).toBe(1);
});

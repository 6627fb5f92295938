import type { YearDecision } from '../../../../apps/cli/demo-year/decisions';
import type { PolicyGain } from '../../../../apps/cli/demo-year/policies';
import { unkeptPromises, type Mishaps } from '../../../../apps/cli/demo-year/promises';

const decision = (over: Partial<YearDecision>): YearDecision => ({
  month: 'April',
  run: 'run_1',
  revision: 'honest',
  trigger: 'event: flights landed',
  version: 2,
  outcome: 'promoted',
  reason: '',
  ...over,
});
const killed = decision({ month: 'May', run: 'run_killed', outcome: 'undecided on traffic' });
const held = decision({ month: 'September', run: 'run_held', outcome: 'stopped by the contract' });
const bad = decision({ month: 'November', revision: 'shuffled', outcome: 'rolled back' });
const decisions = [decision({}), killed, held, bad];
const mishaps: Mishaps = { killed: 'run_killed', sabotage: 'shuffled', isRepaired: true };
const undecided: PolicyGain = { policy: 'every', gain: -0.001, lower: -0.003, upper: 0.001 };
interface Year {
  readonly decided?: readonly YearDecision[];
  readonly failed?: number;
  readonly gains?: readonly PolicyGain[];
}
const unkept = (
  { decided = decisions, failed = 0, gains = [undecided] }: Year,
  over: Partial<Mishaps> = {},
) => unkeptPromises({ decisions: decided, gains, failedRequests: failed }, { ...mishaps, ...over });
const replaced = (one: YearDecision, by: Partial<YearDecision>) => ({
  decided: decisions.map((each) => (each === one ? { ...one, ...by } : each)),
});
const without = (one: YearDecision) => ({ decided: decisions.filter((each) => each !== one) });

test('a year with its mishaps keeps its promises', () => {
  expect(unkept({})).toEqual([]);
});

test.each<[string, Parameters<typeof unkept>, RegExp]>([
  ['a failed request', [{ failed: 3 }], /^3 requests failed$/],
  ['a failed run', [replaced(killed, { outcome: 'failed' })], /failed or was lost/],
  ['no kill', [{}, { killed: null }], /was not killed/],
  ['a killed run that is not known', [without(killed)], /was not killed/],
  ['a killed run that is open', [replaced(killed, { outcome: 'still open' })], /did not end/],
  ['no run on broken data', [without(held)], /did not stop the first run of September/],
  ['broken data that passed', [replaced(held, { outcome: 'promoted' })], /did not stop the first/],
  ['no repair', [{}, { isRepaired: false }], /was not repaired/],
  ['no sabotage', [{}, { sabotage: null }], /no run tried/],
  ['no run with shuffled labels', [without(bad)], /no run tried/],
  ['shuffled labels that win', [replaced(bad, { outcome: 'promoted' })], /was promoted/],
  [
    'a policy that is better by its interval',
    [{ gains: [{ ...undecided, upper: -0.0001 }] }],
    /"every candidate" would have been better than what was served/,
  ],
  ['shuffled labels that stay', [replaced(bad, { outcome: 'still open' })], /did not end/],
])('a year with %s does not', (_, given, expected) => {
  const found = unkept(...given);
  expect(found).toHaveLength(1);
  expect(found[0]).toMatch(expected);
});

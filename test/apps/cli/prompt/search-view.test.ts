import { outcomeText } from '../../../../apps/cli/prompt/search-view';
import type { Paint } from '../../../../apps/cli/terminal';

const plain = (words: string) => words;
const paint: Paint = { bold: plain, dim: plain, green: plain, red: plain, yellow: plain };

type Outcome = Parameters<typeof outcomeText>[1];

const [first, winner] = [`sha256:${'f'.repeat(64)}`, `sha256:${'a'.repeat(64)}`];
const mean = (value: number) => {
  return { cases: 16, failures: 0, mean: value, lower: value - 0.1, upper: value + 0.1 };
};
const searched = {
  id: winner,
  cases: 24,
  failures: 0,
  quality: 0.875,
  costUsd: 0.000002,
  latencyMs: 12,
};
const artifact = { uri: 's3://b/w', digest: winner, bytes: 1, mediaType: 'application/json' };
const outcome: Outcome = {
  winner: { digest: winner, version: 2, artifact, origin: { kind: 'fewShot', parent: first } },
  first: { digest: first, version: 1 },
  searched,
  confirmed: { winner: mean(0.75), first: mean(0.5), gain: mean(0.25), optimism: 0.125 },
  improved: true,
  front: [{ ...searched, origin: 'fewShot' }],
  variants: 20,
  fewer: [],
  tied: 0,
  questions: 150,
  paid: { answers: 150, costUsd: 0.0003, unsettled: 0 },
  report: artifact,
};

const text = (changed: Partial<Outcome>) =>
  outcomeText(
    { prompt: 'router', quality: 'exact', variants: 20 },
    { ...outcome, ...changed },
    paint,
  );

test('a gain that held-out cases confirm has no remark', () => {
  expect(text({})).toContain('gain +0.25 (+0.15 … +0.35) on 16 held-out cases');
  expect(text({})).not.toMatch(/tie|not shown|were tried/);
});

test('two prompts with equal scores on the held-out cases are a tie', () => {
  const confirmed = { ...outcome.confirmed, winner: mean(0.5), gain: mean(0) };
  expect(text({ improved: false, confirmed })).toContain(
    'a tie: both prompts score the same on the held-out cases',
  );
});

test('a gain that could be chance is not called a tie', () => {
  const confirmed = { ...outcome.confirmed, gain: { ...mean(0.05), lower: -0.05 } };
  expect(text({ improved: false, confirmed })).toContain(
    'not shown to be better: try more cases or other proposers',
  );
});

test('variants that reached the same quality in the search are counted, with what decided', () => {
  expect(text({ tied: 1 })).toContain(
    "tie in the search: 1 other variant reached the winner's exact on the same cases; " +
      'the winner is cheaper or faster, or first by digest',
  );
});

test('fewer variants than allowed are explained, one reason each line', () => {
  const fewer = ['grid: 3 new prompts from 4 combinations', 'mutate: 7 of 13 were not new'];
  expect(text({ variants: 10, fewer })).toContain(
    '10 of at most 20 variants were tried\n' +
      '  grid: 3 new prompts from 4 combinations\n  mutate: 7 of 13 were not new',
  );
});

import { artifact, type Overrides } from '../../support/fake-activities';
import { fakeLlm, buildLlmPlan } from '../../support/provider/fake-llm';
import { openLifecycleRuns, type LifecycleRuns } from '../../support/lifecycle-runs';

let runs: LifecycleRuns;
beforeAll(async () => {
  runs = await openLifecycleRuns();
});
afterAll(() => runs.close());

const champion = { model: 'wiki-assistant', version: 1, manifest: artifact('bundle of before') };
const plain = buildLlmPlan().spec;
const latency = {
  name: 'quick',
  kind: 'latency',
  quantile: 0.9,
  maxMs: 500,
  confidence: 0.95,
  maxFailures: 0.02,
  minCases: 40,
} as const;
const baseline = {
  ...plain.evaluate.gates[0],
  against: 'baseline',
} as (typeof plain.evaluate.gates)[0];

/** Which bundle was asked in which stage, and whether to measure latency. */
async function asked(
  gates: typeof plain.evaluate.gates,
): Promise<readonly (readonly [stage: string, who: string, timed: number | null])[]> {
  const seen: (readonly [string, string, number | null])[] = [];
  const fake = fakeLlm({ 'plain.yaml': 0.4, 'precise.yaml': 0.7 });
  const names = new Map(
    ['bundle plain.yaml', 'bundle precise.yaml', 'bundle of before'].map((name) => [
      artifact(name).digest,
      name,
    ]),
  );
  const overrides: Overrides = {
    ...fake,
    readChampion: () => Promise.resolve({ version: champion, fencing: 4 }),
    answerCases: (input) => {
      seen.push([input.stage, names.get(input.bundle.digest) ?? '?', input.latency?.cases ?? null]);
      return fake.answerCases?.(input) ?? Promise.reject(new Error('no answer'));
    },
  };
  const { outcome } = await runs.run(
    `latency-gate-${gates.length}`,
    buildLlmPlan({ evaluate: { ...plain.evaluate, gates } }),
    overrides,
  );
  expect(outcome.status).toBe('succeeded');
  return seen;
}

test('a latency gate asks only the candidate again to measure time', async () => {
  const seen = await asked([baseline, latency]);
  expect(seen.filter(([stage]) => stage === 'evaluate')).toEqual([
    // The cases that an upper bound of the quantile needs at the tenth attempt, more than twice
    // those of the first.
    ['evaluate', 'bundle precise.yaml', 87],
    ['evaluate', 'bundle of before', null],
    ['evaluate', 'bundle plain.yaml', null],
  ]);
  // Prompts are chosen by their answers.
  expect(seen.filter(([stage]) => stage === 'prompt-eval').map(([, , timed]) => timed)).toEqual([
    null,
    null,
    null,
    null,
  ]);
});

test('no case is asked twice without a latency gate', async () => {
  expect((await asked([baseline])).filter(([, , timed]) => timed !== null)).toEqual([]);
});

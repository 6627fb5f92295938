import type { JudgingConfig } from '../../../activities/language/judge-answers';
import { openJudges } from '../../../activities/language/judges';
import { defaultTenant as tenant, type RunId } from '../../../domain/ids';
import type { LlmCanaryDocument } from '../../../domain/lifecycle/llm/canary/canary.schema';
import type { DimensionSpec } from '../../../domain/language/dimension/dimension';
import type { RolloutOutcome } from '../../../domain/rollout/outcome';
import { abortUpdate, resumeRolloutUpdate } from '../../../workflows/run/messages';
import { buildCommand } from '../../support/commands';
import {
  openApplicationWorld,
  type ApplicationWorld,
  type OpenedRollout,
} from '../../support/language/application-world';
import { startLabelling } from '../../support/language/people-labelling';
import type { GatewayProcess } from '../../support/process/gateway-process';
import { writeJudgePrompt } from '../../support/language/judge-prompt';
import { record } from '../../support/lifecycle-runs';
import { pause } from '../../support/process/product';
import type { Fault } from '../../support/provider/scripted-provider';

jest.setTimeout(180_000);

let world: ApplicationWorld;
let gateway: GatewayProcess;
let judging: JudgingConfig;
let fault: (prompt: string) => Fault | null = () => null;
/** As a judge it is wrong about one country in ten. */
const asJudge = /Is <(.*)> right of <What is the capital of Land (\d+)\?>/;

beforeAll(async () => {
  world = await openApplicationWorld({
    answer({ prompt }) {
      const [, answer, number] = asJudge.exec(prompt) ?? [];
      if (answer !== undefined)
        return buildVerdict((answer === `City ${number ?? ''}`) !== (Number(number) % 10 === 3));
      const land = Number(/Land (\d+)/.exec(prompt)?.[1]);
      // Every version is wrong about every second country, so that there are right and wrong
      // answers to label.
      return land % (prompt.includes('Do not care') ? 4 : 2) === 0 ? `City ${land}` : 'No idea';
    },
    fault: ({ prompt }) => fault(prompt),
  });
  [gateway] = world.gateways as [GatewayProcess];
  judging = await createJudge();
});
afterEach(() => {
  fault = () => null;
});
afterAll(() => world.close());

const buildVerdict = (right: boolean) =>
  JSON.stringify({ reason: 'as it reads', verdict: right ? 'right' : 'wrong' });
const judgePrompt = writeJudgePrompt('Is <{{answer}}> right of <{{question}}>?');

/** Its true error rates, on a hundred answers of each kind. */
async function createJudge(): Promise<JudgingConfig> {
  const dimension: DimensionSpec = {
    name: 'sound',
    kind: 'judge',
    prompt: 'judge.yaml',
    provider: 'scripted',
    model: 'scripted',
    labels: null,
  };
  const bytes = Buffer.from(judgePrompt);
  const files = {
    'judge.yaml': await world.artifacts.putBytes({ tenant, bytes, mediaType: 'application/yaml' }),
  };
  // Only its version is needed, so no request is sent.
  const asking = {} as Parameters<typeof openJudges>[1]['asking'];
  const judge = (await openJudges([dimension], { artifacts: world.artifacts, files, asking }))[
    'sound'
  ];
  if (judge === undefined) throw new Error('no judge');
  const counts = { cases: 100, right: 90 };
  return {
    judge: {
      dimension: 'sound',
      share: 1,
      mostPairs: 1_000,
      calibrated: { judge: judge.digest, positives: counts, negatives: counts },
    },
    dimension,
    input: 'question',
    files,
    budget: { usd: null, tokens: null },
    parallel: 4,
    minDurationSeconds: 0,
  };
}

const quality: LlmCanaryDocument['quality'] = { from: 'judge', judge: 'sound', margin: 0.2 };

/**
 * Sends questions without right answers until the rollout has a result. If requested, people label
 * the judged pairs.
 */
async function replay(
  opened: Pick<OpenedRollout, 'now'>,
  from: number,
  { labelled = true } = {},
): Promise<number> {
  const people = labelled ? labelling(opened) : null;
  try {
    return await asked(opened, from);
  } finally {
    await people?.stop();
  }
}

function labelling({ now }: Pick<OpenedRollout, 'now'>) {
  const judge = judging.judge.calibrated?.judge;
  const isRight = (question: string, answer: string) =>
    answer === `City ${/Land (\d+)/.exec(question)?.[1] ?? ''}`;
  const of = async () => {
    const rollout = (await now())?.id;
    if (rollout === undefined || judge === undefined) throw new Error('no rollout');
    return { tenant, rollout, judge };
  };
  return startLabelling(isRight, {
    list: async () => world.registry.answerLabels.toLabel({ ...(await of()), limit: 500 }),
    label: async (labels) =>
      world.registry.answerLabels.label({ ...(await of()), labels, actor: 'ada' }),
  });
}

/**
 * At a pace that the judge can follow. All at once, the traffic would end before the challenger
 * answers callers.
 */
async function asked({ now }: Pick<OpenedRollout, 'now'>, from: number): Promise<number> {
  const deadline = Date.now() + 120_000;
  for (let land = from; Date.now() < deadline; land += 4) {
    if ((await now())?.status !== 'running') return land - from;
    await Promise.all(
      [0, 1, 2, 3].map((each) =>
        world.ask(gateway, {
          land: land + each,
          user: `user-${(land + each) % 23}`,
          stream: false,
        }),
      ),
    );
    await pause(60);
  }
  throw new Error(`nothing was decided: ${JSON.stringify((await now())?.state.evidence)}`);
}

async function promoted(runId: RunId, rollout: OpenedRollout, version: number): Promise<void> {
  const row = await rollout.now();
  const { champion } = await world.registry.aliases.get({ tenant, model: 'atlas' });
  await world.registry.aliases.promote({
    tenant,
    model: 'atlas',
    version,
    decisionId: row?.decisionId ?? null,
    runId,
    actor: 'test',
    cause: 'it has passed',
    expectedChampion: champion ?? { version: null, fencing: 0 },
    idempotencyKey: `judged-${version}`,
    ...(row && { rollout: row.id }),
  });
}

test('an equally good application is promoted by a judge that was unavailable for a while', async () => {
  await world.promote(await world.atlasThat('Answer well.'));
  const rollout = await world.beginRollout(
    await world.atlasThat('Answer well, and be kind.'),
    { quality },
    judging,
  );
  let refused = 0;
  fault = (prompt) =>
    asJudge.test(prompt) && (refused += 1) <= 5 ? { kind: 'error', status: 503 } : null;
  await replay(rollout, 1_000);
  expect(refused).toBeGreaterThan(5);
  const row = await rollout.now();
  expect(row).toMatchObject({ status: 'passed', verdict: { kind: 'passed' }, paired: true });
  expect(row?.verdict?.reasons.map(({ message }) => message).join('\n')).toMatch(
    /judge-loss .* pairs\)[^]*judged by sound, corrected by \d+ labelled pairs/,
  );
  await promoted(rollout.runId, rollout, 2);
  expect((await rollout.handle.result()) as RolloutOutcome).toMatchObject({
    kind: 'promoted',
    verdict: { kind: 'passed' },
  });
  await record('canary-rollout-judged-promoted', rollout.handle);
});

test('a worse application is rolled back by the judge', async () => {
  const rollout = await world.beginRollout(
    await world.atlasThat('Do not care.'),
    { quality: { ...quality, margin: 0.03 } },
    judging,
  );
  await replay(rollout, 10_000);
  const outcome = (await rollout.handle.result()) as RolloutOutcome;
  expect(outcome).toMatchObject({ kind: 'rolledBack', verdict: { kind: 'failed' } });
  expect(outcome.verdict.reasons.find(({ outcome: said }) => said === 'failed')).toMatchObject({
    code: 'quality.refuted',
  });
  await record('canary-rollout-judged-rolled-back', rollout.handle);
});

test('a rollout that was held because judging stopped continues after a fix and resume', async () => {
  const body = JSON.stringify({
    error: { code: 'model_not_found', message: 'The model `scripted` does not exist' },
  });
  fault = (prompt) => (asJudge.test(prompt) ? { kind: 'error', status: 404, body } : null);
  const challenger = await world.atlasThat('Answer well, and be short.');
  const rollout = await world.beginRollout(
    challenger,
    { quality, onInconclusive: 'hold' },
    judging,
  );
  const asked = await replay(rollout, 30_000);
  const held = await rollout.now();
  expect(held).toMatchObject({
    status: 'held',
    waitingFor: expect.stringContaining('judging stopped') as string,
  });
  fault = () => null;
  await rollout.handle.executeUpdate(resumeRolloutUpdate, {
    args: [buildCommand({ actor: 'ada' })],
  });
  await replay(rollout, 30_000 + asked);
  expect(await rollout.now()).toMatchObject({
    status: 'passed',
    waitingFor: expect.stringContaining('passed') as string,
  });
  await rollout.handle.executeUpdate(abortUpdate, { args: [buildCommand({ actor: 'ada' })] });
  await rollout.handle.result();
});

test('the verdicts so far decide when mostPairs is reached, and the reason says so', async () => {
  const few = { ...judging, judge: { ...judging.judge, mostPairs: 30 } };
  const rollout = await world.beginRollout(
    await world.atlasThat('Answer well, once more.'),
    { quality: { ...quality, margin: 0.01 } },
    few,
  );
  await replay(rollout, 20_000);
  const outcome = (await rollout.handle.result()) as RolloutOutcome;
  expect(outcome).toMatchObject({ kind: 'rolledBack', verdict: { kind: 'inconclusive' } });
  expect(outcome.verdict.reasons.at(-1)?.message).toMatch(
    /judging stopped: every pair that mostPairs \(30\) allows in shadow was judged: 15/,
  );
  await record('canary-rollout-judged-spent', rollout.handle);
});

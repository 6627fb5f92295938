import { defaultTenant as tenant } from '../../../domain/ids';
import type { RolloutOutcome } from '../../../domain/rollout/outcome';
import {
  atlas,
  openApplicationWorld,
  rightAnswer,
  type ApplicationWorld,
  type OpenedRollout,
  type FeedbackOf,
} from '../../support/language/application-world';
import type { GatewayProcess } from '../../support/process/gateway-process';
import { record } from '../../support/lifecycle-runs';

let world: ApplicationWorld;
let gateway: GatewayProcess;

beforeAll(async () => {
  world = await openApplicationWorld();
  [gateway] = world.gateways as [GatewayProcess];
});
afterAll(() => world.close());

/**
 * An odd number, so that each caller asks about countries of both parities, whichever callers the
 * rollout assigns to its challenger. So many that the smaller arm has more than the 30 effective
 * entities without which answers of two arms are not compared.
 */
const users = 151;

interface Answer {
  readonly user: string;
  readonly version: number;
  /** Before the rollout and after it. */
  readonly steps: readonly (number | undefined)[];
}

/**
 * Sends questions with known answers until the rollout has a result. Every second one is streamed,
 * and every answer gets feedback.
 */
async function replay(
  { now }: Pick<OpenedRollout, 'now'>,
  say: FeedbackOf = rightAnswer,
): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  for (let land = 0; land < 1_500; land += 4) {
    const rollout = await now();
    if (rollout?.status !== 'running') return answers;
    const asked = [0, 1, 2, 3].map(async (each): Promise<Answer> => {
      const answer = await ask(land + each, say);
      return { ...answer, steps: [rollout.step, (await now())?.step] };
    });
    answers.push(...(await Promise.all(asked)));
  }
  throw new Error(
    `nothing was decided on ${answers.length} questions: ${JSON.stringify((await now())?.state.evidence)}`,
  );
}

async function ask(land: number, say: FeedbackOf): Promise<Omit<Answer, 'steps'>> {
  const user = `user-${land % users}`;
  const { id, text, version } = await world.ask(gateway, { land, user, stream: land % 2 === 1 });
  await world.tell(gateway, { predictionId: id, ...say({ land, text }) });
  return { user, version };
}

test('an equally good application goes from shadow to half of the callers and is promoted', async () => {
  await world.promote(await world.atlasThat('Answer well.'));
  const rollout = await world.beginRollout(await world.atlasThat('Answer well, and be kind.'));
  const answers = await replay(rollout);
  const row = await rollout.now();
  expect(row).toMatchObject({ status: 'passed', verdict: { kind: 'passed' }, paired: true });
  expect(row?.state.evidence).toMatchObject({ quality: { kind: 'pairs', phase: 'serving' } });
  // In shadow it answers no caller. Later each caller has one version, and all get answers.
  expect(
    new Set(answers.filter(({ steps: [, after] }) => after === 0).map(({ version }) => version)),
  ).toEqual(new Set([1]));
  const byUser = new Map<string, Set<number>>();
  // The gateway may still have been in shadow in the first round.
  for (const { user, version } of answers
    .filter(({ steps: [before] }) => before === 1)
    .slice(users))
    byUser.set(user, (byUser.get(user) ?? new Set()).add(version));
  expect(new Set([...byUser.values()].flatMap((versions) => [...versions]))).toEqual(
    new Set([1, 2]),
  );
  for (const versions of byUser.values()) expect(versions.size).toBe(1);

  const { champion } = await world.registry.aliases.get({ tenant, model: atlas });
  const promotion = await world.registry.aliases.promote({
    tenant,
    model: atlas,
    version: 2,
    decisionId: row?.decisionId ?? null,
    runId: rollout.runId,
    actor: 'test',
    cause: 'it has passed',
    expectedChampion: champion ?? { version: null, fencing: 0 },
    idempotencyKey: 'promote-the-kind-one',
    ...(row && { rollout: row.id }),
  });
  expect(promotion.kind).toBe('promoted');
  expect((await rollout.handle.result()) as RolloutOutcome).toMatchObject({
    kind: 'promoted',
    verdict: { kind: 'passed' },
  });
  await record('canary-rollout-application-promoted', rollout.handle);
});

test('a worse application is rolled back in shadow', async () => {
  const rollout = await world.beginRollout(await world.atlasThat('Do not care.'));
  const answers = await replay(rollout);
  const outcome = (await rollout.handle.result()) as RolloutOutcome;
  expect(outcome).toMatchObject({ kind: 'rolledBack', verdict: { kind: 'failed' } });
  expect(outcome.verdict.reasons.find(({ outcome: said }) => said === 'failed')).toMatchObject({
    code: 'quality.refuted',
  });
  expect(outcome.verdict.reasons.map(({ message }) => message).join('\n')).toMatch(
    /f1-loss \+.*: above the 0.2 margin/,
  );
  expect(new Set(answers.map(({ version }) => version))).toEqual(new Set([2]));
  expect((await world.registry.aliases.get({ tenant, model: atlas })).champion).toMatchObject({
    version: 2,
  });
  expect(await rollout.now()).toMatchObject({
    weight: 0,
    rollback: { from: 3, to: 2, unconfirmed: [] },
  });
  await record('canary-rollout-application-rolled-back', rollout.handle);
});

test('an application with worse feedback is rolled back by the labels of its own callers', async () => {
  const opinion: FeedbackOf = ({ land, text }) => ({
    thumbs: text === `City ${land}` ? 'up' : 'down',
  });
  const challenger = await world.atlasThat('Do not care, and be kind.');
  const rollout = await world.beginRollout(challenger, {
    steps: [50],
    quality: { from: 'callers', margin: 0.1 },
  });
  const answers = await replay(rollout, opinion);
  const outcome = (await rollout.handle.result()) as RolloutOutcome;
  expect(outcome).toMatchObject({ kind: 'rolledBack', verdict: { kind: 'failed' } });
  expect(outcome.verdict.reasons.map(({ message }) => message).join('\n')).toMatch(
    /caller-loss \+.*: above the 0.1 margin/,
  );
  expect(new Set(answers.map(({ version }) => version))).toEqual(new Set([2, 4]));
  expect((await rollout.now())?.state.evidence).toMatchObject({ quality: { kind: 'arms' } });
  expect(await ask(1, opinion)).toMatchObject({ version: 2 });
});

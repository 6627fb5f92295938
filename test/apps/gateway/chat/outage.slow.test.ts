import type { PredictionRecord } from '../../../../db/serving/prediction-records';
import { defaultTenant as tenant, type PredictionId } from '../../../../domain/ids';
import {
  openApplicationWorld,
  rightAnswer,
  type ApplicationWorld,
} from '../../../support/language/application-world';
import type { GatewayProcess } from '../../../support/process/gateway-process';
import { until as untilWith } from '../../../support/time/until';

let world: ApplicationWorld;
let victim: GatewayProcess;
let heir: GatewayProcess;
beforeAll(async () => {
  // Slow enough that answers and shadow requests are in progress at any moment.
  world = await openApplicationWorld({ gateways: 2, latencyMs: () => 30, msPerToken: 20 });
  [victim, heir] = world.gateways as [GatewayProcess, GatewayProcess];
});
afterAll(() => world.close());

interface Asked {
  readonly id: string;
  readonly user: string;
  readonly version: number;
}

test('a gateway killed during a rollout loses only its own last answers', async () => {
  await world.promote(await world.atlasThat('Answer well.'));
  const rollout = await world.beginRollout(await world.atlasThat('Answer well, and be kind.'), {
    test: { alpha: 0.1, minSamples: 60, minDuration: '0s' },
  });
  const answers: Asked[] = [];
  const failures: string[] = [];
  let [isDead, isOver] = [false, false];

  /**
   * Like a load balancer: half of the questions to each gateway, and all to the second one after
   * the first has stopped.
   */
  const caller = async (place: number): Promise<void> => {
    for (let land = place; !isOver; land += 16) {
      const gateway = land % 2 === 0 && !isDead ? victim : heir;
      const user = `user-${land % 40}`;
      try {
        const { id, text, version } = await world.ask(gateway, {
          land,
          user,
          stream: land % 3 === 0,
        });
        answers.push({ id, user, version });
        await world.tell(heir, { predictionId: id, ...rightAnswer({ land, text }) });
      } catch (error) {
        if (gateway === heir) failures.push(error instanceof Error ? error.message : String(error));
      }
    }
  };
  const callers = Array.from({ length: 16 }, (_, place) => caller(place));
  const until = (condition: () => boolean | Promise<boolean>) =>
    untilWith(condition, {
      seconds: 60,
      everyMs: 20,
      detail: async () => (await rollout.now())?.state.evidence,
    });
  await until(async () => (await rollout.now())?.step === 1);
  const entered = answers.length;
  // Requests of the previous step may still arrive.
  await until(() => answers.length > entered + 80);
  isDead = true;
  await victim.kill('SIGKILL');
  await until(async () => (await rollout.now())?.status === 'passed');
  isOver = true;
  await Promise.all(callers);
  expect(failures).toEqual([]);

  const versions = new Map<string, Set<number>>();
  for (const { user, version } of answers.slice(entered + 40))
    versions.set(user, (versions.get(user) ?? new Set()).add(version));
  for (const seen of versions.values()) expect(seen.size).toBe(1);
  expect(new Set([...versions.values()].flatMap((seen) => [...seen]))).toEqual(new Set([1, 2]));

  // Its last rows are missing: those of 200 ms, and those that waited for the second answer.
  // One by one, because the registry refuses hundreds of reads at once.
  const stored: (PredictionRecord | null)[] = [];
  for (const { id } of answers)
    stored.push(await world.registry.predictions.get({ tenant, id: id as PredictionId }));
  const labelled = stored.filter((row) => row !== null && row.label !== null);
  expect(answers.length - labelled.length).toBeLessThan(60);
  // Each of the others counts at most once.
  const quality = (await rollout.now())?.state.evidence?.quality;
  if (quality?.kind !== 'pairs') throw new Error('pairs are compared');
  const pairs = quality.shadow.n + quality.serving.n;
  expect(pairs).toBeGreaterThanOrEqual(60);
  expect(pairs + quality.unscored).toBeLessThanOrEqual(
    labelled.filter((row) => row?.other != null).length,
  );
  const id = (await rollout.now())?.id;
  if (id === undefined) throw new Error('it is open');
  const end = {
    status: 'aborted',
    verdict: null,
    decisionId: null,
    actor: 'test',
    cause: 'its test is over',
  } as const;
  await world.registry.rollouts.end({ tenant, id, ...end });
  expect(await rollout.handle.result()).toMatchObject({ kind: 'aborted' });
});

/**
 * kill -9 at each stage and step of samples/own-lifecycle, and amid the items of its map: of the
 * project's process, which runs its workflow and its own stages, and of the platform's worker, which
 * runs the others, the step and the items.
 */
import type { Database } from '../../db/connection';
import { expectNothingLeft, openTemporal } from '../support/leftovers';
import { pause, startProduct, type Product } from '../support/process/product';
import { openWorkersDatabase } from '../support/process/worker-process';
import {
  sampleStages,
  writeWatchedSample,
  type WatchedSample,
} from '../support/project/watched-sample';
import { until, untilAnswer } from '../support/time/until';

jest.setTimeout(900_000);

let product: Product;
let sample: WatchedSample;
let database: Database;

beforeAll(async () => {
  product = await startProduct();
  database = openWorkersDatabase(product);
  sample = writeWatchedSample(product.workDir);
  const { exitCode, stderr } = await product.cli(['deploy', sample.folder]);
  expect(exitCode === 0 ? '' : stderr).toBe('');
});
afterEach(() => expectNothingLeft(product));
afterAll(async () => {
  await database.close();
  await product.stop();
});

/** A finished effect of a run, as its journal has it. */
interface FinishedEffect {
  readonly key: string;
  /** The number of executions. */
  readonly token: number;
  readonly doneAt: string;
}

async function finishedEffects(run: string): Promise<readonly FinishedEffect[]> {
  return await database.sql<FinishedEffect[]>`
    select key, token, done_at as "doneAt" from effects
    where key like ${`${run}/%`} and done_at is not null order by key`;
}

/** When the map has items that ended, and others that did not. */
const amid = ' amid its items';

interface StageTimes {
  readonly stage: string;
  readonly status: string;
  readonly starts: number;
  /** Milliseconds since the epoch; null while the stage runs. */
  readonly endedAt: number | null;
}

async function stageTimes(run: string): Promise<readonly StageTimes[]> {
  return await database.sql<StageTimes[]>`
    select stage, status, extract(epoch from ended_at)::float8 * 1000 as "endedAt",
      (select count(*)::int from run_events e where e.run_id = s.run_id and e.stage = s.stage
         and e.kind = 'stage.started') as starts
    from stage_records s where run_id = ${run} order by started_at`;
}

/** The stages that run at this moment. */
async function openStages(run: string): Promise<readonly string[]> {
  return (await stageTimes(run))
    .filter(({ endedAt }) => endedAt === null)
    .map(({ stage }) => stage);
}

const hasBegun = async (run: string, stage: string): Promise<boolean> =>
  (await stageTimes(run)).some((each) => each.stage === stage);

/** The items of the map that have ended. */
async function endedItems(run: string): Promise<readonly FinishedEffect[]> {
  return (await finishedEffects(run)).filter(({ key }) => key.startsWith(`${run}/profile/item/`));
}

/** The effects whose activities the workflow scheduled, from its history. */
async function orderedEffects(workflowId: string): Promise<readonly string[]> {
  const temporal = openTemporal(product);
  try {
    const { events } = await temporal.workflow.getHandle(workflowId).fetchHistory();
    return (events ?? []).flatMap(({ activityTaskScheduledEventAttributes: scheduled }) => {
      const data = scheduled?.input?.payloads?.[0]?.data;
      if (!data) return [];
      const { key } = JSON.parse(Buffer.from(data).toString()) as { readonly key?: string };
      return key === undefined ? [] : [key];
    });
  } finally {
    await temporal.connection.close();
  }
}

/**
 * Approves as soon as the run waits for it. The command fails while the process of the workflow is
 * dead, but the approval may count.
 */
async function approve(run: string): Promise<void> {
  const now = () => product.run(run).catch(() => null);
  await untilAnswer(now, (is) => is?.status === 'waiting' || is?.endedAt != null);
  await until(
    async () =>
      (await product.cli(['run', 'approve', run])).exitCode === 0 || (await now())?.endedAt != null,
    { seconds: 120 },
  );
}

test.each([
  ["the project's process", 'project-worker default bikes', 31],
  ["the platform's worker", 'main.ts worker', 29],
])('%s dies at each stage, and no finished work is repeated', async (_, victim, leaves) => {
  const before = sample.executions().length;
  const started = await product.start(sample.lifecycle, { params: { leaves }, cache: false });
  expect(started.status).toBe(202);
  const { id } = started.body;
  const finished = new Map<string, FinishedEffect>();
  const kills: string[] = [];
  const interrupted: string[] = [];
  const kill = async (stage: string, when = ''): Promise<void> => {
    // The stage in TypeScript, the step and each item take a second.
    await pause(100 + Math.random() * 400);
    const done = await finishedEffects(id);
    const open = await openStages(id);
    expect(product.kill(victim)).not.toEqual([]);
    for (const effect of done) if (!finished.has(effect.key)) finished.set(effect.key, effect);
    if (open.includes(stage)) interrupted.push(`${stage}${when}`);
    kills.push(
      `${stage}${when}${open.includes(stage) ? '' : ` (open: ${open.join(', ') || 'none'})`}`,
    );
    await until(() => product.pids(victim).length > 0);
  };
  for (const stage of sampleStages) {
    await until(() => hasBegun(id, stage), { seconds: 240 });
    await kill(stage);
    if (stage !== 'profile') continue;
    await until(async () => (await endedItems(id)).length > 0, { seconds: 240 });
    await kill(stage, amid);
  }
  // Each takes a second, so that the death comes while it runs. Built-in stages may end before.
  expect(interrupted).toEqual(
    expect.arrayContaining(['weather', 'rush_hours', 'profile', `profile${amid}`]),
  );
  await approve(id);
  const end = await product.waitForEnd(id, 240);
  expect(end).toMatchObject({ status: 'succeeded', failure: null });
  expect(end.stages.map(({ name, reusedFrom }) => [name, reusedFrom])).toEqual(
    sampleStages.map((name) => [name, null]),
  );

  const times = await stageTimes(id);
  expect(times.map(({ stage, starts }) => [stage, starts])).toEqual(
    sampleStages.map((stage) => [stage, 1]),
  );
  // What had finished before a death has the same executions and the same end as then.
  const now = new Map((await finishedEffects(id)).map((effect) => [effect.key, effect]));
  expect(finished.size).toBeGreaterThan(5);
  for (const effect of finished.values()) expect(now.get(effect.key)).toEqual(effect);

  const executions = sample.executions().slice(before);
  const endedAt = times.find((each) => each.stage === 'weather')?.endedAt ?? 0;
  expect(executions.filter(({ at }) => at > endedAt)).toEqual([]);
  expect(executions.length).toBeGreaterThanOrEqual(1);
  expect(await endedItems(id)).toHaveLength(6);
  // Each effect was ordered once, so that no finished one was ordered again.
  const ordered = await orderedEffects(`run/default/${sample.lifecycle}/${id}`);
  expect(ordered).toContain(`${id}/rush_hours/job/1`);
  expect(ordered).toEqual([...new Set(ordered)]);
  process.stderr.write(
    `${victim}: ${kills.length} deaths at ${kills.join(', ')}; ` +
      `executions of weather: ${executions.length}; ` +
      `${finished.size} finished effects unchanged\n`,
  );
});

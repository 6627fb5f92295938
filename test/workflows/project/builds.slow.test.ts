/** Runs that wait while a project gets new builds. */
import { randomUUID } from 'node:crypto';
import { replayRun } from '../../../apps/project/replay';
import type { RunRecord } from '../../../db/run/repository';
import { defaultTenant as tenant } from '../../../domain/ids';
import { openProjectWorld, type ProjectWorld } from '../../support/project/project-world';
import { openTestWorld, type TestWorld } from '../../support/project/test-world';
import { untilAnswer } from '../../support/time/until';

interface Body {
  readonly before?: string;
  readonly after?: string;
  readonly says: string;
}

/** A lifecycle that waits for the event `go` between two parts. */
const project = ({ before = '', after = '', says }: Body) => ({
  'perennial.config.ts': `
import { defineProject, z } from '@perennial-dev/perennial';
export const events = { go: z.null() };
export default defineProject({
  name: 'builds',
  owner: 'test',
  lifecycles: { daily: { events, spec: {} } },
});
`,
  'stages/index.ts': `
import { defineStage, z } from '@perennial-dev/perennial';
const output = z.string();
const stage = (name: string) =>
  defineStage({ name, input: z.object({}), output, cache: false, run: () => Promise.resolve(name) });
export const first = stage('first');
export const second = stage('second');
`,
  'lifecycles/daily.ts': `
import { lifecycle } from '@perennial-dev/perennial/workflow';
import type * as stages from '../stages';
import type { events } from '../perennial.config';
export const daily = lifecycle<typeof stages, object, typeof events>(async (run) => {
  ${before}
  await run.waitFor('go', { timeout: '1h' });
  ${after}
  return run.done(${JSON.stringify(says)});
});
`,
});
const [old, later, earlier, broken] = [
  project({ says: 'old' }),
  project({ says: 'new', after: "await run.stage('second', {});" }),
  project({ says: 'new', before: "await run.stage('first', {});" }),
  project({ says: 'new', before: "if (run.params !== null) throw new TypeError('no region');" }),
];

let world: TestWorld;
beforeAll(async () => {
  world = await openTestWorld(old);
});
afterAll(() => world.close());

const waiting = (run: RunRecord) =>
  untilAnswer(
    () => world.core.registry.runs.get({ tenant, id: run.id }),
    (found) => found?.status === 'waiting',
  );

async function go({ id: runId, workflowId }: RunRecord): Promise<void> {
  const event = { event: 'go', data: null, actor: 'test', cause: 'a test' };
  await world.core.registry.sentEvents.send({
    tenant,
    runId,
    ...event,
    idempotencyKey: randomUUID(),
  });
  await world.lifecycles.notify(workflowId);
}

/** Builds a project and makes it current, as a deploy does. */
const deploy = (files: ReturnType<typeof project>): Promise<ProjectWorld> =>
  openProjectWorld(world.environment, files);

test('a waiting run could continue on a build that differs after its wait, and not before it', async () => {
  const run = await world.start('daily');
  await waiting(run);
  await untilAnswer(
    () => world.lifecycles.history(run.workflowId),
    (found) => JSON.stringify(found).includes('EVENT_TYPE_TIMER_STARTED'),
  );
  const history = {
    workflowId: run.workflowId,
    history: await world.lifecycles.history(run.workflowId),
  };
  const replayed = async (files: ReturnType<typeof project>) => {
    const other = await deploy(files);
    await other.close();
    return replayRun(other.built.workflows, history);
  };
  expect(await replayed(old)).toEqual({ kind: 'continues' });
  expect(await replayed(later)).toEqual({ kind: 'continues' });
  expect(await replayed(earlier)).toEqual({
    kind: 'cannotContinue',
    cause: expect.stringMatching(/^the run recorded other steps \([^"]*\)$/) as string,
  });
  expect(await replayed(broken)).toEqual({
    kind: 'cannotContinue',
    cause: expect.stringMatching(/^the code failed in the replay \(.+\)$/) as string,
  });
  await go(run);
  expect(await world.untilEnd(run)).toMatchObject({ status: 'succeeded' });
});

test('a hundred waiting runs end on their builds, while new ones follow deploys back and forth', async () => {
  const first = await deploy(old);
  expect(first.built.digest).toBe(world.built.digest);
  const begun: { readonly run: RunRecord; readonly says: string }[] = [];
  const start = async (by: ProjectWorld, says: string, runs: number) => {
    for (let each = 0; each < runs; each += 1) begun.push({ run: await by.start('daily'), says });
  };
  await start(first, 'old', 80);
  const second = await deploy(earlier);
  const stopSecond = await second.startWorkers();
  await start(second, 'new', 10);
  const back = await deploy(old);
  await start(back, 'old', 10);
  for (const { run } of begun) await waiting(run);
  // No worker remembers a run now, so each one is replayed.
  await world.stopWorkers();
  await stopSecond();
  await world.startWorkers();
  const stopAgain = await second.startWorkers();
  for (const { run } of begun) await go(run);
  const ends = [];
  for (const { run, says } of begun) {
    const { status, verdict, failure } = await world.untilEnd(run, 200);
    ends.push({ status, says: verdict?.reasons[0]?.message, failure });
    expect(ends.at(-1)).toEqual({ status: 'succeeded', says, failure: null });
  }
  expect(ends).toHaveLength(100);
  await stopAgain();
  for (const each of [first, second, back]) await each.close();
});

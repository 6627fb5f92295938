import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createInterruptedRequests,
  type InterruptedModel,
} from '../../../../apps/gateway/prediction-log/interrupted-requests';
import { openRequestsInProgress } from '../../../../apps/gateway/prediction-log/requests-in-progress';
import { openSpill } from '../../../../apps/gateway/prediction-log/spill';
import { fakeRegistry, type FakeRegistry } from '../fakes';

let folder: string;
let registry: FakeRegistry;
const counted: InterruptedModel[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-interrupted-'));
  registry = fakeRegistry();
  counted.length = 0;
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A process that takes over the folders of those that were silent for 50 ms. */
async function startProcess() {
  const spill = await openSpill({
    folder,
    segmentBytes: 1_000,
    maxBytes: 100_000,
    orphanSeconds: 0.05,
    onLost: () => undefined,
    onTakeOver: (orphan) => interrupted.takeOver(orphan),
  });
  const requests = openRequestsInProgress({
    folder: spill.folder,
    onError: (error) => {
      throw error;
    },
  });
  const interrupted = createInterruptedRequests({
    gateways: registry.gateways,
    folder: spill.folder,
    timeoutMs: 1_000,
    onInterrupted: ({ tenant, model, requests: amount }) =>
      counted.push({ tenant, model, requests: amount }),
  });
  return { spill, requests, interrupted };
}

const pause = (ms: number) => new Promise<void>((passed) => setTimeout(passed, ms));
const of = (model: string, requests: number) => ({ tenant: 't', model, requests });

test('requests in a process that is killed are counted once by another one', async () => {
  const killed = await startProcess();
  for (const model of ['a', 'a', 'b']) killed.requests.begin('t', model);
  await pause(100);
  const next = await startProcess();
  await next.spill.tend();
  await next.interrupted.report();
  expect(counted).toEqual([of('a', 2), of('b', 1)]);
  expect(registry.interrupted).toMatchObject([{ models: [of('a', 2), of('b', 1)] }]);
  expect(Date.parse(registry.interrupted[0]?.at ?? '')).toBeLessThanOrEqual(Date.now() - 90);
  // The folder of the killed process is gone, and its own file stays.
  expect(readdirSync(folder)).toHaveLength(1);
  await next.interrupted.report();
  expect(counted).toHaveLength(2);
});

test('while the registry is away the file is kept, also if the process that has it is killed', async () => {
  const killed = await startProcess();
  killed.requests.begin('t', 'a');
  await pause(100);
  const second = await startProcess();
  await second.spill.tend();
  registry.away = true;
  await expect(second.interrupted.report()).rejects.toThrow();
  expect(counted).toEqual([]);
  second.requests.begin('t', 'b');
  await pause(100);
  const third = await startProcess();
  await third.spill.tend();
  registry.away = false;
  await third.interrupted.report();
  expect([...counted].sort((a, b) => (a.model < b.model ? -1 : 1))).toEqual([
    of('a', 1),
    of('b', 1),
  ]);
  const ids = registry.interrupted.map(({ id }) => id);
  expect(new Set(ids).size).toBe(2);
});

test('a process without a request in progress leaves nothing to count', async () => {
  const killed = await startProcess();
  killed.requests.end(killed.requests.begin('t', 'a'));
  await pause(100);
  const next = await startProcess();
  await next.spill.tend();
  await next.interrupted.report();
  expect(counted).toEqual([]);
  expect(registry.interrupted).toEqual([]);
  expect(readdirSync(folder)).toHaveLength(1);
});

test('a damaged file is an error once', async () => {
  const { spill, interrupted } = await startProcess();
  writeFileSync(join(spill.folder, 'other.progress'), '["t","a"\n\n');
  await expect(interrupted.report()).rejects.toThrow(/other\.progress are damaged/);
  await interrupted.report();
  expect(counted).toEqual([]);
});

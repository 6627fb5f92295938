import { MockActivityEnvironment } from '@temporalio/testing';
import { cp, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { LocalBackend } from '../../../activities/training/compute/local/backend';
import { createLocalBackend } from '../../../activities/training/compute/local/backend';
import type { TrainedModel, TrainModelInput } from '../../../activities/training/train';
import { createTrainActivities } from '../../../activities/training/train';
import { openTrainerCatalog } from '../../../data/training/catalog';
import { defaultTenant, effectKey, type RunId } from '../../../domain/ids';
import { directoryArtifacts } from '../../support/directory-artifacts';
import { pythonPath } from '../../support/platform';
import { pythonEnvironments, testUvVariables } from '../../support/training/python-environments';
import { flightFeatures, trainingRows } from '../../support/training/training-rows';
import { fakeCosts } from '../../support/cost/fake-costs';

const runId = 'run_packaged' as RunId;
const runtimeDir = resolve('trainers/runtime');
let folder: string;
let trainersDir: string;
let backend: LocalBackend;
let activities: ReturnType<typeof createTrainActivities>;
let input: TrainModelInput;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perennial-packaged-'));
  // A copy, in which a test spoils the requirements.
  trainersDir = join(folder, 'trainers');
  await cp(resolve('sdk/contracts/trainers'), trainersDir, { recursive: true });
  await symlink(runtimeDir, join(trainersDir, 'runtime'));
  const artifacts = directoryArtifacts(join(folder, 'artifacts'));
  backend = createLocalBackend({
    python: pythonPath(),
    uvVariables: testUvVariables(),
    trainersDir,
    runtimeDir,
    stateDir: join(folder, 'state'),
    artifacts,
    maxConcurrent: 1,
  });
  activities = createTrainActivities({
    backends: { local: backend },
    artifacts,
    registry: {
      events: { append: () => Promise.resolve(1) },
      artifacts: { reference: () => Promise.resolve() },
      costs: fakeCosts(),
    },
    prices: {},
    trainersDir,
    environments: pythonEnvironments(join(folder, 'state')),
  });
  const train = await trainingRows(artifacts, folder, { task: 'classification', rows: 500 });
  const assembled = await artifacts.putJson({
    tenant: defaultTenant,
    value: {
      task: 'classification',
      features: flightFeatures,
      parts: { train: { features: train }, tuning: { features: train } },
    },
  });
  const compute = { backend: 'local', cpus: 1, memoryBytes: 2 ** 30, timeoutSeconds: 60 } as const;
  input = {
    tenant: defaultTenant,
    runId,
    key: effectKey(runId, 'train', 'job', 1),
    lifecycle: 'flight-delay',
    train: {
      trainer: 'packaged',
      task: null,
      params: {},
      seed: 7,
      compute: { ...compute, retries: 3 },
    },
    assembled,
  };
});
afterAll(async () => {
  await backend.close();
  await rm(folder, { recursive: true, force: true });
});

const train = (of: TrainModelInput): Promise<TrainedModel> =>
  new MockActivityEnvironment().run((given: TrainModelInput) => activities.trainModel(given), of);

// The environment also has the packages of all trainers, which may be downloaded first.
test('a trainer with a line of requirements trains with its own packages, which are recorded', async () => {
  const trained = await train(input);
  expect(trained.result.facts).toMatchObject({
    parity: { share: 1 },
    cachetools: expect.stringMatching(/^\d/) as string,
  });
  expect(trained.trainer).toMatchObject({
    name: 'packaged',
    environment: expect.stringMatching(/^sha256:/) as string,
  });
}, 600_000);

test('requirements that do not resolve fail with file, line and the reason, and change the digest', async () => {
  const digest = () => openTrainerCatalog(trainersDir, runtimeDir).get('packaged')?.codeDigest;
  const before = digest();
  await writeFile(join(trainersDir, 'packaged', 'requirements.txt'), '# one\ncachetools>=900\n');
  expect(digest()).not.toBe(before);
  const key = effectKey(runId, 'train', 'job', 2);
  await expect(train({ ...input, key })).rejects.toMatchObject({
    type: 'InvalidInput',
    message: expect.stringMatching(
      /^packaged\/requirements\.txt:2: Because only cachetools<=[\d.]+ is available/,
    ) as string,
    next: 'Correct the requirements and try again',
  });
});

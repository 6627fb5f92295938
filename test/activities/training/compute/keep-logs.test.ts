import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { cancelledLogKeeper } from '../../../../activities/training/compute/keep-logs';
import type { ArtifactStore } from '../../../../data/artifact/store';
import { sha256 } from '../../../../data/digest';
import { failure } from '../../../../domain/failure';
import type { IdempotencyKey, RunId, Tenant } from '../../../../domain/ids';

const of = {
  tenant: 'default' as Tenant,
  runId: 'run_1' as RunId,
  key: 'run_1/train/job/1' as IdempotencyKey,
};
type PutBytes = ArtifactStore['putBytes'];

const stores: PutBytes = ({ tenant, bytes, mediaType }) => {
  const digest = sha256(bytes);
  return Promise.resolve({
    uri: `s3://b/${tenant}/${digest}`,
    digest,
    bytes: bytes.length,
    mediaType,
  });
};

/** The events after the log was kept twice, as by a second process. */
async function eventsAfter(text: string, putBytes: PutBytes) {
  const appended: unknown[] = [];
  const registry = {
    events: { append: (event: unknown) => Promise.resolve(appended.push(event)) },
    artifacts: { reference: () => Promise.resolve() },
  };
  const environment = new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR') });
  await environment.run(async () => {
    const keep = cancelledLogKeeper({ registry, artifacts: { putBytes } }, of);
    const read = () => Promise.resolve({ text, bytes: text.length });
    const kept = [keep(read), keep(read)];
    await jest.advanceTimersByTimeAsync(60_000);
    await Promise.all(kept);
  });
  return appended;
}

describe('the log of a cancelled job', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  test('is stored and recorded, the same each time', async () => {
    const logs = await stores({
      tenant: of.tenant,
      bytes: Buffer.from('epoch 1\n'),
      mediaType: 'text/plain; charset=utf-8',
    });
    const event = {
      tenant: of.tenant,
      runId: of.runId,
      kind: 'job.cancelled',
      stage: 'train',
      data: { job: of.key, logs },
    };
    expect(await eventsAfter('epoch 1\n', stores)).toEqual([event, event]);
  });

  test('is not stored if the job wrote nothing', async () => {
    expect(await eventsAfter('', stores)).toEqual([]);
  });

  test.each<[string, PutBytes]>([
    ['is away', () => Promise.reject(failure('StorageUnavailable', 'the store is away'))],
    ['does not respond', () => new Promise(() => undefined)],
  ])('does not fail the cancellation if the store %s', async (_, putBytes) => {
    expect(await eventsAfter('epoch 1\n', putBytes)).toEqual([]);
  });
});

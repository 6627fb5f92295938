import { PutObjectCommand } from '@aws-sdk/client-s3';
import { createReleaseActivities, type JobKeeper } from '../../../activities/run/release';
import { stagingPrefix } from '../../../data/artifact/location';
import { openS3 } from '../../../data/artifact/s3';
import { openArtifactStore } from '../../../data/artifact/store';
import { failure } from '../../../domain/failure';
import type { RunId } from '../../../domain/ids';
import { defaultTenant as tenant } from '../../../domain/ids';
import { testBucket } from '../../support/platform';

const settings = testBucket();
const artifacts = openArtifactStore({ ...settings, leases: null });
const s3 = openS3(settings);
const runId = 'run_ended' as RunId;

beforeAll(() => artifacts.ensureBucket());
afterAll(() => {
  artifacts.close();
  s3.client.destroy();
});

const stage = (of: string, name: string) =>
  s3.client.send(
    new PutObjectCommand({
      Bucket: settings.bucket,
      Key: `${stagingPrefix(tenant, of)}${name}`,
      Body: 'half',
    }),
  );

/** A backend with jobs of two runs, which may be unavailable. */
function keeper(): JobKeeper & { jobs: string[]; isAway: boolean } {
  return {
    jobs: [`${runId}/train/1`, 'run_other/train/1'],
    isAway: false,
    cleanup(prefix) {
      if (this.isAway)
        return Promise.reject(failure('BackendUnavailable', 'the cluster does not answer'));
      this.jobs = this.jobs.filter((job) => !job.startsWith(prefix));
      return Promise.resolve();
    },
  };
}

test('removes what the run left and nothing of other runs, on each attempt', async () => {
  const local = keeper();
  await Promise.all([stage(runId, 'model'), stage('run_other', 'model')]);
  const activities = createReleaseActivities({ artifacts, jobs: [local] });
  await activities.releaseRun({ tenant, runId });
  await activities.releaseRun({ tenant, runId });
  expect(local.jobs).toEqual(['run_other/train/1']);
  expect(await artifacts.staging.runs(tenant)).toEqual(['run_other']);
});

test('an unavailable backend does not block the other removals, and is retried', async () => {
  const [away, local] = [keeper(), keeper()];
  away.isAway = true;
  await stage(runId, 'model');
  const activities = createReleaseActivities({ artifacts, jobs: [away, local] });
  await expect(activities.releaseRun({ tenant, runId })).rejects.toMatchObject({
    type: 'BackendUnavailable',
  });
  expect(local.jobs).toEqual(['run_other/train/1']);
  expect(await artifacts.staging.list({ tenant, runId })).toEqual([]);
  away.isAway = false;
  await activities.releaseRun({ tenant, runId });
  expect(away.jobs).toEqual(['run_other/train/1']);
});

import { noEvents, withEvents, type LiveEvent } from '../../../apps/web/src/api/live-state';

let seq = 0;
const event = (
  kind: string,
  stage: string | null,
  data: Readonly<Record<string, unknown>> = {},
): LiveEvent => ({ seq: (seq += 1), kind, stage, data, at: '2026-01-01T00:00:00Z' });
const wrote = (job: string) => event('job.output', 'train', { job, text: 'line\n', begins: true });

const jobsAfter = (...events: LiveEvent[]) => [
  ...withEvents(noEvents, [
    wrote('run_1/train/a'),
    wrote('run_1/train/b'),
    ...events,
  ]).output.keys(),
];

describe('the output of running jobs', () => {
  test.each([
    ['the start of their stage', event('stage.started', 'train')],
    ['a job that starts again', event('job.restarted', 'train', { reason: 'lost' })],
    ['a failed attempt of their stage', event('attempt.failed', 'train', { attempt: 1 })],
    ['the end of another stage', event('stage.succeeded', 'validate')],
    ['a pause of the run', event('run.status', null, { status: 'paused' })],
  ])('stays after %s', (_, next) => {
    expect(jobsAfter(next)).toEqual(['run_1/train/a', 'run_1/train/b']);
  });

  test.each([
    ['the end of their stage', event('stage.succeeded', 'train')],
    ['the failure of their stage', event('stage.failed', 'train')],
    ['the end of the run', event('run.status', null, { status: 'cancelled' })],
  ])('is left to the stored log after %s', (_, next) => {
    expect(jobsAfter(next)).toEqual([]);
  });

  test.each(['job.failed', 'job.cancelled'])(
    'stays for the other jobs of the stage after %s of one',
    (kind) => {
      expect(jobsAfter(event(kind, 'train', { job: 'run_1/train/a' }))).toEqual(['run_1/train/b']);
    },
  );
});

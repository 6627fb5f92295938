import type { JobObservation } from '../../../../activities/training/compute/assess';
import { assessJob } from '../../../../activities/training/compute/assess';

const result = { metrics: { loss: 1 }, facts: {} };
const exit = {
  attempt: 1,
  code: 0 as number | null,
  signal: null as string | null,
  limit: null,
  seconds: 3,
};
const nothing: JobObservation = {
  cancelled: false,
  attempt: null,
  process: null,
  exit: null,
  result: null,
  error: null,
};
const owned = { ...nothing, attempt: { number: 1, ownerAlive: true } };
const started = { ...owned, process: { alive: true, hostAlive: true } };
const over = { ...owned, process: { alive: false, hostAlive: true } };

describe('the state of a job derived from its files and processes', () => {
  test.each<[string, JobObservation, object]>([
    ['claimed by a living worker', owned, { kind: 'queued' }],
    [
      'claimed by a worker that died',
      { ...owned, attempt: { number: 1, ownerAlive: false } },
      { kind: 'lost' },
    ],
    ['with a process', started, { kind: 'running' }],
    ['with a process that ended a moment ago', { ...over, result }, { kind: 'running' }],
    [
      'whose host died, and the process with it',
      { ...over, process: { alive: false, hostAlive: false } },
      { kind: 'lost' },
    ],
    [
      'whose host died after the result was written',
      { ...over, process: { alive: false, hostAlive: false }, result },
      { kind: 'succeeded', result },
    ],
    [
      'whose host died and left a partial result',
      { ...over, process: { alive: false, hostAlive: false }, result: 'invalid' },
      { kind: 'lost' },
    ],
    ['that ended well', { ...over, exit, result }, { kind: 'succeeded', result }],
    [
      'that ended well without a result',
      { ...over, exit },
      { kind: 'failed', failure: 'JobWithoutResult' },
    ],
    [
      'with an invalid result',
      { ...over, exit, result: 'invalid' },
      { kind: 'failed', failure: 'JobWithoutResult' },
    ],
    [
      'that failed',
      { ...over, exit: { ...exit, code: 1 } },
      { kind: 'failed', failure: 'JobFailed', message: 'ended with exit code 1' },
    ],
    [
      'that failed after its result was written',
      { ...over, exit: { ...exit, code: 1 }, result },
      { kind: 'failed', failure: 'JobFailed' },
    ],
    [
      'that gave its reason',
      { ...over, exit: { ...exit, code: 1 }, error: { message: 'no rows' } },
      { kind: 'failed', message: 'no rows' },
    ],
    [
      'that crashed',
      { ...over, exit: { ...exit, code: null, signal: 'SIGSEGV' } },
      { kind: 'failed', message: 'was ended by SIGSEGV' },
    ],
    ['that was stopped by SIGTERM', { ...over, exit: { ...exit, code: 143 } }, { kind: 'lost' }],
    [
      'that was killed by another process',
      { ...over, exit: { ...exit, code: null, signal: 'SIGKILL' } },
      { kind: 'lost' },
    ],
    [
      'that exceeded its memory',
      {
        ...over,
        exit: {
          ...exit,
          code: null,
          signal: 'SIGKILL',
          limit: { kind: 'JobOutOfMemory', used: 800 * 2 ** 20 + 9, allowed: 800 * 2 ** 20 },
        },
      },
      {
        failure: 'JobOutOfMemory',
        message: 'used 801MiB of memory; this attempt had 800MiB',
      },
    ],
    [
      'that exceeded its time limit',
      {
        ...over,
        exit: {
          ...exit,
          code: null,
          signal: 'SIGKILL',
          limit: { kind: 'JobTimeout', used: 61.2, allowed: 60 },
        },
      },
      { failure: 'JobTimeout', message: 'ran for 61.2 s; compute.timeout allows 60 s' },
    ],
    [
      'cancelled, however it ended',
      { ...over, exit: { ...exit, code: 1 }, cancelled: true },
      { kind: 'cancelled' },
    ],
  ])('a job %s', (_, seen, expected) => {
    expect(assessJob(seen)).toMatchObject(expected);
  });
});

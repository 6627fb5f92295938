import { findCause } from '../../../../../activities/training/compute/remote/node-reports';
import type { RemoteExit } from '../../../../../activities/training/compute/remote/remote-files.schema';

const exit = (more: Partial<RemoteExit>): RemoteExit => ({
  attempt: 1,
  code: 0,
  signal: null,
  limit: null,
  seconds: 1,
  result: null,
  error: null,
  outputs: [],
  ...more,
});
const done = exit({});
const stopped = exit({ code: 143 });
const terminated = exit({ code: null, signal: 'SIGTERM' });
const killed = exit({ code: null, signal: 'SIGKILL' });
const crashed = exit({ code: 1, error: { message: 'the label is always true' } });
const disconnected = exit({ code: 1, error: { message: 'connection closed' } });
const unprepared = exit({ code: null, signal: 'SIGTERM', reason: 'no uv on its PATH' });
const hungry = exit({
  code: null,
  signal: 'SIGKILL',
  limit: { kind: 'JobOutOfMemory', used: 500 * 2 ** 20, allowed: 400 * 2 ** 20 },
});

describe('the cause of the end of a job on several nodes', () => {
  test.each<[string, readonly RemoteExit[], object | null]>([
    ['nothing is reported', [], null],
    ['all were stopped', [stopped, terminated], null],
    ['the others were done', [stopped, done], null],
    [
      'one failed and the first was stopped',
      [stopped, crashed],
      { failure: 'JobFailed', message: 'node 1: the label is always true' },
    ],
    [
      'the first failed and the others were done',
      [crashed, done],
      { failure: 'JobFailed', message: 'node 0: the label is always true' },
    ],
    [
      'two failed',
      [disconnected, stopped, crashed],
      {
        failure: 'JobFailed',
        message: 'node 0: connection closed; node 2: the label is always true',
      },
    ],
    [
      'one was killed, and another failed because of that',
      [disconnected, killed],
      { kind: 'lost', message: expect.stringMatching(/^node 1: was killed/) as string },
    ],
    [
      'one could not begin',
      [stopped, unprepared],
      { kind: 'lost', message: 'node 1: no uv on its PATH' },
    ],
    [
      'the memory of one ran out',
      [killed, hungry],
      {
        failure: 'JobOutOfMemory',
        message: expect.stringMatching(/^node 1: used 500MiB/) as string,
      },
    ],
  ])('%s', (_, exits, cause) => {
    const reports = exits.map((each, node) => ({ node, exit: each }));
    const found = findCause(reports);
    if (cause === null) expect(found).toBeNull();
    else expect(found).toMatchObject(cause);
  });
});

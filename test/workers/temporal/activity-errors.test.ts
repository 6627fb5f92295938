import { ApplicationFailure } from '@temporalio/common';
import type { ActivityExecuteInput } from '@temporalio/worker';
import { DefaultLogger } from '@temporalio/worker';
import { MockActivityEnvironment } from '@temporalio/testing';
import { failure } from '../../../domain/failure';
import { activityBoundary } from '../../../workers/temporal/activity-errors';
import { openLog } from '../../../workers/log';

const quiet = { logger: new DefaultLogger('ERROR') };
const secret = 'Jane Doe, 4711';

/** The failure in Temporal's history for an activity that throws. */
async function wireForm(error: Error): Promise<ApplicationFailure> {
  const environment = new MockActivityEnvironment({}, quiet);
  const { inbound } = activityBoundary(openLog('test', 'silent'))(environment.context);
  const input: ActivityExecuteInput = { args: [{}], headers: {} };
  const thrown = await environment
    .run(() => inbound?.execute?.(input, () => Promise.reject(error)) ?? Promise.resolve())
    .then(
      () => null,
      (caught: unknown) => caught,
    );
  if (!(thrown instanceof ApplicationFailure)) throw new Error('no ApplicationFailure');
  return thrown;
}

describe('the activity boundary', () => {
  test('keeps type, retryability, issues and next step of a known failure', async () => {
    const issues = [{ pointer: '/spec/train', detail: 'is missing' }];
    const wire = await wireForm(
      failure('InvalidInput', 'no trainer', { issues, next: 'name one' }),
    );
    expect(wire).toMatchObject({
      type: 'InvalidInput',
      message: 'no trainer',
      nonRetryable: true,
      details: [{ issues, next: 'name one' }],
    });
    expect(await wireForm(failure('DatabaseUnavailable', 'away'))).toMatchObject({
      nonRetryable: false,
    });
  });

  test('removes row values from the message and cause of a library’s error', async () => {
    const library = new Error(
      `Conversion Error: could not convert '${secret}' to 17.25 at row 4711`,
    );
    for (const error of [
      library,
      failure('DataUnreadable', 'column x is no number', { cause: library }),
    ]) {
      const wire = await wireForm(error);
      expect(JSON.stringify([wire.message, wire.details, wire.cause])).not.toContain('Jane');
      expect(wire.message).not.toContain('17.25');
    }
  });

  test('marks an unknown error as Unexpected', async () => {
    expect(await wireForm(new TypeError('x is not a function'))).toMatchObject({
      type: 'Unexpected',
      message: 'TypeError: x is not a function',
    });
  });

  test.each([
    ['that will be retried', failure('SourceUnreachable', 'the host is unknown'), 3, true],
    [
      'unless it is the last attempt',
      failure('SourceUnreachable', 'the host is unknown'),
      8,
      false,
    ],
    ['unless the failure is not retryable', failure('InvalidInput', 'no'), 3, false],
    ['unless the registry is unavailable', failure('DatabaseUnavailable', 'away'), 3, false],
  ])('records a failed attempt as an event of the run %s', async (_, error, attempt, told) => {
    const events: object[] = [];
    const append = (event: object): Promise<number> => Promise.resolve(events.push(event));
    const environment = new MockActivityEnvironment(
      { attempt, retryPolicy: { maximumAttempts: 8 } },
      quiet,
    );
    const { inbound } = activityBoundary(openLog('test', 'silent'), { append })(
      environment.context,
    );
    const args = [{ tenant: 'default', runId: 'run_1', key: 'run_1/ingest/source/1' }];
    await environment
      .run(
        () =>
          inbound?.execute?.({ args, headers: {} }, () => Promise.reject(error)) ??
          Promise.resolve(),
      )
      .catch(() => undefined);
    const event = {
      runId: 'run_1',
      kind: 'attempt.failed',
      stage: 'ingest',
      data: { attempt, failure: { message: error.message } },
    };
    expect(events).toMatchObject(told ? [event] : []);
  });
});

import { ApplicationFailure } from '@temporalio/common';
import type { ActivityExecuteInput } from '@temporalio/worker';
import { DefaultLogger } from '@temporalio/worker';
import { MockActivityEnvironment } from '@temporalio/testing';
import { failure } from '../../../domain/failure';
import { activityBoundary } from '../../../workers/temporal/activity-errors';
import { openLog } from '../../../workers/log';

const quiet = { logger: new DefaultLogger('ERROR') };
const secret = 'Jane Doe, 4711';

/** What Temporal's history would hold of an activity that throws. */
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
  test('keeps type, retryability, mistakes and advice of a known failure', async () => {
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

  test('lets no row value out of a library’s error, in message or cause', async () => {
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

  test('says of an unknown error that it is one', async () => {
    expect(await wireForm(new TypeError('x is not a function'))).toMatchObject({
      type: 'Unexpected',
      message: 'TypeError: x is not a function',
    });
  });

  test.each([
    ['may be tried again', failure('SourceUnreachable', 'the host is unknown'), 3, true],
    ['is the last attempt', failure('SourceUnreachable', 'the host is unknown'), 8, false],
    ['no attempt can help', failure('InvalidInput', 'no'), 3, false],
    ['the registry is away', failure('DatabaseUnavailable', 'away'), 3, false],
  ])('tells whoever watches the run of a failed attempt: %s', async (_, error, attempt, told) => {
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

import type { DescribeWorkflowExecutionResponse } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time';
import {
  describeHoldUp,
  needsEvents,
  type HistoryEvent,
} from '../../../apps/temporal-clients/hold-up';

const now = Date.parse('2026-05-01T12:00:00Z');
const ago = (seconds: number) => msToTs(now - seconds * 1000);
const [scheduled, started, cancelRequested, paused] = [1, 2, 3, 4];

const described = (raw: object) => raw as DescribeWorkflowExecutionResponse;
const activity = (fields: object) =>
  described({
    pendingActivities: [
      {
        activityType: { name: 'trainModel' },
        state: scheduled,
        attempt: 1,
        scheduledTime: ago(5),
        activityOptions: { taskQueue: { name: 'compute' } },
        ...fields,
      },
    ],
  });
const lost = { timeoutFailureInfo: { timeoutType: 4 }, message: 'activity Heartbeat timeout' };
const away = {
  message: 'the store does not answer\nwith a second line',
  applicationFailureInfo: { type: 'StorageUnavailable' },
};
const task = (fields: object) =>
  described({
    pendingWorkflowTask: {
      state: started,
      attempt: 1,
      scheduledTime: ago(1),
      originalScheduledTime: ago(40),
      ...fields,
    },
  });
const marker = (more: object): HistoryEvent => {
  const note = {
    activity_type: 'beginStage',
    attempt: 7,
    backoff: { seconds: 6, nanos: 400_000_000 },
  };
  return {
    eventTime: ago(2),
    markerRecordedEventAttributes: {
      details: { data: { payloads: [{ data: Buffer.from(JSON.stringify(note)) }] } },
      ...more,
    },
  };
};
const onProject = described({
  executionConfig: { taskQueue: { name: 'project/default/shop' } },
});
const completed: HistoryEvent = { workflowTaskCompletedEventAttributes: {} };
const failedTask: HistoryEvent = {
  workflowTaskFailedEventAttributes: {
    failure: { message: '[TMPRL1100] Nondeterminism error: x' },
  },
};

describe('what holds up a workflow', () => {
  test.each<[string, DescribeWorkflowExecutionResponse, readonly HistoryEvent[], string | null]>([
    ['nothing, while an activity runs', activity({ state: started }), [], null],
    [
      'an attempt that waits for its retry',
      activity({ attempt: 4, lastFailure: away, nextAttemptScheduleTime: ago(-8) }),
      [],
      'attempt 3 of trainModel failed: StorageUnavailable: the store does not answer; attempt 4 follows at 2026-05-01T12:00:08Z',
    ],
    [
      'nothing, when the second attempt is running',
      activity({ state: started, attempt: 2, lastStartedTime: ago(3), lastFailure: lost }),
      [],
      null,
    ],
    [
      'a third attempt that has just begun',
      activity({ state: started, attempt: 3, lastStartedTime: ago(3), lastFailure: lost }),
      [],
      'attempt 2 of trainModel failed: its worker stopped sending heartbeats; attempt 3 is running',
    ],
    [
      'nothing, once it has run for a minute',
      activity({ state: started, attempt: 3, lastStartedTime: ago(61), lastFailure: lost }),
      [],
      null,
    ],
    [
      'nothing, while a task has waited only briefly',
      activity({ scheduledTime: ago(29) }),
      [],
      null,
    ],
    [
      'a queue without workers',
      activity({ scheduledTime: ago(31) }),
      [],
      'no worker has taken trainModel from the queue compute since 2026-05-01T11:59:29Z; all are busy, or none is running (perennial doctor)',
    ],
    [
      'a person who paused it in Temporal',
      activity({ state: paused }),
      [],
      'trainModel is paused in Temporal; unpause it there',
    ],
    [
      'an activity that has not ended since the cancellation',
      activity({ state: cancelRequested }),
      [],
      'trainModel has not ended since the cancellation was requested',
    ],
    [
      'a stage of a project that ignores the cancellation',
      activity({ activityType: { name: 'runProjectStage' }, state: cancelRequested }),
      [],
      'runProjectStage has not ended since the cancellation was requested; a stage that ignores context.signal runs until its timeout',
    ],
    [
      'two activities',
      {
        pendingActivities: [
          ...(activity({ state: paused }).pendingActivities ?? []),
          ...(activity({ state: paused }).pendingActivities ?? []),
        ],
      },
      [],
      'trainModel is paused in Temporal; unpause it there (and 1 more)',
    ],
    ['nothing, while a workflow task is processed', task({}), [completed, failedTask], null],
    ['nothing, when a worker died during a task', task({ attempt: 2 }), [completed], null],
    [
      'nothing, when an earlier task had failed',
      task({ attempt: 2 }),
      [completed, failedTask],
      null,
    ],
    [
      'a workflow task that fails',
      task({ attempt: 2 }),
      [failedTask, completed],
      'its workflow task fails (attempt 2, since 2026-05-01T11:59:20Z): [TMPRL1100] Nondeterminism error: x; start the version that it began with, or terminate it in the Temporal Web UI and perennial run rerun it',
    ],
    [
      "a lifecycle of a project that its build's code cannot continue",
      { ...task({ attempt: 2 }), ...onProject },
      [failedTask, completed],
      'its workflow task fails (attempt 2, since 2026-05-01T11:59:20Z): [TMPRL1100] Nondeterminism error: x; terminate it in the Temporal Web UI, correct the lifecycle, then perennial deploy and perennial run rerun it with --revision latest',
    ],
    [
      'a lifecycle of a project that computes for ever',
      { ...task({ attempt: 2 }), ...onProject },
      [
        {
          workflowTaskFailedEventAttributes: {
            failure: { message: 'Script execution timed out after 5000ms' },
          },
        },
      ],
      'its workflow task fails (attempt 2, since 2026-05-01T11:59:20Z): the lifecycle computed for too long without an await, perhaps in an endless loop; terminate it in the Temporal Web UI, correct the lifecycle, then perennial deploy and perennial run rerun it with --revision latest',
    ],
    [
      'no worker of a project',
      { ...task({ state: scheduled }), ...onProject },
      [],
      'no worker has taken its workflow task from the queue project/default/shop since 2026-05-01T11:59:20Z; all are busy, or none is running (perennial doctor)',
    ],
    [
      'a workflow task that is never finished',
      task({ attempt: 3 }),
      [completed],
      'no worker finished its workflow task in time (attempt 3, since 2026-05-01T11:59:20Z)',
    ],
    [
      'no workers',
      task({ state: scheduled }),
      [],
      'no worker has taken its workflow task from the queue orchestrator since 2026-05-01T11:59:20Z; all are busy, or none is running (perennial doctor)',
    ],
    [
      'a local activity that fails',
      {},
      [{}, marker({ failure: away }), completed],
      'attempt 7 of beginStage failed: StorageUnavailable: the store does not answer; attempt 8 follows at 2026-05-01T12:00:04Z',
    ],
    [
      'nothing, once the local activity succeeded',
      {},
      [marker({}), marker({ failure: away })],
      null,
    ],
    ['nothing, while it waits for people', {}, [completed], null],
  ])('%s', (_, description, newest, expected) => {
    expect(describeHoldUp(description, newest, now)).toBe(expected);
  });

  test('has a limited length, however long the error is', () => {
    const text = describeHoldUp(
      activity({ attempt: 2, lastFailure: { message: 'x'.repeat(5000) } }),
      [],
      now,
    );
    expect(text?.length).toBeLessThan(400);
  });

  test('needs the events only if no activity explains it, or if a workflow task is retried', () => {
    expect([
      needsEvents(activity({})),
      needsEvents({}),
      needsEvents({ pendingActivities: [] }),
    ]).toEqual([false, true, true]);
    expect(needsEvents({ ...activity({}), ...task({ attempt: 2 }) })).toBe(true);
    expect(needsEvents({ pendingChildren: [{ workflowId: 'study' }] })).toBe(false);
  });
});

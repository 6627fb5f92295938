import { activityInfo } from '@temporalio/activity';
import { ApplicationFailure, CancelledFailure, TemporalFailure } from '@temporalio/common';
import type {
  ActivityInboundCallsInterceptor,
  ActivityInterceptorsFactory,
} from '@temporalio/worker';
import { CompleteAsyncError } from '@temporalio/activity';
import { readingFor } from '../../data/artifact/reader';
import { failureTypes, isPerennialError } from '../../domain/failure';
import type { IdempotencyKey, RunId, Tenant } from '../../domain/ids';
import type { Registry } from '../../db/registry';
import type { Logger } from '../log';

type RunEventLog = Pick<Registry['events'], 'append'>;

/**
 * Converts errors of activities to their wire form and logs each attempt with the run's trace id.
 * With `events`, failed attempts that are retried are also recorded as events of the run (I12).
 */
export function activityBoundary(
  log: Logger,
  events: RunEventLog | null = null,
): ActivityInterceptorsFactory {
  return (context) => ({ inbound: boundary(log, events, context.info.activityType) });
}

function boundary(
  log: Logger,
  events: RunEventLog | null,
  activity: string,
): ActivityInboundCallsInterceptor {
  return {
    async execute(input, next) {
      const { attempt, workflowExecution, isLocal } = activityInfo();
      const about = {
        activity,
        attempt,
        workflowId: workflowExecution?.workflowId,
        ...readTrace(input.args[0]),
      };
      const startedAt = performance.now();
      try {
        const result = await ofTenant(input.args[0], () => next(input));
        log[isLocal ? 'debug' : 'info'](
          { ...about, milliseconds: Math.round(performance.now() - startedAt) },
          'activity done',
        );
        return result;
      } catch (error) {
        const failed = toWire(error, isLocal);
        if (events && !isLocal) await tellRun(events, log, input.args[0], failed);
        log.warn(
          {
            ...about,
            milliseconds: Math.round(performance.now() - startedAt),
            err: describe(error),
          },
          'activity failed',
        );
        throw failed;
      }
    },
  };
}

async function tellRun(
  events: RunEventLog,
  log: Logger,
  input: unknown,
  failed: unknown,
): Promise<void> {
  const { activityType: activity, attempt, retryPolicy } = activityInfo();
  if (
    !(failed instanceof ApplicationFailure) ||
    failed.nonRetryable ||
    attempt === retryPolicy?.maximumAttempts
  )
    return;
  const { tenant, runId, key } = (input ?? {}) as {
    readonly tenant?: Tenant;
    readonly runId?: RunId;
    readonly key?: IdempotencyKey;
  };
  // The event is stored in the registry, so it cannot report that the registry is unavailable.
  if (tenant === undefined || runId === undefined || failed.type === 'DatabaseUnavailable') return;
  const data = { activity, attempt, failure: { type: failed.type, message: failed.message } };
  try {
    await events.append({ tenant, runId, kind: 'attempt.failed', stage: key?.split('/')[1], data });
  } catch (refused) {
    log.debug(
      { runId, activity, err: describe(refused) },
      'recording a failed attempt as an event of the run failed',
    );
  }
}

/**
 * The table in domain/failure.ts owns retryability. Any other error is a bug or an error of a
 * library. Remote activities retry it a bounded number of times. Local activities have no bound, so
 * they must not retry it.
 */
function toWire(error: unknown, isLocal: boolean): unknown {
  if (error instanceof TemporalFailure || error instanceof CompleteAsyncError) return error;
  if (error instanceof Error && error.name === 'AbortError')
    return new CancelledFailure('aborted', [], error);
  if (isPerennialError(error)) {
    return ApplicationFailure.create({
      type: error.type,
      message: error.message,
      nonRetryable: !failureTypes[error.type].retryable,
      ...(error.retryAfterMs !== undefined && { nextRetryDelay: error.retryAfterMs }),
      details: [{ issues: error.issues.slice(0, 50), next: error.next ?? null }],
    });
  }
  // A library's error may quote a row (I11). So Temporal's history gets neither its full message
  // nor the error as a cause.
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  return ApplicationFailure.create({
    type: 'Unexpected',
    message: `${name}: ${withoutValues(message)}`,
    nonRetryable: isLocal,
  });
}

/** Removes quoted text and numbers, where messages of libraries hold data. */
function withoutValues(message: string): string {
  return message
    .replace(/'[^']*'|"[^"]*"/g, '…')
    .replace(/(?<![A-Za-z0-9_])-?\d[\d.eE+-]*/g, '…')
    .slice(0, 500);
}

/** An activity reads only artifacts of the tenant in its input. */
function ofTenant<T>(input: unknown, work: () => T): T {
  const { tenant } = (input ?? {}) as { readonly tenant?: unknown };
  return typeof tenant === 'string' ? readingFor(tenant, work) : work();
}

function readTrace(input: unknown): { readonly runId?: unknown; readonly traceId?: unknown } {
  if (typeof input !== 'object' || input === null) return {};
  const { runId, traceId } = input as { runId?: unknown; traceId?: unknown };
  return {
    ...(runId === undefined ? {} : { runId }),
    ...(traceId === undefined ? {} : { traceId }),
  };
}

/** Only the frames of the stack, because its first lines repeat the message. */
function describe(error: unknown): {
  readonly type: string;
  readonly message: string;
  readonly stack?: string;
} {
  if (isPerennialError(error)) return { type: error.type, message: error.message };
  if (!(error instanceof Error))
    return { type: typeof error, message: withoutValues(String(error)) };
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  return {
    type: error.name,
    message: withoutValues(error.message),
    stack: frames.slice(0, 20).join('\n'),
  };
}

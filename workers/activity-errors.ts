import { activityInfo } from '@temporalio/activity';
import { ApplicationFailure, CancelledFailure, TemporalFailure } from '@temporalio/common';
import type { ActivityInboundCallsInterceptor, ActivityInterceptorsFactory } from '@temporalio/worker';
import { CompleteAsyncError } from '@temporalio/activity';
import { failures, isPerennialError } from '../domain/failure';
import type { Logger } from './log';

/** At the activity boundary: errors get their wire form, and each attempt one log line with the run's trace id. */
export function activityBoundary(log: Logger): ActivityInterceptorsFactory {
  return (context) => ({ inbound: boundary(log, context.info.activityType) });
}

function boundary(log: Logger, activity: string): ActivityInboundCallsInterceptor {
  return {
    async execute(input, next) {
      const { attempt, workflowExecution, isLocal } = activityInfo();
      const about = { activity, attempt, workflowId: workflowExecution?.workflowId, ...traceOf(input.args[0]) };
      const startedAt = performance.now();
      try {
        const result = await next(input);
        log[isLocal ? 'debug' : 'info']({ ...about, milliseconds: Math.round(performance.now() - startedAt) }, 'activity done');
        return result;
      } catch (error) {
        const failed = toWire(error, isLocal);
        log.warn({ ...about, milliseconds: Math.round(performance.now() - startedAt), err: describe(error) }, 'activity failed');
        throw failed;
      }
    },
  };
}

/**
 * The table in domain/failure.ts owns retryability. What it does not know is a bug or an accident of a library: remote
 * activities try it again a bounded number of times; a record, which retries without end, must not.
 */
function toWire(error: unknown, isLocal: boolean): unknown {
  if (error instanceof TemporalFailure || error instanceof CompleteAsyncError) return error;
  if (error instanceof Error && error.name === 'AbortError') return new CancelledFailure('aborted', [], error);
  if (isPerennialError(error)) {
    return ApplicationFailure.create({
      type: error.type,
      message: error.message,
      nonRetryable: !failures[error.type].retryable,
      details: [{ issues: error.issues.slice(0, 50), next: error.next ?? null }],
    });
  }
  // A library's words may quote a row (I11), so neither its message nor itself as a cause reaches Temporal's history.
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  return ApplicationFailure.create({ type: 'Unexpected', message: `${name}: ${withoutValues(message)}`, nonRetryable: isLocal });
}

/** Quoted text and numbers are where an error's words hold data. */
function withoutValues(message: string): string {
  return message
    .replace(/'[^']*'|"[^"]*"/g, '…')
    .replace(/(?<![A-Za-z0-9_])-?\d[\d.eE+-]*/g, '…')
    .slice(0, 500);
}

function traceOf(input: unknown): { readonly runId?: unknown; readonly traceId?: unknown } {
  if (typeof input !== 'object' || input === null) return {};
  const { runId, traceId } = input as { runId?: unknown; traceId?: unknown };
  return { ...(runId === undefined ? {} : { runId }), ...(traceId === undefined ? {} : { traceId }) };
}

/** The frames of a stack say where; its first lines repeat the message. */
function describe(error: unknown): { readonly type: string; readonly message: string; readonly stack?: string } {
  if (isPerennialError(error)) return { type: error.type, message: error.message };
  if (!(error instanceof Error)) return { type: typeof error, message: withoutValues(String(error)) };
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  return { type: error.name, message: withoutValues(error.message), stack: frames.slice(0, 20).join('\n') };
}

/**
 * Verification hashes every row of the log. It has a thread and connections of its own, so that it
 * does not block the API.
 */
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { shareConcurrentCalls } from '../../data/share-in-flight';
import type { AuditReport, AuditRepository } from '../../db/audit/records';
import { failure, isFailureType } from '../../domain/failure';
import type { Environment } from '../environment';

export type VerifyAudit = (
  input: Pick<Parameters<AuditRepository['verify']>[0], 'tenant' | 'from'>,
) => Promise<AuditReport>;

/** The message that the thread sends back. */
export type VerificationOutcome =
  | { readonly kind: 'done'; readonly report: AuditReport }
  | {
      readonly kind: 'failed';
      readonly type: string | null;
      readonly message: string;
      readonly next: string | undefined;
    };

/**
 * One verification at a time per process. Concurrent calls with the same input share one report.
 * The thread reads its settings from `environment`, by default that of this process.
 */
export function auditVerifier(environment?: Environment): {
  readonly verify: VerifyAudit;
  close(): Promise<void>;
} {
  const asked = new Map<string, Promise<AuditReport>>();
  const threads = new Set<Worker>();
  let last: Promise<unknown> = Promise.resolve();
  return {
    verify(input) {
      return shareConcurrentCalls(asked, JSON.stringify(input), () => {
        const report = last.then(() => inThread({ input, environment, threads }));
        last = report.catch(() => undefined);
        return report;
      });
    },
    close: async () => {
      await Promise.all([...threads].map((thread) => thread.terminate()));
    },
  };
}

interface InThread {
  readonly input: Parameters<VerifyAudit>[0];
  readonly environment: Environment | undefined;
  readonly threads: Set<Worker>;
}

function inThread({ input, environment, threads }: InThread): Promise<AuditReport> {
  return new Promise((done, failed) => {
    const execArgv = ['--enable-source-maps', '-r', require.resolve('tsx/cjs')];
    const thread = new Worker(join(__dirname, 'verification-thread.ts'), {
      workerData: input,
      execArgv,
      ...(environment && { env: { ...environment } }),
    });
    threads.add(thread);
    thread.once('message', (outcome: VerificationOutcome) => {
      if (outcome.kind === 'done') done(outcome.report);
      else failed(toError(outcome));
    });
    thread.once('error', failed);
    thread.once('exit', () => {
      threads.delete(thread);
      failed(new Error('the thread that verified the audit log ended without a report'));
    });
  });
}

/** Rebuilds the error, because errors lose their class between threads. */
function toError({ type, message, next }: Extract<VerificationOutcome, { kind: 'failed' }>): Error {
  if (type === null || !isFailureType(type)) return new Error(message);
  return failure(type, message, next === undefined ? {} : { next });
}

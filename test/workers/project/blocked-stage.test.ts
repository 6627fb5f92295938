import type { ChildProcess } from 'node:child_process';
import { PassThrough } from 'node:stream';
import { pino } from 'pino';
import { endBlockedWorker } from '../../../workers/project/blocked-stage';
import { blockedStageDescriptor } from '../../../workers/project/loop-watch';

describe('the report of a project worker', () => {
  test.each(['no JSON', 'null', '{"name":"spin","taskToken":7,"limitMs":1,"stillMs":2}'])(
    'that is %s ends the worker, and fails no stage',
    async (line) => {
      const reports = new PassThrough();
      const signals: unknown[] = [];
      const failed: unknown[] = [];
      const stdio = Array.from({ length: blockedStageDescriptor }, () => null);
      const ended = new Promise<void>((settle) => {
        const child = {
          stdio: [...stdio, reports],
          kill: (signal: unknown) => {
            signals.push(signal);
            settle();
            return true;
          },
        } as unknown as ChildProcess;
        const failStage = (...given: readonly unknown[]) => {
          failed.push(given);
          return Promise.resolve();
        };
        endBlockedWorker(child, { failStage, log: pino({ level: 'silent' }) });
      });
      reports.write(`${line}\n`);
      await ended;
      expect(signals).toEqual(['SIGKILL']);
      expect(failed).toEqual([]);
    },
  );
});

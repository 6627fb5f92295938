/** Waits for an event that someone sends to the run, as a stage in its records. */
import { condition } from '@temporalio/workflow';
import { formatSeconds } from '../../domain/duration';
import type { ProgramSpec } from '../../domain/lifecycle/sections/program';
import type { ReceivedEvent } from '../../domain/project/sent-event';
import { eventRecord } from '../../domain/run/record-name';
import { registryWrites } from '../activity-proxies';
import type { EndedStage, Run } from '../lifecycle/stage';
import { runStage } from '../lifecycle/stage';
import { whileWaiting, type Wait } from '../run/control';
import { watchRecord } from '../run/record-watch';
import { nextCall, parseSeconds, unknownCall, type StageCalls } from './stage-calls';

export interface EventWait {
  readonly calls: StageCalls;
  readonly event: string;
  /** A duration such as `7d`. */
  readonly timeout: string;
}

/** The output is null when no event arrived in time. */
export function callWaitFor(
  run: Run,
  program: ProgramSpec,
  { calls, event, timeout }: EventWait,
): Promise<EndedStage<ReceivedEvent<unknown> | null>> {
  const known = Object.keys(program.events ?? {});
  if (!known.includes(event)) throw unknownCall(program, { what: 'event', name: event, known });
  const seconds = parseSeconds(`run.waitFor('${event}'): timeout`, timeout);
  const stage = nextCall(calls, `wait-${event}`);
  return runStage(
    run,
    { name: stage, inputs: () => ({ event, seconds }), cached: false },
    async () => ({
      output: await whileWaiting(run.control, (wait) =>
        receive(run, { event, stage, seconds }, wait),
      ),
    }),
  );
}

async function receive(
  run: Run,
  {
    event,
    stage,
    seconds,
  }: { readonly event: string; readonly stage: string; readonly seconds: number },
  wait: Wait,
): Promise<ReceivedEvent<unknown> | null> {
  const { plan, control } = run;
  const { tenant, runId } = plan;
  const deadline = Date.now() + seconds * 1000;
  let isLate = false;
  return watchRecord(control.watches, eventRecord(event), async (watch) => {
    for (;;) {
      // Before the look, so that a signal during the look is not lost.
      watch.hasChanged = false;
      const received = await registryWrites.takeEvent({ tenant, runId, event, stage });
      if (received !== null || isLate) {
        await wait.end();
        return received;
      }
      await wait.show(
        `event ${event} until ${new Date(deadline).toISOString()}; ` +
          `perennial run send ${runId} ${event} --data <json>`,
      );
      isLate = !(await condition(() => watch.hasChanged, Math.max(1, deadline - Date.now()), {
        summary: `event ${event}: ${formatSeconds(seconds)}`,
      }));
    }
  });
}

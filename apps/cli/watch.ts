import type { CliContext } from './context';
import { runEvents } from '../client/run-events';
import { openRunLines } from './run/lines';
import { followCanary } from './rollout/follow';
import type { RunJson } from './run/view';

/** Follows the run to its end with one line per event, and returns the ended run. */
export async function watchRun(context: CliContext, runId: string): Promise<RunJson> {
  const client = context.api();
  const linesOf = openRunLines(context.terminal.paint);
  const canary = followCanary(context);
  try {
    for await (const event of runEvents(client.target, runId)) {
      for (const line of linesOf(event)) context.terminal.say(line);
      canary.hear(event);
    }
  } finally {
    canary.stop();
  }
  return client.call('GET /runs/{id}', { path: { id: runId } });
}

import type { CliContext } from './context';
import type { RunEventMessage } from './event-stream';
import { runEvents } from './event-stream';
import type { RunJson } from './run-view';
import { paintStatus } from './run-view';

/** Follows the run to its end, a line an event, and gives it back as it ended. */
export async function watchRun({ terminal, api }: CliContext, runId: string): Promise<RunJson> {
  const client = api();
  for await (const event of runEvents(client.target, runId)) {
    const line = lineOf(event, terminal.paint);
    terminal.say(line);
  }
  return client.call<RunJson>(`/runs/${runId}`);
}

type Words = Parameters<typeof paintStatus>[1];

function lineOf({ kind, stage, data, at }: RunEventMessage, paint: Words): string {
  const when = paint.dim(at.slice(11, 19));
  if (stage !== null) {
    const [, what = kind] = kind.split('.');
    return `${when}  ${stage.padEnd(9)} ${paintStatus(what, paint)}${details(data)}`;
  }
  return `${when}  ${kind}${details(data)}`;
}

/** The small facts of an event; records and long texts stay in the API. */
function details(data: Readonly<Record<string, unknown>>): string {
  const facts = Object.entries(data).flatMap(([key, value]) => {
    if (typeof value === 'number') return [`${key} ${Number.isInteger(value) ? value : value.toPrecision(4)}`];
    return typeof value === 'string' && value.length <= 120 && !value.startsWith('sha256:') ? [`${key} ${value}`] : [];
  });
  return facts.length === 0 ? '' : `  ${facts.join(', ')}`;
}

import { setTimeout as pause } from 'node:timers/promises';
import type { CliContext } from '../context';
import { describeMonitor } from './view';

const lookMs = 2_000;
/** Rows of a description without the chart, at 80 columns. */
const otherRows = 30;

/** Redraws in a terminal. In a pipe it prints the monitor again when it has looked. */
export async function watchMonitor(
  context: CliContext,
  {
    model,
    verbose,
    json,
  }: { readonly model: string; readonly verbose: boolean; readonly json: boolean },
): Promise<never> {
  const { terminal } = context;
  const { screen, columns } = terminal;
  const rows = Math.max(4, Math.min(10, (screen?.rows ?? 0) - otherRows));
  const page = { columns, rows };
  let looked: string | null = null;
  for (;;) {
    const found = await context.api().call('GET /monitors/{model}', { path: { model } });
    if (!json && screen !== null)
      screen.show(describeMonitor(found, page, terminal.paint, { verbose }));
    else if (found.lookedAt !== looked || looked === null)
      terminal.out(
        json ? JSON.stringify(found) : describeMonitor(found, page, terminal.outPaint, { verbose }),
      );
    looked = found.lookedAt ?? '';
    await pause(lookMs);
  }
}

import { setTimeout as pause } from 'node:timers/promises';
import { isOpenRollout } from '../../../domain/rollout/rollout';
import type { CliContext } from '../context';
import type { RolloutJson } from './view';
import type { Terminal } from '../terminal';
import { describeRollout, paintRolloutStatus, progressLines } from './view';

const lookMs = 1_000;
/** Interval in a pipe for changed figures; a new step or status is printed at once. */
const lineMs = 10_000;
/** A promotion follows a passed canary within this time, unless it needs an approval. */
const promotionMs = 10_000;
/** Rows of a description without the chart, at 80 columns. */
const otherRows = 24;

/**
 * Watches a rollout until it has ended, or has passed and waits for people. Redraws in a terminal;
 * prints a line for each change in a pipe.
 */
export async function watchRollout(
  context: CliContext,
  path: { readonly model: string; readonly id: string },
): Promise<RolloutJson> {
  const { terminal } = context;
  const client = context.api();
  const { screen, paint, columns } = terminal;
  const page = { columns, rows: Math.max(6, Math.min(12, (screen?.rows ?? 0) - otherRows)) };
  const print = screen
    ? (rollout: RolloutJson) => screen.show(describeRollout(rollout, page, paint))
    : openLines(terminal);
  let passedAt: number | null = null;
  for (;;) {
    const rollout = await client.call('GET /models/{model}/rollouts/{id}', { path });
    print(rollout);
    if (!isOpenRollout(rollout.status)) return rollout;
    passedAt = rollout.status === 'passed' ? (passedAt ?? Date.now()) : null;
    if (passedAt !== null && Date.now() - passedAt > promotionMs) return rollout;
    await pause(lookMs);
  }
}

function openLines({
  say,
  paint,
}: Pick<Terminal, 'say' | 'paint'>): (rollout: RolloutJson) => void {
  let before = '';
  let printedAt = -Infinity;
  return (rollout) => {
    const { status, step, waitingFor, verdict } = rollout;
    const current = JSON.stringify([status, step, waitingFor]);
    if (current === before && Date.now() - printedAt < lineMs) return;
    const painted = paintRolloutStatus(status, paint);
    const [first = '', ...others] = progressLines(rollout);
    if (isOpenRollout(status))
      for (const line of [`${painted}  ${first}`, ...others.map((other) => `  ${other}`)])
        say(line);
    else say(`${painted}${verdict === null ? '' : `, verdict ${verdict.kind}`}`);
    if (current !== before && waitingFor !== null) say(`  waits for: ${waitingFor}`);
    before = current;
    printedAt = Date.now();
  };
}

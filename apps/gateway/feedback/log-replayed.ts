import type { FastifyBaseLogger } from 'fastify';
import type { ReplayedLabels } from './feedback-log';

const shownReasons = 20;

/**
 * Log what became of feedback from disk. Its callers have their answers, so only the operator can
 * learn of labels that were not recorded.
 */
export function logReplayed(
  { joined, waiting, unknown, refused }: ReplayedLabels,
  log: FastifyBaseLogger,
): void {
  const counts = { joined, waiting, unknown, refused: refused.length };
  if (refused.length > 0)
    log.error(
      { ...counts, reasons: refused.slice(0, shownReasons).map(({ reason }) => reason) },
      'labels from disk were refused and are lost; send right ones',
    );
  else if (unknown > 0)
    log.warn(counts, 'labels from disk were not recorded: their predictions are not in the log');
  else log.info(counts, 'feedback from disk was recorded');
}

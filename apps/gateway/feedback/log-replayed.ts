import type { FastifyBaseLogger } from 'fastify';
import type { ReplayedLabels } from './feedback-log';

const labelsPerLine = 100;

/**
 * Log what became of feedback from disk. Its callers have their answers, so only the operator can
 * learn of labels that were not recorded.
 */
export function logReplayed(
  { joined, waiting, unknown, contradictory, refused }: ReplayedLabels,
  log: FastifyBaseLogger,
): void {
  const counts = { joined, waiting, unknown, contradictory, refused: refused.length };
  for (let from = 0; from < refused.length; from += labelsPerLine) {
    const labels = refused
      .slice(from, from + labelsPerLine)
      .map(({ label: { tenant, predictionId }, reason }) => ({ tenant, predictionId, reason }));
    log.error({ labels }, 'labels from disk were refused and are lost; send right ones');
  }
  if (unknown > 0)
    log.warn(counts, 'labels from disk were not recorded: their predictions are not in the log');
  else log.info(counts, 'feedback from disk was recorded');
}

import { Counter, type Registry as Metrics } from 'prom-client';
import type { FeedbackRepository } from '../../db/serving/feedback-repository';

/**
 * Registers the metrics of the maintenance loops. The figures come from the registry, so every
 * worker reports the same.
 */
export function measureMaintenance(
  metrics: Metrics,
  feedback: Pick<FeedbackRepository, 'givenUp'>,
): void {
  new Counter({
    name: 'perennial_worker_labels_given_up_total',
    help:
      'Labels for which no prediction was found in time. ' +
      'A prediction that is stored later still gets its label.',
    registers: [metrics],
    async collect() {
      // While PostgreSQL is unavailable, the last figure is reported, so that scrapes succeed.
      const count = await feedback.givenUp().catch(() => null);
      if (count === null) return;
      this.reset();
      this.inc(count);
    },
  });
}

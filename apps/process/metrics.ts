import { collectDefaultMetrics, Counter, type Registry } from 'prom-client';
import { droppedLogLines } from './log-stream';

/**
 * What every process reports of itself: Node's own figures, and log lines that it could not write.
 * An alert on the latter finds a full disk.
 */
export function collectProcessMetrics(register: Registry): void {
  collectDefaultMetrics({ register });
  new Counter({
    name: 'perennial_log_lines_dropped_total',
    help: 'Log lines that could not be written, for example because the disk is full.',
    registers: [register],
    collect() {
      this.reset();
      this.inc(droppedLogLines());
    },
  });
}

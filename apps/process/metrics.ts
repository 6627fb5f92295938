import { collectDefaultMetrics, Counter, type Registry } from 'prom-client';
import { droppedLogLines } from './log-stream';

/**
 * Metrics of every process: Node's own, and log lines that could not be written. An alert on the
 * latter detects a full disk.
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

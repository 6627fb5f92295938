/** The time of the shipped detectors per text. */
import { openEmbedders } from '../../data/index/embedders/open-embedder';
import { openDetectors } from '../../data/safety/open-detectors';
import { defaultTenant } from '../../domain/ids';
import type { DetectorSpec } from '../../domain/safety/policy';
import { quantile, rounded } from '../figures';

const prose =
  'The library opens at nine on weekdays and at ten on Saturdays; books may be kept for four weeks, films for one. ';
const sizes = {
  question: 60,
  paragraph: 800,
  page: 4_000,
  'a million characters': 999_999,
} as const;

export async function measureTimes() {
  const embedders = openEmbedders();
  const detectors = openDetectors({ embedders });
  const detect = detectors.detectFor(defaultTenant);
  const rows: {
    readonly text: string;
    readonly reads: string;
    readonly p50Ms: number;
    readonly p95Ms: number;
  }[] = [];
  for (const reads of ['words', 'meaning'] as const) {
    const spec: DetectorSpec = {
      name: 'd',
      kind: 'injection',
      reads,
      falseAlarms: 0.01,
      on: ['input'],
      action: 'block',
      onError: 'block',
    };
    await detectors.prepare({ name: 'p', detectors: [spec] });
    for (const [text, size] of Object.entries(sizes)) {
      const given = prose.repeat(Math.ceil(size / prose.length)).slice(0, size);
      const runs = size > 100_000 ? 3 : 60;
      const times: number[] = [];
      for (let run = 0; run < runs; run += 1) {
        const began = performance.now();
        await detect(spec, given, 'input');
        times.push(performance.now() - began);
      }
      rows.push({
        text,
        reads,
        p50Ms: rounded(quantile(times, 0.5), 2),
        p95Ms: rounded(quantile(times, 0.95), 2),
      });
      process.stdout.write(
        `  ${reads.padEnd(8)} ${text.padEnd(22)} p50 ${quantile(times, 0.5).toFixed(2)} ms, p95 ${quantile(times, 0.95).toFixed(2)} ms\n`,
      );
    }
  }
  await embedders.close();
  return rows;
}

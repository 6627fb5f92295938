import { z } from 'zod';
import type { JobMetric, JobResult } from '../../../domain/training/job';

/** The files of the job contract (DESIGN §7). JSON has no NaN, so each number is finite. */
export const jobResultSchema: z.ZodType<JobResult> = z.object({
  metrics: z.record(z.string(), z.number()),
  facts: z.record(z.string(), z.unknown()),
});

const jobMetricSchema: z.ZodType<JobMetric> = z.object({
  step: z.number(),
  name: z.string(),
  value: z.number(),
});

/**
 * The trainer's reason for a failure; optional. It becomes the run's failure, which is kept in
 * histories and logs, so it must not quote data.
 */
export const jobErrorSchema = z.object({ message: z.string() });
export type JobError = z.infer<typeof jobErrorSchema>;

/**
 * Reads complete lines, because the last line may be half written. Invalid lines are skipped. A
 * repeated step replaces the earlier one.
 */
export function parseMetrics(ndjson: string): JobMetric[] {
  const metrics = new Map<string, JobMetric>();
  for (const line of ndjson.slice(0, ndjson.lastIndexOf('\n') + 1).split('\n')) {
    const metric = parseJson(jobMetricSchema, line);
    if (metric)
      metrics.set(`${metric.step} ${metric.name}`, {
        step: metric.step,
        name: metric.name,
        value: metric.value,
      });
  }
  return [...metrics.values()];
}

/** Null when the text is not JSON or does not match the schema. */
export function parseJson<T>(schema: z.ZodType<T>, text: string): T | null {
  try {
    return schema.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}

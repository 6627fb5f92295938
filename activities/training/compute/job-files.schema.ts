import { z } from 'zod';
import type { JobMetric, JobResult } from '../../../domain/training/job';

/**
 * The files of the job contract (DESIGN §7), which programs of any language write. JSON has no NaN,
 * so a number here is finite.
 */
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
 * Optional: why a trainer gave up, in its own words. They become the run's failure, which stays in
 * histories and logs: a program quotes no row in them.
 */
export const jobErrorSchema = z.object({ message: z.string() });
export type JobError = z.infer<typeof jobErrorSchema>;

/**
 * Whole lines only; the last of a running job may be half written, and one that is no metric is its
 * writer's loss. A repeated step replaces the earlier.
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

/** null when the text is not JSON or not of this shape. */
export function parseJson<T>(schema: z.ZodType<T>, text: string): T | null {
  try {
    return schema.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}

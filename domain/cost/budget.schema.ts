import { z } from 'zod';
import { costPeriods } from './compute-budget';

const cpuHoursText = 'CPU-hours, above 0; null or no entry for no cap';

const cpuHours = z.number().gt(0).max(1_000_000_000).nullable();
const usd = z.number().gt(0).max(1_000_000).nullable();

const cap = {
  cpuHours: cpuHours.default(null).describe(cpuHoursText),
  usd: usd.default(null).describe('US dollars, above 0; null or no entry for no cap'),
};

const modelCap = z
  .strictObject({
    period: z.enum(costPeriods).default('month').describe('the period, in UTC: day or month'),
    ...cap,
  })
  .nullable();
const modelCapText = 'the most that the jobs of all runs of the lifecycle may use in one period';

/** The caps of a lifecycle without language models. */
export const computeBudgetSchema = z
  .strictObject({ ...cap, model: modelCap.default(null).describe(modelCapText) })
  .describe('the most that the jobs of one run may use');

/** The caps on jobs beside the money of a language application. */
export const jobCaps = {
  cpuHours: cpuHours.optional().describe(cpuHoursText),
  model: modelCap.optional().describe(modelCapText),
};

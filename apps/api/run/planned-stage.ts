import { z } from 'zod';

export const plannedStage = z.object({
  stage: z.string(),
  action: z.enum(['runs', 'mayRun', 'reused']),
  because: z.array(z.string()).readonly(),
});

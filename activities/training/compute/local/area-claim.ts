import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { JobArea } from '../../../../data/artifact/job-area';

const claimSchema = z.object({ writer: z.string() });

/** The right of an attempt to write into the area of its job. */
export interface AreaClaim {
  /** False when another attempt has claimed the area since, or when the job has succeeded. */
  isValid(): Promise<boolean>;
}

const name = 'writer.json';

/**
 * Claims the area for an attempt. The newest claim is the valid one, because a worker that is cut
 * off may still run an earlier attempt.
 */
export async function claimArea(area: Pick<JobArea, 'read' | 'write'>): Promise<AreaClaim> {
  const writer = randomUUID();
  await area.write(name, { writer });
  return {
    async isValid() {
      const text = await area.read(name);
      return (
        text !== null && claimSchema.parse(JSON.parse(text.toString('utf8'))).writer === writer
      );
    },
  };
}

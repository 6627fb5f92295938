import type { ProjectFiles } from './project-world';

/** Runs that execute commands as jobs. */
export const jobsProject: ProjectFiles = {
  'perennial.config.ts': `
import { defineProject, z } from '@perennial-dev/perennial';
export default defineProject({
  name: 'jobs',
  owner: 'test',
  lifecycles: {
    sorting: { params: z.looseObject({}), spec: {} },
    one: { params: z.looseObject({}), spec: {} },
  },
});
`,
  'lifecycles/sorting.ts': `
import { lifecycle } from '@perennial-dev/perennial/workflow';
export const sorting = lifecycle<object, any>(async (run, { seed }) => {
  const made = await run.job('make', {
    command: ['sh', '-c', 'printf "%s\\nb\\na\\n" "$SEED" > "$PERENNIAL_OUTPUTS/rows.csv"'],
    environment: { SEED: seed },
    outputs: ['rows.csv'],
  });
  const sorted = await run.job('sort', {
    command: ['sh', '-c', 'sort "$PERENNIAL_INPUTS/rows/0.csv" > "$PERENNIAL_OUTPUTS/sorted.csv"'],
    inputs: { rows: made.outputs['rows.csv']! },
    outputs: ['sorted.csv'],
  });
  return run.done(Object.keys(sorted.outputs).join());
});
`,
  'lifecycles/one.ts': `
import { lifecycle } from '@perennial-dev/perennial/workflow';
export const one = lifecycle<object, any>(async (run, options) => {
  await run.job('one', options);
  return run.done('ended');
});
`,
};

import type { ProjectFiles } from './project-world';

/** Runs that start children, also in a cycle. */
export const childrenProject: ProjectFiles = {
  'perennial.config.ts': `
import { defineProject, z } from '@perennial-dev/perennial';
const spec = {};
const region = { params: z.object({ region: z.string(), waits: z.boolean().default(false) }), spec };
export default defineProject({
  name: 'children',
  owner: 'test',
  lifecycles: {
    all: { params: z.looseObject({}), spec },
    region,
    'ring-a': { spec },
    'ring-b': { spec },
  },
});
`,
  'lifecycles/all.ts': `
import { lifecycle } from '@perennial-dev/perennial/workflow';
export const all = lifecycle<object, any>(async (run, { of = 'region', regions }) => {
  const ended = await Promise.all(regions.map((params: any) => run.child(of, params)));
  return run.done(ended.map(({ lifecycle, status, verdict }) =>
    lifecycle + ' ' + status + ' ' + verdict?.reasons.at(-1)?.message).join(', '));
});
`,
  'lifecycles/region.ts': `
import { lifecycle } from '@perennial-dev/perennial/workflow';
export const region = lifecycle<object, { region: string; waits: boolean }>(async (run, params) => {
  if (params.region === 'bad') throw new Error('the region is bad');
  if (params.region === 'stopped')
    await run.approve({ reason: 'this region', timeout: '1s' });
  if (params.waits) await run.sleep('1h');
  return run.done(params.region);
});
`,
  'lifecycles/ring-a.ts': `
import { lifecycle } from '@perennial-dev/perennial/workflow';
export const ringA = lifecycle<object>(async (run) => {
  await run.child('ring-b');
  return run.done();
});
`,
  'lifecycles/ring-b.ts': `
import { lifecycle } from '@perennial-dev/perennial/workflow';
export const ringB = lifecycle<object>(async (run) => {
  await run.child('ring-a');
  return run.done();
});
`,
};

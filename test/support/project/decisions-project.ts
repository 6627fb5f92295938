import type { ProjectFiles } from './project-world';

/** Applies gates to evidence, and to the evidence of a decision. */
export const decisionsProject: ProjectFiles = {
  'perennial.config.ts': `
import { defineProject, z } from '@perennial-dev/perennial';
export default defineProject({
  name: 'decisions',
  owner: 'test',
  lifecycles: { judging: { params: z.looseObject({}), spec: {} } },
});
`,
  'lifecycles/judging.ts': `
import { lifecycle } from '@perennial-dev/perennial/workflow';
export const judging = lifecycle<object, any>(async (run, { gates, evidence }) => {
  const { verdict, decision } = await run.decide({ gates }, evidence);
  if (verdict.kind !== 'passed') return run.stopped({ verdict });
  const again = await run.decide({ gates }, { decision });
  return run.done(again.verdict.kind + ' by ' + verdict.reasons[0].gate);
});
`,
};

import type { ProjectFiles } from './project-world';

/** Waits for approvals, one after the other and at once. */
export const approvalsProject: ProjectFiles = {
  'perennial.config.ts': `
import { defineProject, z } from '@perennial-dev/perennial';
const params = z.object({
  timeout: z.string().default('1h'),
  role: z.string().default('approver'),
  required: z.number().default(1),
  catches: z.boolean().default(false),
});
export default defineProject({
  name: 'approvals',
  owner: 'test',
  lifecycles: { mailing: { params, spec: {} }, both: { spec: {} } },
});
`,
  'lifecycles/mailing.ts': `
import { lifecycle, StoppedByVerdict } from '@perennial-dev/perennial/workflow';
export const mailing = lifecycle<object, any>(async (run, { timeout, role, required, catches }) => {
  try {
    const first = await run.approve({ reason: 'send 3,000 mails', timeout, role, required });
    const second = await run.approve({ reason: 'send 9,000 more', timeout });
    return run.done(first.approvedBy.join('+') + ', ' + second.approvedBy.join('+'));
  } catch (error) {
    if (!catches || !(error instanceof StoppedByVerdict)) throw error;
    return run.done('not sent: ' + error.message);
  }
});
`,
  'lifecycles/both.ts': `
import { lifecycle } from '@perennial-dev/perennial/workflow';
export const both = lifecycle<object>(async (run) => {
  const ask = async (reason: string) => {
    try {
      const { approvedBy } = await run.approve({ reason, timeout: '1h' });
      return reason + ' by ' + approvedBy.join('+');
    } catch {
      return reason + ' refused';
    }
  };
  return run.done((await Promise.all([ask('one'), ask('two'), ask('three')])).join(', '));
});
`,
};

import type { ProjectFiles } from './project-world';

/** Waits for events. */
export const eventsProject: ProjectFiles = {
  'perennial.config.ts': `
import { defineProject, z } from '@perennial-dev/perennial';
export const events = {
  labels_ready: z.object({ rows: z.number() }),
  go: z.null(),
};
const params = z.object({ timeout: z.string().default('1h'), misspelt: z.boolean().default(false) });
export default defineProject({
  name: 'events',
  owner: 'test',
  lifecycles: {
    labels: { params, events, spec: {} },
    many: { params: z.object({ waits: z.number() }), events, spec: {} },
  },
});
`,
  'lifecycles/labels.ts': `
import { lifecycle } from '@perennial-dev/perennial/workflow';
import type { events } from '../perennial.config';
export const labels = lifecycle<object, any, typeof events>(async (run, { timeout, misspelt }) => {
  const first = await run.waitFor(misspelt ? ('label_ready' as never) : 'labels_ready', { timeout });
  if (first === null) return run.done('no labels in time');
  const second = await run.waitFor('labels_ready', { timeout });
  return run.done('rows: ' + first.data.rows + ' and ' + (second?.data.rows ?? 'none'));
});
`,
  'lifecycles/many.ts': `
import { lifecycle } from '@perennial-dev/perennial/workflow';
import type { events } from '../perennial.config';
export const many = lifecycle<object, { waits: number }, typeof events>(async (run, { waits }) => {
  const each = Array.from({ length: waits }, () => run.waitFor('go', { timeout: '1h' }));
  const received = (await Promise.all(each)).filter((event) => event !== null);
  return run.done(received.length + ' events');
});
`,
};

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openProject, type OpenProject } from '@perennial-dev/perennial/testing';

// Uses the platform that runs from this folder, or starts one and stops it afterwards.
let project: OpenProject;
before(async () => {
  project = await openProject({ folder: '.' });
});
after(async () => {
  await project.close();
});

test('trains on the customers of one region and promotes the model', async () => {
  const run = await project.run('churn', { params: { region: 'north' } });
  assert.equal(run.status, 'succeeded', JSON.stringify(run.verdict));
  assert.ok(run.stages.some(({ name }) => name === 'select_customers'));
});

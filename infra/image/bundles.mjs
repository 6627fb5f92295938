/** Makes all bundles of the image, so that a process does not compile anything at its start. */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleStep } from '../../bin/provision/bundle.mjs';
import { cliStep } from '../../bin/provision/cli.mjs';
import { closeWatch } from '../../bin/provision/children.mjs';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
for (const step of [bundleStep(root, join(root, '.perennial')), cliStep(root)]) {
  await step.work();
  if (!step.done()) throw new Error(`${step.title}: the bundle is missing after its build`);
}
await closeWatch();

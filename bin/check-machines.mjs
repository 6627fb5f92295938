/** What the tier `machines` needs before anything starts. */
import { realpathSync } from 'node:fs';
import { ProvisionError } from './provision/children.mjs';

/** Each machine of the tests has a `/tmp` of its own, see test/support/machines/machine.ts. */
const hiddenFolder = '/tmp/';

/** @throws ProvisionError if the machines of the tests would not see one of the paths. */
export function checkMachinesSee(paths) {
  const hidden = paths.find((path) => `${realpathSync(path)}/`.startsWith(hiddenFolder));
  if (hidden !== undefined)
    throw new ProvisionError(
      `the tests of several machines cannot use ${hidden}: each machine has its own /tmp, so it ` +
        'does not see what is below /tmp here',
      'move the clone, Node.js and Python out of /tmp, for example to your home folder',
    );
}

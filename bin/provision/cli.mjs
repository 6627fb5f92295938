import { buildCli, currentCli } from '../cli-build.mjs';
import { ProvisionError } from './children.mjs';

export function cliStep(root) {
  return {
    title: 'command line',
    doing: 'bundling …',
    done: () => currentCli(root) !== null,
    work: async () => {
      try {
        await buildCli(root);
      } catch (error) {
        throw new ProvisionError(`the command line could not be bundled: ${error.message}`);
      }
    },
  };
}

import { buildCli, buildServices, currentCli, currentServices } from '../cli-build.mjs';
import { ProvisionError } from './children.mjs';

export function cliStep(root) {
  return {
    title: 'programs',
    doing: 'bundling …',
    done: () => currentCli(root) !== null && currentServices(root) !== null,
    work: async () => {
      try {
        await buildCli(root);
        await buildServices(root);
      } catch (error) {
        throw new ProvisionError(
          `cannot bundle the command line and the services: ${error.message}`,
        );
      }
    },
  };
}

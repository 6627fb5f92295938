import { buildCli, buildGateway, currentCli, currentGateway } from '../cli-build.mjs';
import { ProvisionError } from './children.mjs';

export function cliStep(root) {
  return {
    title: 'command line, gateway',
    doing: 'bundling …',
    done: () => currentCli(root) !== null && currentGateway(root) !== null,
    work: async () => {
      try {
        await buildCli(root);
        await buildGateway(root);
      } catch (error) {
        throw new ProvisionError(`the command line and the gateway could not be bundled: ${error.message}`);
      }
    },
  };
}

import {
  buildCli,
  buildServices,
  buildSql,
  currentCli,
  currentServices,
  currentSql,
} from '../cli-build.mjs';
import { ProvisionError } from './children.mjs';

export function cliStep(root) {
  return {
    title: 'programs',
    doing: 'bundling …',
    done: () =>
      [currentCli, currentServices, currentSql].every((current) => current(root) !== null),
    work: async () => {
      try {
        await buildCli(root);
        await buildServices(root);
        await buildSql(root);
      } catch (error) {
        throw new ProvisionError(
          `cannot bundle the command line and the services: ${error.message}`,
        );
      }
    },
  };
}

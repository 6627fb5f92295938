import type { Command } from 'commander';
import { resolve } from 'node:path';
import type { CliContext } from '../context';
import { jsonText } from '../harmless';
import { checkDeployment } from './check';
import { assertInForce, deployProject } from './deploy';
import { projectDevCommand } from './dev-command';
import { projectInitCommand } from './init-command';

interface DeployOptions {
  readonly check?: true;
  readonly json?: true;
}

/** Commands of a project that writes its lifecycles in TypeScript. */
export function projectCommands(program: Command, context: CliContext): void {
  projectInitCommand(program, context);
  projectDevCommand(program, context);
  const { terminal, settings } = context;
  program
    .command('deploy [folder]')
    .description('Build a TypeScript project and route its new runs to the build')
    .option('--check', 'Store nothing; show which open runs could continue on the new build')
    .option('--json', 'Print as JSON')
    .action(async (given: string | undefined, options: DeployOptions) => {
      const folder = resolve(settings.cwd, given ?? '.');
      const target = {
        api: context.api(),
        settings,
        terminal: options.json ? null : terminal,
      };
      if (options.check) {
        const checked = await checkDeployment(target, folder);
        if (options.json) terminal.out(jsonText(checked));
        return;
      }
      const deployment = await deployProject(target, folder);
      if (options.json) terminal.out(jsonText(deployment));
      assertInForce(deployment);
    });
}

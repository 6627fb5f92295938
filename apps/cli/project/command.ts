import type { Command } from 'commander';
import { resolve } from 'node:path';
import type { CliContext } from '../context';
import { jsonText } from '../harmless';
import { assertInForce, deployProject } from './deploy';
import { projectDevCommand } from './dev-command';
import { projectInitCommand } from './init-command';

/** Commands of a project that writes its lifecycles in TypeScript. */
export function projectCommands(program: Command, context: CliContext): void {
  projectInitCommand(program, context);
  projectDevCommand(program, context);
  const { terminal, settings } = context;
  program
    .command('deploy [folder]')
    .description('Build a TypeScript project and route its new runs to the build')
    .option('--json', 'Print as JSON')
    .action(async (given: string | undefined, options: { readonly json?: true }) => {
      const folder = resolve(settings.cwd, given ?? '.');
      const target = {
        api: context.api(),
        settings,
        terminal: options.json ? null : terminal,
      };
      const deployment = await deployProject(target, folder);
      if (options.json) terminal.out(jsonText(deployment));
      assertInForce(deployment);
    });
}

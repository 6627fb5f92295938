import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { checkLifecycleName } from '../../../domain/lifecycle/template';
import { packageToInstall } from '../../project/package-to-install';
import { scaffoldFiles } from '../../project/scaffold';
import { CliError } from '../cli-error';
import type { CliContext } from '../context';
import { newFolder, writeFolder } from '../whole-folder';

export function projectInitCommand(program: Command, { terminal, settings }: CliContext): void {
  program
    .command('init <name>')
    .description('Write a project whose lifecycle and stages are TypeScript to ./<name>')
    .option('--typescript', 'Required; `perennial lifecycle init` writes a YAML lifecycle')
    .action((name: string, { typescript }: { readonly typescript?: true }) => {
      if (!typescript)
        throw new CliError(
          'init writes TypeScript projects and needs --typescript',
          2,
          `perennial init ${name} --typescript, or perennial lifecycle init ${name} for YAML`,
        );
      checkLifecycleName(name);
      const folder = newFolder(settings.cwd, name);
      const files = scaffoldFiles({ name, perennial: packageToInstall(root, folder) });
      writeFolder(folder, files);
      for (const path of Object.keys(files)) terminal.say(`wrote ${name}/${path}`);
      const prepare = needsEntryPoints() ? `(cd ${root} && npm run prepack) && ` : '';
      terminal.say(`next: ${prepare}cd ${name} && npm install && npm test`);
    });
}

const root = resolve(__dirname, '..', '..', '..');

/** A clone has the compiled entry points and their types only after `npm run prepack`. */
function needsEntryPoints(): boolean {
  return !existsSync(join(root, 'dist', 'types', 'sdk', 'index.d.ts'));
}

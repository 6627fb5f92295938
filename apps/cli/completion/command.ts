import { Argument, type Command } from 'commander';
import type { CliContext } from '../context';
import { harmless } from '../harmless';
import { complete } from './suggestions';
import { namesOnPlatform } from './names';
import { filesLine, scripts, shells, type Shell } from './scripts';

export function completionCommands(program: Command, context: CliContext): void {
  const { terminal } = context;
  program
    .command('completion')
    .addArgument(new Argument('<shell>', 'shell').choices(shells))
    .description('Print the completion script of a shell')
    .addHelpText(
      'after',
      `
bash: add  eval "$(perennial completion bash)"  to ~/.bashrc
zsh:  add  eval "$(perennial completion zsh)"  to ~/.zshrc, after compinit
fish: add  perennial completion fish | source  to ~/.config/fish/config.fish

The program must be on PATH. Names of lifecycles, runs and models come from the platform.`,
    )
    .action((shell: Shell) => terminal.out(scripts[shell].trimEnd()));

  // The scripts call it. The words after `--` begin after the name of the program.
  program
    .command('complete', { hidden: true })
    .argument('[words...]', 'words')
    .action(async (words: readonly string[]) => {
      const completion = await complete(program, words, namesOnPlatform(context));
      const lines =
        completion === 'files'
          ? [filesLine]
          : completion.map(({ value, description }) => [value, harmless(description)].join('\t'));
      if (lines.length > 0) terminal.out(lines.join('\n'));
    });
}

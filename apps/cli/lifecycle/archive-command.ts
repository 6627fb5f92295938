import type { Command } from 'commander';
import type { ArchiveJson } from '../../api/lifecycle/view';
import { CliError } from '../cli-error';
import type { CliContext } from '../context';

interface DeleteOptions {
  readonly reason: string;
  readonly yes?: true;
  readonly stopServing?: true;
}

export function lifecycleArchiveCommands(lifecycle: Command, context: CliContext): void {
  const { terminal } = context;
  lifecycle
    .command('archive <name>')
    .description('Refuse new runs and stop the schedule; the champion continues to serve')
    .requiredOption('--reason <text>', 'Reason, for the audit log')
    .action(async (name: string, { reason }: { readonly reason: string }) => {
      const archive = await context
        .api()
        .call('POST /lifecycles/{name}/archive', { path: { name }, body: { reason } });
      terminal.say(`${name} is archived: it starts no runs and has no schedule`);
      for (const line of goingOn(name, archive)) terminal.say(line);
      terminal.say(
        `next: perennial lifecycle unarchive ${name} restores it, perennial lifecycle delete ${name} removes it`,
      );
    });

  lifecycle
    .command('unarchive <name>')
    .description('Accept runs again and restore the schedule')
    .requiredOption('--reason <text>', 'Reason, for the audit log')
    .action(async (name: string, { reason }: { readonly reason: string }) => {
      await context
        .api()
        .call('POST /lifecycles/{name}/unarchive', { path: { name }, body: { reason } });
      terminal.say(`${name} is in use`);
    });

  lifecycle
    .command('delete <name>')
    .description(
      'Delete an archived lifecycle without open runs or a champion; its records stay readable',
    )
    .requiredOption('--reason <text>', 'Reason, for the audit log')
    .option(
      '--stop-serving',
      'Withdraw the champion first; the gateway then answers 404 for the model',
    )
    .option('--yes', 'Confirm; nothing is deleted without it')
    .action(async (name: string, { reason, yes, stopServing }: DeleteOptions) => {
      if (!yes) {
        const flags = `${stopServing ? '--stop-serving ' : ''}--yes`;
        throw new CliError(
          `${name} was not deleted: confirm with --yes`,
          2,
          `perennial lifecycle delete ${name} ${flags} --reason "<why>"`,
        );
      }
      await context.api().call('POST /lifecycles/{name}/delete', {
        path: { name },
        body: { reason, stopServing: stopServing === true },
      });
      terminal.say(
        `${name} is deleted; its runs, versions, audit and lineage stay readable. A lifecycle applied under this name continues its numbers.`,
      );
    });
}

function goingOn(name: string, { champion, openRuns }: ArchiveJson): readonly string[] {
  return [
    ...(champion === null ? [] : [`${name}@${champion} continues to serve`]),
    ...(openRuns.length === 0
      ? []
      : [
          `${openRuns.join(', ')} ${openRuns.length === 1 ? 'continues' : 'continue'} to the end; cancel with perennial run cancel`,
        ]),
  ];
}

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
      const serving = archive.champion === null ? '' : ' --stop-serving';
      terminal.say(`to restore it: perennial lifecycle unarchive ${name} --reason "<why>"`);
      terminal.say(
        `to remove it: perennial lifecycle delete ${name}${serving} --yes --reason "<why>"`,
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
      terminal.say(`${name} accepts runs again, and its schedule is restored if it has one`);
      terminal.say(`next: perennial run start ${name}`);
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
        const quoted = JSON.stringify(reason);
        throw new CliError(
          `${name} was not deleted: confirm with --yes`,
          2,
          `perennial lifecycle delete ${name} ${flags} --reason ${quoted}`,
        );
      }
      await context.api().call('POST /lifecycles/{name}/delete', {
        path: { name },
        body: { reason, stopServing: stopServing === true },
      });
      terminal.say(`${name} is deleted; its runs, versions, audit and lineage stay readable`);
      terminal.say('a lifecycle that is applied under this name continues its numbers');
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

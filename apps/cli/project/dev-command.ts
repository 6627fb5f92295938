import type { Command } from 'commander';
import { formatIssue } from '../../../domain/document/issue-text';
import { openLocalPlatform } from '../../project/local-platform';
import { openProjectFolder } from '../../project/project-folder';
import { typeIssues } from '../../project/type-check';
import { watchProject } from '../../project/watch';
import { createApiClient, type ApiClient } from '../../client/api-client';
import { CliError, findNextStep } from '../cli-error';
import type { CliContext } from '../context';
import { assertInForce, deployProject } from './deploy';

export function projectDevCommand(program: Command, { terminal, settings }: CliContext): void {
  program
    .command('dev')
    .description('Start the platform for the project in this folder, and deploy after each change')
    .addHelpText(
      'after',
      '\nUses the platform that runs from this folder, or starts one and stops it at Ctrl-C.',
    )
    .action(async () => {
      const { cwd: folder, stateDir } = settings;
      openProjectFolder(folder);
      const end = untilSignal();
      const platform = await openLocalPlatform({
        folder,
        stateDir,
        say: terminal.say,
        signal: end.signal,
      });
      const api = createApiClient({ apiUrl: platform.apiUrl, apiKey: platform.apiKey });
      const cycle = oneAtATime(async () => {
        await deployOnce(api, { terminal, settings });
        if (!end.signal.aborted) terminal.say(terminal.paint.dim('waiting for changes …'));
      });
      const watch = watchProject(folder, {
        changed() {
          terminal.say(terminal.paint.dim('files changed'));
          cycle.request();
        },
        limitReached(message, next) {
          terminal.say(terminal.paint.yellow(`warning: ${message}`));
          terminal.say(`next: ${next}`);
        },
      });
      try {
        cycle.request();
        await end.reached;
      } finally {
        watch.close();
        await cycle.finished();
        await platform.stop();
      }
    });
}

/** Type-checks, builds and deploys. Prints errors, because the next change may correct them. */
async function deployOnce(
  api: ApiClient,
  { terminal, settings }: Pick<CliContext, 'terminal' | 'settings'>,
): Promise<void> {
  const { cwd: folder } = settings;
  try {
    const errors = await typeIssues(folder);
    if (errors === null) {
      const warning = 'warning: TypeScript is not installed here, so types are not checked';
      terminal.say(terminal.paint.yellow(warning));
      terminal.say('next: npm install');
    } else if (errors.length > 0) {
      for (const issue of errors) terminal.say(formatIssue(issue));
      const count = errors.length === 1 ? '1 type error' : `${errors.length} type errors`;
      throw new CliError(`${count}; nothing was deployed`, 2, 'correct the errors and save');
    }
    const deployment = await deployProject({ api, settings, terminal }, folder);
    assertInForce(deployment);
    const [lifecycle] = deployment.lifecycles;
    if (lifecycle) terminal.say(`next: perennial run start ${lifecycle.lifecycle} --wait`);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    terminal.say(`${terminal.paint.red('error:')} ${message}`);
    const next = findNextStep(error);
    if (next !== undefined) terminal.say(`${terminal.paint.dim('next:')} ${next}`);
  }
}

/** Ctrl-C reaches the processes of the platform too; they expect a second signal soon after. */
function untilSignal(): { readonly signal: AbortSignal; readonly reached: Promise<void> } {
  const end = new AbortController();
  const reached = new Promise<void>((settle) => {
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      process.on(name, () => {
        end.abort();
        settle();
      });
  });
  return { signal: end.signal, reached };
}

/** Runs `work` again after its end if it was requested meanwhile. */
function oneAtATime(work: () => Promise<void>) {
  let running: Promise<void> | null = null;
  let isRequested = false;
  const loop = async (): Promise<void> => {
    while (isRequested) {
      isRequested = false;
      await work();
    }
    running = null;
  };
  return {
    request(): void {
      isRequested = true;
      running ??= loop();
    },
    async finished(): Promise<void> {
      isRequested = false;
      await running;
    },
  };
}

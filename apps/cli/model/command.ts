import { randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import type { FollowedIndex } from '../../../db/index/records';
import type { CliContext } from '../context';
import { showList } from '../list-view';
import { parseModelRef } from './ref';
import { versionNumber } from '../numbers';
import { table } from '../terminal';
import { describeComparison } from '../decision/comparison-view';
import type { ExplanationJson } from '../decision/explanation-view';
import { describeExplanation } from '../decision/explanation-view';
import { jsonText } from '../harmless';
import { formatChatCurl, formatCurl, exampleRow, keyWords, modelInputs } from './request';
import { CliError } from '../cli-error';
import type { Finish } from '../finish';
import { exportCommand } from './export-command';
import { importCommand } from './import-command';
import { appliedSpec } from '../lifecycle/applied';
import type { AliasMoveJson } from '../../api/model/view';

interface PromoteOptions {
  readonly reason?: string;
  readonly override?: string;
  readonly selfApprove?: true;
}

export function modelCommands(program: Command, context: CliContext, finish: Finish): void {
  const { terminal } = context;
  const model = program
    .command('model')
    .description('Show, compare, promote and roll back model versions');

  /**
   * A request to the champion to copy. Prints nothing if no gateway is known or reachable.
   */
  const sayRequest = async (name: string): Promise<void> => {
    const { gatewayUrl, apiKey } = context.settings;
    if (gatewayUrl === null || apiKey === null) return;
    const inputs = await modelInputs({ gatewayUrl, apiKey }, name);
    const where = { gatewayUrl, key: keyWords(context.settings) };
    if (inputs !== null) {
      terminal.say(`try it:\n${formatCurl(name, inputs, where)}`);
      terminal.say(`or: perennial predict ${name} --row '${JSON.stringify(exampleRow(inputs))}'`);
      return;
    }
    const spec = await appliedSpec(context.api(), name).catch(() => null);
    if (spec?.kind === 'LlmLifecycle') terminal.say(`try it:\n${formatChatCurl(name, where)}`);
  };

  model
    .command('list')
    .description('List models by name with their champions')
    .option('--json', 'Print as JSON')
    .action(async (options: { readonly json?: true }) => {
      const items = await context.api().list('GET /models');
      showList(terminal, {
        items,
        json: options.json,
        columns: ['MODEL', 'VERSIONS', 'CHAMPION'],
        row: (each) => [
          each.name,
          String(each.versions),
          each.champion === null ? '' : `@${each.champion}`,
        ],
        none: {
          what: 'no models yet; a run registers the first version',
          next: 'perennial run start <lifecycle>',
        },
      });
    });

  model
    .command('show <model>')
    .description('Show the versions of a model, its champion and its URL')
    .option('--json', 'Print as JSON')
    .action(async (name: string, options: { readonly json?: true }) => {
      const found = await context.api().call('GET /models/{model}', { path: { model: name } });
      if (options.json) {
        terminal.out(jsonText(found));
        return;
      }
      const formatAliases = (version: number): string =>
        Object.entries(found.aliases)
          .flatMap(([alias, state]) => (state?.version === version ? [alias] : []))
          .join(', ');
      const rows = found.versions.map((each) => [
        `@${each.version}`,
        each.status,
        formatAliases(each.version),
        each.runId,
        each.imported === null ? 'trained' : `imported: ${each.imported.fileName}`,
        each.manifest.digest.slice(0, 19),
      ]);
      terminal.out(table(['VERSION', 'STATUS', 'ALIAS', 'RUN', 'ORIGIN', 'DIGEST'], rows));
      if (found.inferUrl !== null) terminal.say(`URL: ${found.inferUrl}`);
      if (found.aliases['champion']) await sayRequest(name);
    });

  model
    .command('history <model>')
    .description('List every move of the champion')
    .option(
      '--at <time>',
      'Only moves until this time; the first line is the champion at that time',
    )
    .option('--json', 'Print as JSON')
    .action(async (name: string, options: { readonly at?: string; readonly json?: true }) => {
      const items = await context
        .api()
        .list('GET /models/{model}/history', { path: { model: name }, query: { at: options.at } });
      showList(terminal, {
        items,
        json: options.json,
        columns: ['WHEN', 'MOVE', 'CHAMPION', 'BY', 'WHY'],
        row: (move) => [
          move.movedAt,
          move.kind,
          `${arrow(move.from)} → ${arrow(move.to)}`,
          move.actor,
          whyMoved(move),
        ],
        none: {
          what: `${name} had no champion${options.at === undefined ? ' yet' : ' at that time'}`,
          next: `perennial model show ${name}`,
        },
      });
    });

  model
    .command('explain')
    .argument('<model>', 'name (its champion) or name@version')
    .description('Explain why a version serves: data, evidence, policy, decision and moves')
    .option('--of <version>', 'Explain this version instead of the champion', versionNumber)
    .option('--verbose', 'Also print the details of each verdict')
    .option('--json', 'Print as JSON')
    .action(
      async (
        given: string,
        options: { readonly of?: number; readonly json?: true; readonly verbose?: true },
      ) => {
        const { name, version } = await parseModelRef(given, context);
        const of = options.of ?? version;
        if (version !== null && of !== version)
          throw new CliError(`${given} and --of ${of} are different versions`, 2);
        const found = (await context.api().call('GET /models/{model}/explain', {
          path: { model: name },
          query: { version: of ?? undefined },
        })) as ExplanationJson;
        terminal.out(options.json ? jsonText(found) : describeExplanation(found, options));
      },
    );

  importCommand(model, context, finish);
  exportCommand(model, context);

  model
    .command('compare <model> <versions...>')
    .description('Compare versions side by side, with the runs that made them')
    .option('--json', 'Print as JSON')
    .action(
      async (name: string, versions: readonly string[], options: { readonly json?: true }) => {
        const compared = await context.api().call('GET /models/{model}/compare', {
          path: { model: name },
          query: { versions: versions.join(',') },
        });
        terminal.out(options.json ? jsonText(compared) : describeComparison(compared.runs));
      },
    );

  model
    .command('promote')
    .description('Promote a version by hand; it must meet all requirements of its revision')
    .argument('<model>')
    .argument('<version>', 'Version number', versionNumber)
    .option('--reason <text>', 'Reason, for the audit log (required without --override)')
    .option(
      '--override <reason>',
      'Promote although requirements are not met; for an approver who did not start the run',
    )
    .option('--self-approve', 'With --override: for an admin who started the run')
    .action(async (name: string, version: number, options: PromoteOptions) => {
      const { reason = options.override, override, selfApprove = false } = options;
      if (reason === undefined) throw new CliError('promote requires --reason', 2);
      if (selfApprove && override === undefined)
        throw new CliError('--self-approve requires --override "<reason>"', 2);
      const api = context.api();
      const path = { model: name, alias: 'champion' } as const;
      const etag = await api.etag('GET /models/{model}/aliases/{alias}', { path });
      const headers = { 'if-match': etag, 'idempotency-key': randomUUID() };
      const overriding =
        override === undefined ? {} : { override: { reason: override, selfApprove } };
      await api.call('PUT /models/{model}/aliases/{alias}', {
        path,
        headers,
        body: { version, reason, ...overriding },
      });
      terminal.say(`${name}@${version} is champion`);
    });

  model
    .command('rollback <model>')
    .description(
      'Make the previous champion, or a named earlier one, the champion again; new requests use it within a second',
    )
    .option(
      '--to <version>',
      'Version to make champion; it must have been champion before',
      versionNumber,
    )
    .option('--reason <text>', 'Reason, for the audit log')
    .option('--json', 'Print as JSON')
    .action(
      async (
        name: string,
        options: { readonly to?: number; readonly reason?: string; readonly json?: true },
      ) => {
        const body = {
          ...(options.to === undefined ? {} : { to: options.to }),
          ...(options.reason === undefined ? {} : { reason: options.reason }),
        };
        const moved = await context.api().call('POST /models/{model}/rollback', {
          path: { model: name },
          headers: { 'idempotency-key': randomUUID() },
          body,
        });
        terminal.say(`${name}: ${arrow(moved.from)} → ${arrow(moved.to)}`);
        if (moved.index) terminal.say(indexLine(moved.index));
        if (options.json) terminal.out(jsonText(moved));
      },
    );
}

function indexLine(followed: FollowedIndex): string {
  if (followed.kind === 'moved')
    return `index ${followed.index}: ${arrow(followed.from)} → ${arrow(followed.to)}`;
  return `index ${followed.index} stays at ${arrow(followed.at)}: ${followed.why}`;
}

function whyMoved({ cause, override }: AliasMoveJson): string {
  if (!override) return cause;
  const unmet = override.unmet.map(({ code }) => code).join(', ');
  return `${cause}; override of ${unmet}: ${override.reason}`;
}

function arrow(version: number | null): string {
  return version === null ? 'none' : `@${version}`;
}

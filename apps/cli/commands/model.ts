import { randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import type { FollowedIndex, RolledBack } from '../../../db/repositories/aliases';
import type { CliContext } from '../context';
import { showList } from '../list-view';
import { modelRefOf } from '../model-ref';
import { versionNumber } from '../numbers';
import { table } from '../terminal';
import type { RunComparisonJson } from '../comparison-view';
import { describeComparison } from '../comparison-view';
import type { ExplanationJson, MoveJson } from '../explanation-view';
import { describeExplanation } from '../explanation-view';
import { jsonText } from '../harmless';
import { chatCurlOf, curlOf, exampleRow, keyWords, modelInputs } from '../model-request';
import { CliError } from '../cli-error';

interface ModelJson {
  readonly name: string;
  readonly aliases: Readonly<Record<string, { readonly version: number; readonly movedAt: string } | null>>;
  readonly versions: readonly {
    readonly version: number;
    readonly status: string;
    readonly runId: string;
    readonly createdAt: string;
    readonly manifest: { readonly digest: string };
  }[];
  readonly inferUrl: string | null;
}

interface PromoteOptions {
  readonly reason?: string;
  readonly override?: string;
  readonly selfApprove?: true;
}

export function modelCommands(program: Command, context: CliContext): void {
  const { terminal } = context;
  const model = program.command('model').description('registered models and their champions');

  /** How to ask the champion, ready to copy. Silent where no gateway is known or it does not answer: then there is nothing to copy. */
  const sayRequest = async (name: string): Promise<void> => {
    const { gatewayUrl, apiKey } = context.settings;
    if (gatewayUrl === null || apiKey === null) return;
    const inputs = await modelInputs({ gatewayUrl, apiKey }, name);
    const where = { gatewayUrl, key: keyWords(context.settings) };
    if (inputs !== null) {
      terminal.say(`ask it:\n${curlOf(name, inputs, where)}`);
      terminal.say(`or: perennial predict ${name} --row '${JSON.stringify(exampleRow(inputs))}'`);
      return;
    }
    const kind = await context
      .api()
      .call<{ readonly kind?: string; readonly spec?: { readonly kind?: string } }>(`/lifecycles/${name}`)
      .catch(() => null);
    if (kind?.spec?.kind === 'LlmLifecycle') terminal.say(`ask it:\n${chatCurlOf(name, where)}`);
  };

  model
    .command('list')
    .description('models by name, each with its champion')
    .option('--json', 'print as JSON')
    .action(async (options: { readonly json?: true }) => {
      const items = await context.api().list<{ name: string; versions: number; champion: number | null }>('/models');
      showList(terminal, {
        items,
        json: options.json,
        columns: ['MODEL', 'VERSIONS', 'CHAMPION'],
        row: (each) => [each.name, String(each.versions), each.champion === null ? '' : `@${each.champion}`],
        none: { what: 'no models yet: a run registers its first version', next: 'perennial run start <lifecycle>' },
      });
    });

  model
    .command('show <model>')
    .description('its versions, which of them serves, and where it answers')
    .option('--json', 'print as JSON')
    .action(async (name: string, options: { readonly json?: true }) => {
      const found = await context.api().call<ModelJson>(`/models/${name}`);
      if (options.json) {
        terminal.out(jsonText(found));
        return;
      }
      const aliasOf = (version: number): string =>
        Object.entries(found.aliases)
          .flatMap(([alias, state]) => (state?.version === version ? [alias] : []))
          .join(', ');
      const rows = found.versions.map((each) => [
        `@${each.version}`,
        each.status,
        aliasOf(each.version),
        each.runId,
        each.manifest.digest.slice(0, 19),
      ]);
      terminal.out(table(['VERSION', 'STATUS', 'ALIAS', 'RUN', 'DIGEST'], rows));
      if (found.inferUrl !== null) terminal.say(`answers at ${found.inferUrl}`);
      if (found.aliases['champion']) await sayRequest(name);
    });

  model
    .command('history <model>')
    .description('every move of the champion')
    .option('--at <time>', 'up to this time: the first line then says who was champion')
    .option('--json', 'print as JSON')
    .action(async (name: string, options: { readonly at?: string; readonly json?: true }) => {
      const at = options.at === undefined ? '' : `?at=${encodeURIComponent(options.at)}`;
      const items = await context.api().list<MoveJson>(`/models/${name}/history${at}`);
      showList(terminal, {
        items,
        json: options.json,
        columns: ['WHEN', 'MOVE', 'CHAMPION', 'BY', 'WHY'],
        row: (move) => [move.movedAt, move.kind, `${arrow(move.from)} → ${arrow(move.to)}`, move.actor, whyMoved(move)],
        none: { what: `${name} had no champion${options.at === undefined ? ' yet' : ' then'}`, next: `perennial model show ${name}` },
      });
    });

  model
    .command('explain <model>')
    .description('explain why a version serves: data, evidence, policy, decision, moves; of name the champion, else of name@version')
    .option('--of <version>', 'of this version instead of the champion', versionNumber)
    .option('--verbose', 'also print the details of each verdict')
    .option('--json', 'print as JSON')
    .action(async (given: string, options: { readonly of?: number; readonly json?: true; readonly verbose?: true }) => {
      const { name, version } = await modelRefOf(given, context);
      const of = options.of ?? version;
      if (version !== null && of !== version) throw new CliError(`${given} and --of ${of} name two versions`, 2);
      const query = of === null ? '' : `?version=${of}`;
      const found = await context.api().call<ExplanationJson>(`/models/${name}/explain${query}`);
      terminal.out(options.json ? jsonText(found) : describeExplanation(found, options));
    });

  model
    .command('compare <model> <versions...>')
    .description('versions side by side, with the runs that made them')
    .option('--json', 'print as JSON')
    .action(async (name: string, versions: readonly string[], options: { readonly json?: true }) => {
      const compared = await context.api().call<{ runs: RunComparisonJson }>(`/models/${name}/compare?versions=${versions.join(',')}`);
      terminal.out(options.json ? jsonText(compared) : describeComparison(compared.runs));
    });

  model
    .command('promote')
    .description('Promote a version by hand; it must meet all that its revision asks for')
    .argument('<model>')
    .argument('<version>', 'a whole number', versionNumber)
    .option('--reason <text>', 'why, for the audit; needed without --override')
    .option('--override <reason>', 'promote although requirements are not met; for an approver who did not start the run')
    .option('--self-approve', 'with --override: for an admin who started the run')
    .action(async (name: string, version: number, options: PromoteOptions) => {
      const { reason = options.override, override, selfApprove = false } = options;
      if (reason === undefined) throw new CliError('promote needs a --reason', 2);
      if (selfApprove && override === undefined) throw new CliError('--self-approve needs --override "<reason>"', 2);
      const api = context.api();
      const path = `/models/${name}/aliases/champion`;
      const headers = { 'if-match': await api.etag(path), 'idempotency-key': randomUUID() };
      const overriding = override === undefined ? {} : { override: { reason: override, selfApprove } };
      await api.call(path, { method: 'PUT', headers, body: { version, reason, ...overriding } });
      terminal.say(`${name}@${version} is champion`);
    });

  model
    .command('rollback <model>')
    .description('back to the previous champion, or to a named one; new requests follow within a second')
    .option('--to <version>', 'a champion of before', versionNumber)
    .option('--reason <text>')
    .option('--json', 'print as JSON')
    .action(async (name: string, options: { readonly to?: number; readonly reason?: string; readonly json?: true }) => {
      const body = {
        ...(options.to === undefined ? {} : { to: options.to }),
        ...(options.reason === undefined ? {} : { reason: options.reason }),
      };
      const moved = await context.api().call<RolledBack>(`/models/${name}/rollback`, {
        method: 'POST',
        headers: { 'idempotency-key': randomUUID() },
        body,
      });
      terminal.say(`${name}: ${arrow(moved.from)} → ${arrow(moved.to)}`);
      if (moved.index) terminal.say(indexLine(moved.index));
      if (options.json) terminal.out(jsonText(moved));
    });
}

function indexLine(followed: FollowedIndex): string {
  if (followed.kind === 'moved') return `index ${followed.index}: ${arrow(followed.from)} → ${arrow(followed.to)}`;
  return `index ${followed.index} stays at ${arrow(followed.at)}: ${followed.why}`;
}

function whyMoved({ cause, override }: MoveJson): string {
  if (!override) return cause;
  const unmet = override.unmet.map(({ code }) => code).join(', ');
  return `${cause}; override of ${unmet}: ${override.reason}`;
}

function arrow(version: number | null): string {
  return version === null ? 'none' : `@${version}`;
}

import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';
import { costPeriods, type CostPeriod } from '../../../domain/cost/compute-budget';
import type { BodyOf } from '../../client/operation';
import type { CliContext } from '../context';
import { jsonText } from '../harmless';
import { showList } from '../list-view';

type Limits = BodyOf<'PUT /tenants/{name}/limits'>;

interface LimitOptions extends Pick<Limits, 'maxOpenRuns' | 'maxLifecycles'> {
  readonly cpuHours?: number | null;
  readonly money?: number | null;
  readonly period?: CostPeriod;
  readonly json?: true;
}

export function tenantCommands(program: Command, context: CliContext): void {
  const { terminal } = context;
  const tenant = program
    .command('tenant')
    .description('Create, limit and suspend tenants; needs an admin key of the tenant default');

  tenant
    .command('create <name>')
    .description('Create a tenant and print its first admin key once')
    .option('--json', 'Print as JSON')
    .action(async (name: string, options: { readonly json?: true }) => {
      const made = await context.api().call('POST /tenants', { body: { name } });
      terminal.say(
        `tenant ${made.tenant.name} is created; ${made.key.id} is its first key, with the scope admin`,
      );
      terminal.say(
        'store this key now, it is not shown again; it ' +
          (made.key.expiresAt === null ? 'never expires' : `expires at ${made.key.expiresAt}`),
      );
      terminal.out(options.json ? jsonText(made) : made.key.key);
    });

  tenant
    .command('list')
    .description('List tenants with their limits')
    .option('--json', 'Print as JSON')
    .action(async (options: { readonly json?: true }) => {
      const items = await context.api().list('GET /tenants');
      showList(terminal, {
        items,
        json: options.json,
        columns: ['TENANT', 'CREATED', 'BY', 'OPEN RUNS', 'LIFECYCLES', 'STATE'],
        row: ({ name, createdAt, createdBy, suspendedAt, limits }) => [
          name,
          createdAt,
          createdBy ?? '',
          formatLimit(limits.maxOpenRuns),
          formatLimit(limits.maxLifecycles),
          suspendedAt === null ? 'active' : `suspended ${suspendedAt}`,
        ],
        none: { what: 'no tenants', next: 'perennial tenant create <name>' },
      });
    });

  tenant
    .command('suspend <tenant>')
    .description('Refuse all keys of a tenant and start no run of it; its open runs go on')
    .action(async (name: string) => {
      await context.api().call('POST /tenants/{name}/suspend', { path: { name } });
      terminal.say(`${name} is suspended; gateways refuse its keys within seconds`);
    });

  tenant
    .command('resume <tenant>')
    .description('Accept the keys of a suspended tenant again')
    .action(async (name: string) => {
      await context.api().call('POST /tenants/{name}/resume', { path: { name } });
      terminal.say(`${name} is active`);
    });

  tenant
    .command('limits <tenant>')
    .description('Show the limits of a tenant, or change those that are given')
    .option(
      '--max-open-runs <n>',
      'Largest number of runs that have not ended, or none for no limit',
      limit,
    )
    .option(
      '--max-lifecycles <n>',
      'Largest number of lifecycles that are not deleted, or none for no limit',
      limit,
    )
    .option(
      '--cpu-hours <n>',
      'CPU-hours that the jobs of one period may use, or none for no limit',
      amount,
    )
    .option('--money <usd>', 'US dollars that they may cost, or none for no limit', amount)
    .addOption(
      new Option('--period <period>', 'Period of --cpu-hours and --money, in UTC').choices(
        costPeriods,
      ),
    )
    .option('--json', 'Print as JSON')
    .action(async (name: string, { json, cpuHours, money, period, ...counts }: LimitOptions) => {
      const given: Limits = {
        ...counts,
        ...(cpuHours !== undefined && { maxCpuHours: cpuHours }),
        ...(money !== undefined && { maxUsd: money }),
        ...(period !== undefined && { costPeriod: period }),
      };
      const path = { name };
      const api = context.api();
      const limits =
        Object.keys(given).length === 0
          ? await api.call('GET /tenants/{name}/limits', { path })
          : await api.call('PUT /tenants/{name}/limits', { path, body: given });
      if (json) terminal.out(jsonText(limits));
      else {
        terminal.out(`open runs:  ${formatLimit(limits.maxOpenRuns)}`);
        terminal.out(`lifecycles: ${formatLimit(limits.maxLifecycles)}`);
        terminal.out(`CPU-hours:  ${perPeriod(limits.maxCpuHours, limits)}`);
        terminal.out(`money:      ${perPeriod(limits.maxUsd, limits, '$')}`);
      }
    });
}

function formatLimit(limit: number | null): string {
  return limit === null ? 'no limit' : String(limit);
}

function perPeriod(
  value: number | null,
  { costPeriod }: { readonly costPeriod: CostPeriod },
  unit = '',
): string {
  return value === null ? 'no limit' : `${unit}${value} per ${costPeriod}`;
}

function amount(text: string): number | null {
  if (text === 'none') return null;
  const value = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && value > 0 && value <= 1_000_000) return value;
  throw new InvalidArgumentError(
    'a number above 0 and up to 1000000, or none; to let nothing run: perennial tenant suspend',
  );
}

/** Null is no limit. */
function limit(text: string): number | null {
  if (text === 'none') return null;
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('a whole number up to 999999, or none');
}

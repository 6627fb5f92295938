import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { daysUntil, expiresSoon, keyExpiry, usualKeyDays } from '../../../domain/api-key';
import { CliError } from '../cli-error';
import type { CliContext } from '../context';
import { showList } from '../list-view';
import { wholeNumber } from '../numbers';
import { jsonText } from '../harmless';

interface KeyJson {
  readonly id: string;
  readonly name: string;
  readonly scope: string;
  readonly createdAt: string;
  readonly lastUsedAt: string | null;
  readonly expiresAt: string | null;
  readonly revokedAt: string | null;
}

interface CreateOptions {
  readonly scope: string;
  readonly expires?: number | 'never';
  readonly expiresAt?: string;
  readonly json?: true;
}

export function keyCommands(program: Command, context: CliContext): void {
  const { terminal } = context;
  const key = program.command('key').description('API keys');

  key
    .command('create <name>')
    .description('make a key; it is shown once')
    .requiredOption('--scope <scope>', 'viewer, operator, approver or admin; each includes those before it')
    .option('--expires <days>', `how long it is valid, such as 30d, or never; ${usualKeyDays}d by default`, lifetime)
    .option('--expires-at <time>', 'when it ends, RFC 3339, instead of --expires')
    .option('--json', 'print as JSON')
    .action(async (name: string, options: CreateOptions) => {
      const { scope, expires, expiresAt } = options;
      if (expires !== undefined && expiresAt !== undefined)
        throw new CliError('--expires and --expires-at exclude each other', 2, 'give one of them');
      const end = expires === 'never' ? null : expires === undefined ? expiresAt : keyExpiry(Date.now(), expires);
      const made = await context.api().call<{ id: string; key: string; expiresAt: string | null }>('/api-keys', {
        method: 'POST',
        body: { name, scope, ...(end === undefined ? {} : { expiresAt: end }) },
      });
      terminal.say(
        `${made.id}: keep this key, it is not shown again; it ${made.expiresAt === null ? 'never expires' : `expires at ${made.expiresAt}`}`,
      );
      terminal.out(options.json ? jsonText(made) : made.key);
    });

  key
    .command('list')
    .description('keys with their scopes and states; never the keys themselves')
    .option('--json', 'print as JSON')
    .action(async (options: { readonly json?: true }) => {
      const items = await context.api().list<KeyJson>('/api-keys');
      showList(terminal, {
        items,
        json: options.json,
        columns: ['KEY', 'NAME', 'SCOPE', 'CREATED', 'LAST USED', 'STATE'],
        row: (each) => [each.id, each.name, each.scope, each.createdAt, each.lastUsedAt ?? '', state(each)],
        none: { what: 'no keys', next: 'perennial key create <name> --scope <scope>' },
      });
    });

  key
    .command('revoke <id>')
    .description('end a key; gateways refuse it within seconds')
    .action(async (id: string) => {
      await context.api().call(`/api-keys/${id}/revoke`, { method: 'POST', body: {} });
      terminal.say(`${id} is revoked`);
    });

  key
    .command('rotate <id>')
    .description('Make a new key of the same name, scope and lifetime; the old one ends after the overlap')
    .option('--overlap-seconds <n>', 'how long the old key stays valid', wholeNumber(0, 2_592_000), 3600)
    .option('--json', 'print as JSON')
    .action(async (id: string, options: { readonly overlapSeconds: number; readonly json?: true }) => {
      const body = { overlapSeconds: options.overlapSeconds };
      const made = await context
        .api()
        .call<{ id: string; key: string; oldValidUntil: string }>(`/api-keys/${id}/rotate`, { method: 'POST', body });
      terminal.say(`${made.id} replaces ${id}, which ends at ${made.oldValidUntil}`);
      terminal.out(options.json ? jsonText(made) : made.key);
    });
}

function state({ revokedAt, expiresAt }: KeyJson): string {
  if (revokedAt !== null) return `revoked ${revokedAt}`;
  if (expiresAt === null) return 'valid, never expires';
  const now = Date.now();
  if (Date.parse(expiresAt) <= now) return `expired ${expiresAt}`;
  return expiresSoon(expiresAt, now) ? `EXPIRES in ${daysUntil(expiresAt, now)} days, ${expiresAt}` : `until ${expiresAt}`;
}

function lifetime(text: string): number | 'never' {
  if (text === 'never') return text;
  const days = Number(/^(\d{1,4})d?$/.exec(text)?.[1] ?? 0);
  if (days > 0) return days;
  throw new InvalidArgumentError('a number of days such as 30d, or never');
}

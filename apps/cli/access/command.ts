import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { daysUntil, expiresSoon, keyExpiry, defaultKeyDays } from '../../../domain/access/api-key';
import type { BodyOf } from '../../client/operation';
import { CliError } from '../cli-error';
import type { CliContext } from '../context';
import { showList } from '../list-view';
import { wholeNumber } from '../numbers';
import { jsonText } from '../harmless';
import type { KeyJson } from '../../api/access/view';

interface CreateOptions {
  readonly scope: BodyOf<'POST /api-keys'>['scope'];
  readonly expires?: number | 'never';
  readonly expiresAt?: string;
  readonly tenant?: string;
  readonly json?: true;
}

export function keyCommands(program: Command, context: CliContext): void {
  const { terminal } = context;
  const key = program.command('key').description('Create, list, revoke and rotate API keys');

  key
    .command('create <name>')
    .description('Create an API key and print it once')
    .requiredOption(
      '--scope <scope>',
      'viewer, operator, approver or admin; each scope includes those before it',
    )
    .option(
      '--expires <days>',
      `Lifetime, such as 30d, or never (default: ${defaultKeyDays}d)`,
      lifetime,
    )
    .option('--expires-at <time>', 'End of validity (RFC 3339); use instead of --expires')
    .option(
      '--tenant <tenant>',
      'Tenant of the key, only for administrators of the platform (default: your own)',
    )
    .option('--json', 'Print as JSON')
    .action(async (name: string, options: CreateOptions) => {
      const { scope, expires, expiresAt, tenant } = options;
      if (expires !== undefined && expiresAt !== undefined)
        throw new CliError('--expires and --expires-at cannot be combined', 2, 'use one of them');
      const end =
        expires === 'never'
          ? null
          : expires === undefined
            ? expiresAt
            : keyExpiry(Date.now(), expires);
      const made = await context.api().call('POST /api-keys', {
        body: {
          name,
          scope,
          ...(end === undefined ? {} : { expiresAt: end }),
          ...(tenant === undefined ? {} : { tenant }),
        },
      });
      terminal.say(
        `${made.id}: store this key now, it is not shown again; it ${made.expiresAt === null ? 'never expires' : `expires at ${made.expiresAt}`}`,
      );
      terminal.out(options.json ? jsonText(made) : made.key);
    });

  key
    .command('list')
    .description('List keys with scope and status, never the keys themselves')
    .option('--json', 'Print as JSON')
    .action(async (options: { readonly json?: true }) => {
      const items = await context.api().list('GET /api-keys');
      showList(terminal, {
        items,
        json: options.json,
        columns: ['KEY', 'NAME', 'SCOPE', 'CREATED', 'LAST USED', 'STATE'],
        row: (each) => [
          each.id,
          each.name,
          each.scope,
          each.createdAt,
          each.lastUsedAt ?? '',
          state(each),
        ],
        none: { what: 'no keys', next: 'perennial key create <name> --scope <scope>' },
      });
    });

  key
    .command('revoke <id>')
    .description('Revoke a key; gateways refuse it within seconds')
    .action(async (id: string) => {
      await context.api().call('POST /api-keys/{id}/revoke', { path: { id } });
      terminal.say(`${id} is revoked`);
    });

  key
    .command('rotate <id>')
    .description(
      'Create a new key with the same name, scope and lifetime; the old key expires after the overlap',
    )
    .option(
      '--overlap-seconds <n>',
      'How long the old key stays valid, such as 24h',
      wholeNumber(0, 2_592_000),
      3600,
    )
    .option('--json', 'Print as JSON')
    .action(
      async (id: string, options: { readonly overlapSeconds: number; readonly json?: true }) => {
        const body = { overlapSeconds: options.overlapSeconds };
        const made = await context.api().call('POST /api-keys/{id}/rotate', { path: { id }, body });
        terminal.say(`${made.id} replaces ${id}, which expires at ${made.oldValidUntil}`);
        terminal.out(options.json ? jsonText(made) : made.key);
      },
    );
}

function state({ revokedAt, expiresAt }: KeyJson): string {
  if (revokedAt !== null) return `revoked ${revokedAt}`;
  if (expiresAt === null) return 'valid, never expires';
  const now = Date.now();
  if (Date.parse(expiresAt) <= now) return `expired ${expiresAt}`;
  return expiresSoon(expiresAt, now)
    ? `EXPIRES in ${daysUntil(expiresAt, now)} days, ${expiresAt}`
    : `until ${expiresAt}`;
}

function lifetime(text: string): number | 'never' {
  if (text === 'never') return text;
  const days = Number(/^(\d{1,4})d?$/.exec(text)?.[1] ?? 0);
  if (days > 0) return days;
  throw new InvalidArgumentError('a number of days such as 30d, or never');
}

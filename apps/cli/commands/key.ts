import type { Command } from 'commander';
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

export function keyCommands(program: Command, context: CliContext): void {
  const { terminal } = context;
  const key = program.command('key').description('API keys');

  key
    .command('create <name>')
    .description('make a key; it is shown once')
    .requiredOption('--scope <scope>', 'viewer, operator, approver or admin; each includes those before it')
    .option('--expires-at <time>', 'RFC 3339')
    .option('--json', 'print as JSON')
    .action(async (name: string, options: { readonly scope: string; readonly expiresAt?: string; readonly json?: true }) => {
      const { scope, expiresAt } = options;
      const made = await context.api().call<{ id: string; key: string }>('/api-keys', {
        method: 'POST',
        body: { name, scope, ...(expiresAt === undefined ? {} : { expiresAt }) },
      });
      terminal.say(`${made.id}: keep this key, it is not shown again`);
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
    .description('a new key of the same name and scope; the old one ends after the overlap')
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
  return expiresAt === null ? 'valid' : `until ${expiresAt}`;
}

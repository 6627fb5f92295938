/**
 * The measured process of bench/driver/main.ts: transactions whose backends end between statements.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { openDatabase } from '../../db/connection';

export interface Plan {
  readonly url: string;
  readonly transactions: number;
  /** Folder of the `postgres` package, or null for the product's own connection. */
  readonly packageFolder: string | null;
}

export type Progress =
  | { readonly kind: 'step'; readonly step: string }
  | { readonly kind: 'rejected' | 'resolved' | 'failedAfter' };

type Tag = (
  strings: TemplateStringsArray,
  ...values: readonly number[]
) => PromiseLike<readonly unknown[]>;
type Driver = Tag & { begin(work: (tx: Tag) => Promise<unknown>): Promise<unknown> };

async function cutTransactions({ url, transactions, packageFolder }: Plan): Promise<void> {
  const sql =
    packageFolder === null ? openDatabase({ url }).sql : openPostgresJs(packageFolder, url);
  const admin = new Client({ connectionString: url });
  await admin.connect();
  for (let number = 1; number <= transactions; number += 1) {
    tell({ kind: 'step', step: `transaction ${number}` });
    const cut = sql.begin((tx) => cutTransaction(tx, admin, number));
    const end = await cut.then(
      () => 'resolved' as const,
      () => 'rejected' as const,
    );
    tell({ kind: end });
    tell({ kind: 'step', step: `the statement after transaction ${number}` });
    await sql`select 1`.then(undefined, () => tell({ kind: 'failedAfter' }));
  }
}

async function cutTransaction(tx: Tag, admin: Client, number: number): Promise<void> {
  await tx`insert into cut (number) values (${number})`;
  const [backend] = await tx`select pg_backend_pid() as pid`;
  const { pid } = backend as { readonly pid: number };
  await admin.query('select pg_terminate_backend($1)', [pid]);
  // In every second one the driver has seen the end before the next statement.
  if (number % 2 === 0) await sleep(5);
  await tx`select 1`;
}

function openPostgresJs(folder: string, url: string): Driver {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- installed for this measurement
  const open = require(folder) as (url: string, options: object) => Driver;
  return open(url, { max: 10, onnotice: () => undefined });
}

function tell(progress: Progress): void {
  process.send?.(progress);
}

const plan = JSON.parse(process.argv[2] ?? '') as Plan;
// The end of the pool is not measured, and the pool of `postgres` may never end by itself.
void cutTransactions(plan).then(() => {
  process.send?.({ kind: 'step', step: 'the end' } satisfies Progress, () => process.exit(0));
});

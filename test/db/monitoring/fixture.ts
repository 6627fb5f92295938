import type { Database } from '../../../db/connection';
import { until } from '../../support/time/until';

/**
 * A monitor counts rows once all earlier transactions of the server are over, and other tests share
 * the server.
 */
export async function earlierTransactionsEnd({ sql }: Pick<Database, 'sql'>): Promise<void> {
  const [now] = await sql<{ xid: string }[]>`select pg_current_xact_id()::text as xid`;
  await until(async () => {
    const [row] = await sql<{ isOver: boolean }[]>`
      select pg_snapshot_xmin(pg_current_snapshot()) > ${now?.xid ?? ''}::text::xid8 as is_over`;
    return row?.isOver === true;
  });
}

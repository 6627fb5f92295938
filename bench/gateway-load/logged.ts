import { setTimeout as pause } from 'node:timers/promises';
import { openDatabase } from '../../db/connection';

/** The rows in the log, once they are as many as were answered or no more arrive for ten seconds. */
export async function loggedPredictions(
  databaseUrl: string,
  { model, answered }: { readonly model: string; readonly answered: number },
): Promise<number> {
  const database = openDatabase({ url: databaseUrl });
  try {
    let rows = -1;
    for (let quietSince = Date.now(); Date.now() - quietSince < 10_000;) {
      const [found] = await database.sql<{ rows: number }[]>`
        select count(*)::int as rows from predictions where model = ${model} and arm = 'champion'`;
      if ((found?.rows ?? 0) !== rows) quietSince = Date.now();
      rows = found?.rows ?? 0;
      if (rows >= answered) break;
      await pause(200);
    }
    return rows;
  } finally {
    await database.close();
  }
}

import type { Digest } from '../../domain/artifact';
import type { Attempt } from '../../domain/evaluation/attempts';
import type { RunId, Tenant } from '../../domain/ids';
import { advisoryLocks } from '../advisory-locks';
import type { Columns } from '../columns';
import type { Database } from '../connection';
import type { holdoutAttempts } from './attempt-schema';

export interface AttemptRepository {
  /**
   * Numbers a candidate on a holdout before it is measured. The same candidate keeps its number in
   * retries and other runs; concurrent candidates wait for each other. A claim counts even if its
   * evaluation never ends, because its metrics may have been seen.
   */
  claim(input: {
    readonly tenant: Tenant;
    readonly runId: RunId;
    readonly model: string;
    readonly holdout: Digest;
    readonly candidate: Digest;
  }): Promise<Attempt>;
}

export function createAttemptRepository({ sql }: Database): AttemptRepository {
  return {
    claim({ tenant, runId, model, holdout, candidate }) {
      return sql.begin(async (tx) => {
        await tx`select pg_advisory_xact_lock(${advisoryLocks.holdoutAttempts}, hashtext(${`${tenant} ${model} ${holdout}`}))`;
        await tx`
          insert into holdout_attempts (tenant_id, model, holdout, number, candidate, run_id)
          select ${tenant}, ${model}, ${holdout}, coalesce(max(number), 0) + 1, ${candidate}, ${runId}
          from holdout_attempts where tenant_id = ${tenant} and model = ${model} and holdout = ${holdout}
          on conflict on constraint holdout_attempts_candidate do nothing`;
        const [row] = await tx<Columns<typeof holdoutAttempts, 'number'>[]>`
          select number from holdout_attempts
          where tenant_id = ${tenant} and model = ${model} and holdout = ${holdout} and candidate = ${candidate}`;
        if (!row) throw new Error(`candidate ${candidate} has no number on holdout ${holdout}`);
        return { holdout, number: row.number };
      });
    },
  };
}

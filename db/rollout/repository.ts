import { failure } from '../../domain/failure';
import type { Tenant } from '../../domain/ids';
import type { GuardrailSpec } from '../../domain/rollout/canary';
import { haveSamePolicy, canaryAtAttempt, showsHarm } from '../../domain/rollout/judging/attempts';
import { isOpenRollout } from '../../domain/rollout/rollout';
import { lockModel, readStatus } from '../model/state';
import type { Database, Transaction } from '../connection';
import { toJson } from '../document';
import { runIdempotently } from '../idempotency/idempotency';
import { newId } from '../ids';
import { afterKey, rowsToAsk, toPage } from '../page';
import { checkFurtherChallengers, insertArms, rejectHarmful } from './arms';
import { consume } from './consume';
import { endRollout, record, reroute, rolloutShare } from './change';
import { lockRollout, findOpenRollout, rolloutOfRun, toRecord, type RolloutRow } from './state';
import { readTrafficHistory } from './traffic-history';
import { readTraffic, findTrafficSpan } from './traffic';
import { guardRun, lockRun } from '../run/guard';
import type { RolloutOpening, RolloutRepository } from './records';

export function createRolloutRepository({ sql }: Database): RolloutRepository {
  return {
    open: (input) => sql.begin((tx) => open(tx, input)),

    setStep: ({ step, weight, actor, cause, ...name }) =>
      sql.begin(async (tx) => {
        const row = await lockRollout(tx, name);
        if (!isOpenRollout(row.status)) return { kind: 'ended', rollout: toRecord(row) };
        await guardRollout(tx, row);
        if (!Number.isInteger(step) || step < 0 || step >= row.spec.steps.length) {
          throw failure(
            'InvalidInput',
            `rollout ${row.id} has steps 0 to ${row.spec.steps.length - 1}, not ${step}`,
          );
        }
        if (step < row.step)
          throw failure(
            'Conflict',
            `rollout ${row.id} is already in step ${row.step} and cannot go back to ${step}`,
          );
        const isMovedByEvidence = row.spec.method === 'bandit' && row.weight > 0;
        if (step === row.step && (weight === row.weight || isMovedByEvidence))
          return { kind: 'set', epoch: row.epoch };
        await tx`
          update rollouts set step = ${step}, weight = ${weight},
            step_started_at = case when step = ${step} then step_started_at else clock_timestamp() end
          where tenant_id = ${name.tenant} and id = ${name.id}`;
        const [before, after] = [rolloutShare(row), { ...rolloutShare(row), step, weight }];
        await record(tx, row, {
          action: 'rollout.step',
          event: 'rollout.advanced',
          actor,
          cause,
          before,
          after,
        });
        return { kind: 'set', epoch: await reroute(tx, row) };
      }),

    setStatus: ({
      status,
      only,
      waitingFor,
      weight,
      verdict,
      decisionId,
      winner,
      actor,
      cause,
      ...name
    }) =>
      sql.begin(async (tx) => {
        const row = await lockRollout(tx, name);
        if (!isOpenRollout(row.status)) return { kind: 'ended', rollout: toRecord(row) };
        if (only !== undefined && row.status !== only) return { kind: 'set', epoch: row.epoch };
        await guardRollout(tx, row);
        const after = { ...rolloutShare(row), status, weight: weight ?? row.weight };
        await tx`
          update rollouts set status = ${status}, weight = ${after.weight}, waiting_for = ${waitingFor},
            verdict = ${toJson(verdict ?? row.verdict)}, decision_id = ${decisionId ?? row.decisionId}, winner = ${winner ?? row.winner}
          where tenant_id = ${name.tenant} and id = ${name.id}`;
        if (status === row.status && after.weight === row.weight)
          return { kind: 'set', epoch: row.epoch };
        const event = status === row.status ? null : statusEvents[status];
        await record(tx, row, {
          action: 'rollout.status',
          event,
          actor,
          cause,
          before: rolloutShare(row),
          after,
          data: { waitingFor },
        });
        const isRouted =
          after.weight !== row.weight || (status === 'passed') !== (row.status === 'passed');
        return { kind: 'set', epoch: isRouted ? await reroute(tx, row) : row.epoch };
      }),

    stopArm: ({ version, actor, cause, ...name }) =>
      sql.begin(async (tx) => {
        const row = await lockRollout(tx, name);
        if (!isOpenRollout(row.status)) return { kind: 'ended', rollout: toRecord(row) };
        await guardRollout(tx, row);
        const stopped = await tx`
          update rollout_arms set stopped_at = clock_timestamp()
          where tenant_id = ${name.tenant} and rollout_id = ${name.id} and version = ${version} and version <> ${row.champion} and stopped_at is null`;
        if (stopped.count === 0) return { kind: 'set', epoch: row.epoch };
        await rejectHarmful(tx, row, version, { actor, cause });
        await record(tx, row, {
          action: 'rollout.stop_arm',
          event: 'rollout.arm_stopped',
          actor,
          cause,
          after: rolloutShare(row),
          data: { version },
        });
        return { kind: 'set', epoch: await reroute(tx, row) };
      }),

    extend: ({ seconds, key, actor, cause, ...name }) =>
      sql.begin(async (tx) => {
        const row = await lockRollout(tx, name);
        if (!isOpenRollout(row.status)) return { kind: 'ended', rollout: toRecord(row) };
        await guardRollout(tx, row);
        const request = { id: name.id, seconds };
        const extendedSeconds = await runIdempotently(
          tx,
          { tenant: name.tenant, operation: 'rollout.extend', key, request },
          async () => {
            const total = row.extendedSeconds + seconds;
            await tx`update rollouts set extended_seconds = ${total} where tenant_id = ${name.tenant} and id = ${name.id}`;
            const data = { extendedSeconds: total };
            await record(tx, row, {
              action: 'rollout.extend',
              event: 'rollout.extended',
              actor,
              cause,
              after: rolloutShare(row),
              data,
            });
            return total;
          },
        );
        return { kind: 'extended', extendedSeconds };
      }),

    end: ({ status, verdict, decisionId, actor, cause, ...name }) =>
      sql.begin(async (tx) => {
        const row = await lockRollout(tx, name);
        if (!isOpenRollout(row.status))
          return { rollout: toRecord(row), epoch: row.epoch, changed: false };
        await endRollout(tx, row, { status, verdict, decisionId, actor, cause });
        const epoch = await reroute(tx, row);
        return { rollout: toRecord(await lockRollout(tx, name)), epoch, changed: true };
      }),

    async confirmRollback({ tenant, id, rollback }) {
      await sql`update rollouts set rollback = ${toJson(rollback)} where tenant_id = ${tenant} and id = ${id}`;
    },

    consume: (input) => sql.begin((tx) => consume(tx, input)),

    async traffic({ tenant, id }) {
      const [row] = await sql<
        RolloutRow[]
      >`select * from rollouts where tenant_id = ${tenant} and id = ${id}`;
      if (!row) throw failure('NotFound', `there is no rollout ${id}`);
      return readTraffic(sql, row);
    },

    async get({ tenant, id }) {
      const [row] = await sql<
        RolloutRow[]
      >`select * from rollouts where tenant_id = ${tenant} and id = ${id}`;
      return row ? toRecord(row) : null;
    },

    trafficHistory: (input) => readTrafficHistory(sql, input),

    async ofRun(run) {
      const row = await rolloutOfRun(sql, run);
      return row ? toRecord(row) : null;
    },

    async current({ tenant, model }) {
      const [newest] = await sql<RolloutRow[]>`
        select * from rollouts where tenant_id = ${tenant} and model = ${model} order by ended_at is null desc, id desc limit 1`;
      return newest ? toRecord(newest) : null;
    },

    addressee: ({ tenant, model, key, request }) =>
      sql.begin((tx) =>
        runIdempotently(
          tx,
          { tenant, operation: 'rollout.command', key, request: { model, request } },
          async () => (await findOpenRollout(tx, { tenant, model }))?.id ?? null,
          (id) => id !== null,
        ),
      ),

    async list({ tenant, model, ...page }) {
      const after = afterKey(page);
      const rows = await sql<RolloutRow[]>`
        select * from rollouts where tenant_id = ${tenant} and model = ${model} and ${after === null ? sql`true` : sql`id < ${after}`}
        order by id desc limit ${rowsToAsk(page)}`;
      return toPage(rows, page, (row) => row.id, toRecord);
    },
  };
}

const statusEvents = {
  running: 'rollout.resumed',
  held: 'rollout.held',
  passed: 'rollout.passed',
} as const;

async function open(
  tx: Transaction,
  input: Parameters<RolloutRepository['open']>[0],
): Promise<RolloutOpening> {
  const {
    tenant,
    runId,
    model,
    champion,
    challenger,
    paired,
    availableAfterSeconds,
    state,
    actor,
    cause,
  } = input;
  const { aliases } = await lockModel(tx, { tenant, model });
  await lockRun(tx, { tenant, runId });
  const own = await rolloutOfRun(tx, { tenant, runId });
  if (own) return { kind: 'opened', rollout: toRecord(own) };
  await guardRun(tx, { tenant, runId });
  const busy = await findOpenRollout(tx, { tenant, model });
  if (busy) return { kind: 'busy', rollout: toRecord(busy) };
  const now = aliases.champion;
  if (now?.version !== champion.version || now.fencing !== champion.fencing)
    return { kind: 'conflict', champion: now?.version ?? null };
  const versionStatus = await readStatus(tx, { tenant, model, version: challenger });
  if (versionStatus === 'rejected' || versionStatus === 'withdrawn') {
    throw failure(
      'Conflict',
      `${model}@${challenger} was ${versionStatus} and cannot be tried on traffic`,
    );
  }
  await checkFurtherChallengers(tx, {
    tenant,
    model,
    champion: champion.version,
    challenger,
    spec: input.spec,
  });
  const pair = { tenant, model, champion: champion.version };
  const earlier = await countEarlier(tx, { ...pair, challenger });
  const refuted = earlier.find(
    ({ tried, winner, verdict, spec }) =>
      verdict !== null &&
      showsHarm(verdict) &&
      // The harm of a winner says nothing of the other challengers.
      (winner === null || winner === tried) &&
      haveSamePolicy(spec, input.spec),
  );
  if (refuted) {
    const { tried: _, ...rollout } = refuted;
    return { kind: 'harmShown', rollout: toRecord(rollout) };
  }
  let attempts = earlier.length;
  for (const version of input.spec.against ?? []) {
    const others = await countEarlier(tx, { ...pair, challenger: version });
    attempts = Math.max(attempts, others.length);
  }
  const spec = canaryAtAttempt(input.spec, 1 + attempts);
  const findMax = (name: GuardrailSpec['name']) =>
    spec.guardrails.find((guardrail) => guardrail.name === name)?.max ?? null;
  const [row] = await tx<RolloutRow[]>`
    insert into rollouts (tenant_id, id, model, run_id, champion, challenger, status, spec, paired, available_after_seconds, slow_ms, slow_first_token_ms,
      most_tokens, traffic_span_seconds, step, weight, epoch, state)
    values (${tenant}, ${newId('roll')}, ${model}, ${runId}, ${champion.version}, ${challenger}, 'running', ${toJson(spec)}, ${paired},
      ${availableAfterSeconds}, ${findMax('latency_ms')}, ${findMax('first_token_ms')}, ${findMax('tokens')}, ${findTrafficSpan(spec)}, 0, 0, 0, ${toJson(state)})
    returning *`;
  if (!row) throw new Error('the database did not return the inserted rollout');
  await insertArms(tx, row);
  await record(tx, row, {
    action: 'rollout.open',
    event: 'rollout.started',
    actor,
    cause,
    after: rolloutShare(row),
  });
  return { kind: 'opened', rollout: toRecord({ ...row, epoch: await reroute(tx, row) }) };
}

/** `tried`: the version with the challenger's manifest. */
type EarlierRollout = RolloutRow & { readonly tried: number };

/**
 * Ended rollouts that compared the same two manifests and counted a label, newest first. An A/B
 * rollout compares each of its challengers with the champion.
 */
async function countEarlier(
  tx: Transaction,
  {
    tenant,
    model,
    champion,
    challenger,
  }: Pick<RolloutRow, 'model' | 'champion' | 'challenger'> & { readonly tenant: Tenant },
): Promise<readonly EarlierRollout[]> {
  return tx<EarlierRollout[]>`
    select distinct on (o.id) o.*, h.version as tried from rollouts o
    join model_versions c on c.tenant_id = o.tenant_id and c.model = o.model and c.version = o.champion
    left join rollout_arms a on a.tenant_id = o.tenant_id and a.rollout_id = o.id and a.version <> o.champion
    join model_versions h on h.tenant_id = o.tenant_id and h.model = o.model and h.version = coalesce(a.version, o.challenger)
    where o.tenant_id = ${tenant} and o.model = ${model} and o.ended_at is not null
      and c.digest = (select digest from model_versions where tenant_id = ${tenant} and model = ${model} and version = ${champion})
      and h.digest = (select digest from model_versions where tenant_id = ${tenant} and model = ${model} and version = ${challenger})
      and exists (select from rollout_traffic t where t.tenant_id = o.tenant_id and t.rollout_id = o.id
        and t.champion_labelled + t.challenger_labelled > 0)
    order by o.id desc`;
}

async function guardRollout(
  tx: Transaction,
  { tenantId: tenant, runId }: RolloutRow,
): Promise<void> {
  await lockRun(tx, { tenant, runId });
  await guardRun(tx, { tenant, runId });
}

import { failure } from '../../domain/failure';
import type { RunId } from '../../domain/ids';
import type { IndexState } from '../../domain/index/version';
import type { Columns } from '../columns';
import type { Transaction } from '../connection';
import type { IndexRepository, RetiredVersion } from './records';
import { appendAudit } from '../audit/entry';
import { enqueueOutbox } from '../notification/outbox-entry';
import { refuseWhileNeeded } from './bundles';
import { lockIndex } from './state';
import { findBuild, lockVersion } from './versions';
import type { runs } from '../run/schema';

type EndInput = Parameters<IndexRepository['end']>[0];

/** Takes the row lock of the index, as moves of its aliases and of bundles that use it do. */
export async function endVersion(
  tx: Transaction,
  { tenant, index, version, state, actor, cause }: EndInput,
): Promise<void> {
  const { aliases } = await lockIndex(tx, { tenant, index });
  const row = await lockVersion(tx, { tenant, index, version });
  if (row.state === 'failed' || row.state === 'retired') return;
  const alias = (['champion', 'previous'] as const).find(
    (name) => aliases[name]?.version === version,
  );
  if (alias)
    throw failure('Conflict', `${index}@${version} is the ${alias}, so its table is kept`, {
      next: `perennial index show ${index}`,
    });
  await refuseWhileNeeded(tx, { tenant, index, version });
  await tx`
    update index_versions set state = ${state}, updated_at = now()
    where tenant_id = ${tenant} and index = ${index} and version = ${version}`;
  const [before, after] = [{ state: row.state }, { state }];
  await appendAudit(tx, {
    tenant,
    actor,
    action: 'index.end',
    subject: `index:${index}@${version}`,
    cause,
    before,
    after,
  });
}

/**
 * Retires a version. A workflow that the outbox starts deletes the table, so a crash cannot prevent
 * it. For a version that ended before, it starts again and deletes what an earlier crash left.
 */
export async function retireVersion(
  tx: Transaction,
  ending: Omit<EndInput, 'state'>,
  endedBuild: string | null,
): Promise<RetiredVersion> {
  const { tenant, index, version, actor, cause } = ending;
  await lockIndex(tx, { tenant, index });
  const { state: from, runId } = await lockVersion(tx, { tenant, index, version });
  await refuseWhileBuilt(tx, ending, { from, runId, endedBuild });
  await endVersion(tx, { ...ending, state: 'retired' });
  await enqueueOutbox(tx, {
    tenant,
    topic: 'index.retired',
    payload: { index, version, actor, cause },
  });
  return { version, from };
}

async function refuseWhileBuilt(
  tx: Transaction,
  { tenant, index, version }: Omit<EndInput, 'state'>,
  {
    from,
    runId,
    endedBuild,
  }: {
    readonly from: IndexState;
    readonly runId: RunId | null;
    readonly endedBuild: string | null;
  },
): Promise<void> {
  const build = await findBuild(tx, { tenant, index, version });
  if (build !== null && build !== endedBuild)
    throw failure('Conflict', `${index}@${version} is being built`, {
      next: `perennial index build-cancel ${index} ${build}`,
    });
  if ((from !== 'ready' && from !== 'building') || runId === null) return;
  const [open] = await tx<Columns<typeof runs, 'id'>[]>`
    select id from runs where tenant_id = ${tenant} and id = ${runId} and ended_at is null`;
  if (open)
    throw failure(
      'Conflict',
      `${index}@${version} belongs to ${open.id}, which is still running and may release it`,
      {
        next: `perennial run watch ${open.id}`,
      },
    );
}

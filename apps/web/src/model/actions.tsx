import { useQueryClient } from '@tanstack/react-query';
import { call, callWithEtag } from '../api/client';
import { useMay } from '../api/session';
import { Action } from '../parts/confirm';
import type { ShownModel } from './shown';

function useRefresh(model: string) {
  const client = useQueryClient();
  return async (): Promise<void> => {
    await Promise.all(
      [['model', model], ['moves', model], ['rollout', model], ['overview']].map((queryKey) =>
        client.invalidateQueries({ queryKey }),
      ),
    );
  };
}

export function RollbackAction({
  model: {
    name,
    aliases: { champion, previous },
  },
}: {
  readonly model: ShownModel;
}) {
  const mayOperate = useMay('operator');
  const refresh = useRefresh(name);
  if (!mayOperate || champion === null || previous === null) return null;
  return (
    <Action
      label={`Roll back to @${previous.version}`}
      kind="danger"
      title={`Roll back ${name} from @${champion.version} to @${previous.version}?`}
      effect={
        <p>
          All gateways serve {name}@{previous.version} within a second. An open rollout of this
          model ends. The version @{champion.version} stays registered.
        </p>
      }
      run={async ({ reason, idempotencyKey }) => {
        await call('POST /models/{model}/rollback', {
          path: { model: name },
          body: { to: previous.version, ...(reason === undefined ? {} : { reason }) },
          headers: { 'idempotency-key': idempotencyKey },
        });
        await refresh();
      }}
    />
  );
}

export function PromoteAction({
  model,
  version: { version, status },
  aliases: { champion },
}: {
  readonly model: string;
  readonly version: ShownModel['versions'][number];
  readonly aliases: ShownModel['aliases'];
}) {
  const mayApprove = useMay('approver');
  const refresh = useRefresh(model);
  if (!mayApprove || champion?.version === version || status === 'withdrawn') return null;
  return (
    <Action
      label="Promote"
      title={`Make ${model}@${version} the champion?`}
      reason="required"
      effect={
        <p>
          All gateways serve {model}@{version} within a second
          {champion === null ? '' : `, instead of @${champion.version}`}. The API refuses it if a
          requirement of its revision is not met, and lists what is missing.
        </p>
      }
      run={async ({ reason = '' }) => {
        const path = { model, alias: 'champion' } as const;
        const { answer, etag } = await callWithEtag('GET /models/{model}/aliases/{alias}', {
          path,
        });
        if (![version, champion?.version ?? null].includes(answer.version))
          throw new Error(`The champion of ${model} has just changed. Nothing was promoted.`);
        await call('PUT /models/{model}/aliases/{alias}', {
          path,
          body: { version, reason },
          headers: { 'if-match': etag },
        });
        await refresh();
      }}
    />
  );
}

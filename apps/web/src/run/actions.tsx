import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { isFinal } from '../../../../domain/run/run';
import { call } from '../api/client';
import { useMay } from '../api/session';
import { Badge } from '../parts/badge';
import { Action } from '../parts/confirm';
import { Shown } from '../parts/states';
import type { ShownRun } from './shown';

export function RunActions({ run }: { readonly run: ShownRun }) {
  const { id, status, lifecycle, approvals } = run;
  const client = useQueryClient();
  const [mayOperate, mayApprove] = [useMay('operator'), useMay('approver')];
  const isOver = isFinal(status);
  const refresh = async (): Promise<void> => {
    await Promise.all(
      [['run', id], ['attention'], ['overview']].map((queryKey) =>
        client.invalidateQueries({ queryKey }),
      ),
    );
  };
  const path = { id };
  return (
    <div className="actions" role="group" aria-label="Actions">
      {mayApprove && !isOver
        ? approvals.map(({ what, stage, obstacle }) => (
            <div key={stage} className="vote">
              <Action
                label="Approve"
                kind="primary"
                title={`Approve ${what}?`}
                disabled={obstacle !== null}
                effect={
                  <p>
                    Your vote counts for {what}. With enough votes the run goes on, and{' '}
                    {stage === 'promote'
                      ? 'the version becomes the champion: all gateways serve it within seconds.'
                      : `the code of ${lifecycle} continues.`}
                  </p>
                }
                run={async ({ reason }) => {
                  await call('POST /runs/{id}/approve', {
                    path,
                    body: { stage, ...(reason === undefined ? {} : { comment: reason }) },
                  });
                  await refresh();
                }}
              />
              <Action
                label="Reject"
                kind="danger"
                title={`Reject ${what}?`}
                disabled={obstacle !== null}
                effect={
                  <p>
                    One rejection decides.{' '}
                    {stage === 'promote'
                      ? `${what} becomes rejected, and the run ends as stopped. All traffic goes to ` +
                        'the champion.'
                      : 'The run ends as stopped, unless its code handles a rejection.'}
                  </p>
                }
                run={async ({ reason }) => {
                  await call('POST /runs/{id}/reject', {
                    path,
                    body: { stage, ...(reason === undefined ? {} : { comment: reason }) },
                  });
                  await refresh();
                }}
              />
              {obstacle === null ? null : <p className="quiet">You cannot vote: {obstacle}.</p>}
            </div>
          ))
        : null}
      {mayOperate && !isOver && status !== 'paused' ? (
        <Action
          label="Pause"
          title="Pause this run?"
          effect={
            <p>
              The stage that runs now ends first. A search for parameters only ends its running
              trials. Nothing further begins until a resume.
            </p>
          }
          run={async ({ reason }) => {
            await call('POST /runs/{id}/pause', { path, body: toReason(reason) });
            await refresh();
          }}
        />
      ) : null}
      {mayOperate && status === 'paused' ? (
        <Action
          label="Resume"
          kind="primary"
          title="Resume this run?"
          effect={<p>The next stage begins at once.</p>}
          run={async ({ reason }) => {
            await call('POST /runs/{id}/resume', { path, body: toReason(reason) });
            await refresh();
          }}
        />
      ) : null}
      {mayOperate && !isOver ? (
        <Action
          label="Cancel"
          kind="danger"
          title="Cancel this run?"
          effect={
            <p>
              Its jobs end, and it undoes what it changed. Its open rollout ends, and all traffic
              goes to the champion. A cancelled run cannot be resumed, but a rerun reuses its
              finished stages.
            </p>
          }
          run={async ({ reason }) => {
            await call('POST /runs/{id}/cancel', { path, body: toReason(reason) });
            await refresh();
          }}
        />
      ) : null}
      {mayOperate && isOver ? <RerunAction run={run} stage={null} /> : null}
      {mayOperate ? <StartAction lifecycle={lifecycle} /> : null}
    </div>
  );
}

export function StartAction({ lifecycle }: { readonly lifecycle: string }) {
  const navigate = useNavigate();
  return (
    <Action
      label="Start a new run"
      title={`Start a run of ${lifecycle}?`}
      effect={
        <p>
          It uses the newest revision of {lifecycle} and the newest data. Stages whose inputs did
          not change are reused. If its gates pass, it may change the champion.
        </p>
      }
      run={async ({ reason, idempotencyKey }) => {
        const run = await call('POST /lifecycles/{name}/runs', {
          path: { name: lifecycle },
          body: toReason(reason),
          headers: { 'idempotency-key': idempotencyKey },
        });
        await navigate({ to: '/runs/$run', params: { run: run.id } });
      }}
    />
  );
}

/** Null for the stage: from the first one that failed or whose inputs changed. */
export function RerunAction({
  run: { id, status },
  stage,
}: {
  readonly run: ShownRun;
  readonly stage: string | null;
}) {
  const navigate = useNavigate();
  const mayOperate = useMay('operator');
  if (!mayOperate || !isFinal(status)) return null;
  const body = stage === null ? {} : { fromStage: stage };
  return (
    <Action
      label={stage === null ? 'Rerun' : 'Rerun from here'}
      title={stage === null ? 'Rerun this run?' : `Rerun from ${stage}?`}
      effect={<RerunPlanView id={id} body={body} />}
      run={async ({ reason, idempotencyKey }) => {
        const started = await call('POST /runs/{id}/rerun', {
          path: { id },
          body: { ...body, ...toReason(reason) },
          headers: { 'idempotency-key': idempotencyKey },
        });
        await navigate({ to: '/runs/$run', params: { run: started.id } });
      }}
    />
  );
}

function RerunPlanView({
  id,
  body,
}: {
  readonly id: string;
  readonly body: { readonly fromStage?: string };
}) {
  const plan = useQuery({
    queryKey: ['rerun', id, body.fromStage],
    queryFn: () => call('POST /runs/{id}/rerun/plan', { path: { id }, body }),
  });
  return (
    <>
      <p>A new run starts. This run does not change.</p>
      <Shown query={plan} what="the plan">
        {({ stages }) => (
          <ul className="plain">
            {stages.map(({ stage, action, because }) => (
              <li key={stage}>
                <b>{stage}</b> <Badge status={action === 'mayRun' ? 'may run' : action} />{' '}
                <span className="quiet">{because.join('; ')}</span>
              </li>
            ))}
          </ul>
        )}
      </Shown>
    </>
  );
}

function toReason(reason: string | undefined): { readonly reason?: string } {
  return reason === undefined ? {} : { reason };
}

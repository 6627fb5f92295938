import { call } from '../api/client';
import { useMay } from '../api/session';
import { Action } from '../parts/confirm';
import type { ShownRollout } from './shown';

const hour = 3600;

export function RolloutActions({
  rollout: { model, champion, challenger, status, step, steps, method },
  onDone,
}: {
  readonly rollout: ShownRollout;
  readonly onDone: () => Promise<void>;
}) {
  const mayOperate = useMay('operator');
  if (!mayOperate) return null;
  const send =
    (verb: 'hold' | 'resume' | 'skip' | 'abort') =>
    async ({
      reason,
      idempotencyKey,
    }: {
      readonly reason: string | undefined;
      readonly idempotencyKey: string;
    }): Promise<void> => {
      await call(`POST /models/{model}/rollout/${verb}`, {
        path: { model },
        body: reason === undefined ? {} : { reason },
        headers: { 'idempotency-key': idempotencyKey },
      });
      await onDone();
    };
  // The steps of a bandit are the limits of its share.
  const next = method === 'bandit' ? undefined : steps[step + 1];
  return (
    <div className="actions" role="group" aria-label="Actions">
      {status === 'held' ? (
        <Action
          label="Resume"
          kind="primary"
          title={`Resume the rollout of ${model}?`}
          effect={<p>It goes on in its step, and moves to the next one when its test passes.</p>}
          run={send('resume')}
        />
      ) : (
        <Action
          label="Hold"
          title={`Hold the rollout of ${model}?`}
          effect={
            <p>
              It stays in its step, and promotes nothing, until a resume. Detected harm still ends
              it at once.
            </p>
          }
          run={send('hold')}
        />
      )}
      {next === undefined ? null : (
        <Action
          label={`Skip to ${next} %`}
          title={`Skip to ${next} % of the entities?`}
          effect={
            <p>
              The challenger @{challenger} answers {next} % of the entities at once, although the
              present step has not ended. Its quality must still be shown before a promotion.
            </p>
          }
          run={send('skip')}
        />
      )}
      <Action
        label="Extend"
        title="Extend the rollout?"
        effect={
          <p>
            It may collect evidence for longer before it ends as inconclusive. If it was held
            because its time was over, it also continues.
          </p>
        }
        fields={
          <label className="field">
            <span>Hours of event time to add</span>
            <input name="hours" type="number" min={1} max={87_840} defaultValue={24} required />
          </label>
        }
        run={async ({ reason, form, idempotencyKey }) => {
          const hours = Number(form.get('hours'));
          await call('POST /models/{model}/rollout/extend', {
            path: { model },
            body: {
              seconds: Math.round(hours * hour),
              ...(reason === undefined ? {} : { reason }),
            },
            headers: { 'idempotency-key': idempotencyKey },
          });
          await onDone();
        }}
      />
      <Action
        label="Abort"
        kind="danger"
        title={`Abort the rollout of ${model}?`}
        effect={
          <p>
            All traffic goes to the champion @{champion} within a second. The version @{challenger}{' '}
            stays registered, and the run ends without a promotion.
          </p>
        }
        run={send('abort')}
      />
    </div>
  );
}

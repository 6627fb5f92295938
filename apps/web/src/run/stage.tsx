import { Link } from '@tanstack/react-router';
import type { LiveRun } from '../api/live-state';
import { Badge } from '../parts/badge';
import { ago, figure, interval, seconds } from '../parts/format';
import { Facts, Table } from '../parts/table';
import { VerdictView } from '../parts/verdict';
import { RerunAction } from './actions';
import type { ShownRun } from './shown';

/** What one stage did: its attempts with their reasons, its figures and its verdict. */
export function StageDetail({
  run,
  live,
  name,
}: {
  readonly run: ShownRun;
  readonly live: LiveRun;
  readonly name: string;
}) {
  const stage = run.stages.find((each) => each.name === name);
  if (stage === undefined) return null;
  const { status, reusedFrom, verdict, contracts, tuning, batch, failure } = stage;
  return (
    <section className="stage" aria-label={`Stage ${name}`}>
      <div className="title">
        <h2>
          {name} <Badge status={reusedFrom === null ? status : 'reused'} />
        </h2>
        <RerunAction run={run} stage={name} />
      </div>
      {reusedFrom === null ? (
        <p className="quiet">
          {status === 'running' ? 'Running' : `It took ${seconds(stage.seconds)}`}
          {live.progress.has(name) ? `, ${live.progress.get(name) ?? ''}` : ''}.
        </p>
      ) : (
        <p>
          Its inputs did not change, so the output of{' '}
          <Link to="/runs/$run" params={{ run: reusedFrom }}>
            <code>{reusedFrom}</code>
          </Link>{' '}
          is used.
        </p>
      )}
      <Attempts live={live} name={name} />
      {failure === null ? null : (
        <p className="banner bad">
          {failure.type}: {failure.message} {failure.next ? `Next: ${failure.next}` : ''}
        </p>
      )}
      {verdict === null ? null : <VerdictView verdict={verdict} />}
      {contracts === null ? null : (
        <Table
          caption="Contracts"
          head={['Source', 'Dataset', 'Rows', 'Accepted', 'Quarantined', 'Verdict']}
          rows={contracts.map((each) => ({
            key: each.source,
            cells: [
              each.source,
              <Link
                key="dataset"
                to="/data/$dataset"
                params={{ dataset: each.dataset.split('@')[0] ?? each.dataset }}
                search={{ from: undefined, to: undefined }}
              >
                {each.dataset}
              </Link>,
              figure(each.rows),
              figure(each.accepted),
              figure(each.quarantined),
              <Badge key="verdict" status={each.verdict} />,
            ],
          }))}
        />
      )}
      {tuning === null ? null : (
        <Facts
          of={[
            ['Chosen', tuning.chosen === 'tuned' ? 'the tuned model' : 'the default model'],
            [
              'Trials',
              `${tuning.trials.complete} complete, ${tuning.trials.pruned} pruned, ` +
                `${tuning.trials.failed} failed`,
            ],
            ...(tuning.best
              ? ([['Best', `trial ${tuning.best.number}: ${figure(tuning.best.value)}`]] as const)
              : []),
            ...(tuning.confirm
              ? ([
                  [
                    'Confirmed',
                    tuning.confirm.reason ??
                      `${tuning.confirm.metric} ${figure(tuning.confirm.difference)} ` +
                        `(${interval(tuning.confirm.interval.lower, tuning.confirm.interval.upper)}), ` +
                        'tuned minus default; positive is worse',
                  ],
                ] as const)
              : []),
          ]}
        />
      )}
      {batch === null ? null : (
        <Facts
          of={[
            ['Rows', figure(batch.rows)],
            ['Chunks', figure(batch.chunks)],
            ['Scored', figure(batch.scored)],
            ['Rejected', figure(batch.quarantined)],
          ]}
        />
      )}
    </section>
  );
}

function Attempts({ live, name }: { readonly live: LiveRun; readonly name: string }) {
  const failed = live.log.filter(
    ({ kind, stage }) =>
      stage === name && ['attempt.failed', 'job.restarted', 'job.failed'].includes(kind),
  );
  if (failed.length === 0) return null;
  return (
    <>
      <h3>Attempts before this one</h3>
      <ul>
        {failed.map(({ seq, kind, data, at }) => {
          const { message } = (data['failure'] ?? {}) as { readonly message?: string };
          const { attempt, reason } = data as {
            readonly attempt?: number;
            readonly reason?: string;
          };
          const what = attempt === undefined ? 'Job' : `Attempt ${attempt}`;
          return (
            <li key={seq}>
              {what}: {message ?? reason ?? kind} <span className="quiet">{ago(at)}</span>
            </li>
          );
        })}
      </ul>
    </>
  );
}

import { useQueries, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { ItemOf } from '../../../client/operation';
import { call } from '../api/client';
import { useMay } from '../api/session';
import { Badge } from '../parts/badge';
import { figure } from '../parts/format';
import { Empty, Failed, Loading } from '../parts/states';

type EvaluationArm = ItemOf<'GET /runs/{id}/evaluations'>;
type ShownCase = ItemOf<'GET /runs/{id}/evaluations/{digest}/cases'>;

/** Arms side by side in one table. More would not fit on a screen. */
const maxArms = 4;
const pageSize = 50;

export function useEvaluations(runId: string) {
  return useQuery({
    queryKey: ['evaluations', runId],
    queryFn: () => call('GET /runs/{id}/evaluations', { path: { id: runId } }),
  });
}

/** Cases by candidates of a language application, with the whole transcript of each answer. */
export function Answers({
  runId,
  arms,
}: {
  readonly runId: string;
  readonly arms: readonly EvaluationArm[];
}) {
  const mayRead = useMay('operator');
  const stages = [...new Set(arms.map(({ stage }) => stage))];
  const [stage, setStage] = useState(stages.at(-1) ?? '');
  const [onlyFailed, setOnlyFailed] = useState(false);
  if (!mayRead)
    return (
      <Empty>
        <p>The scope operator may read answers, because they may quote documents and callers.</p>
      </Empty>
    );
  const shown = arms.filter((arm) => arm.stage === stage).slice(0, maxArms);
  return (
    <>
      <div className="filters">
        <label className="field">
          <span>Stage</span>
          <select value={stage} onChange={(event) => setStage(event.target.value)}>
            {stages.map((each) => (
              <option key={each}>{each}</option>
            ))}
          </select>
        </label>
        <label className="check">
          <input
            type="checkbox"
            checked={onlyFailed}
            onChange={(event) => setOnlyFailed(event.target.checked)}
          />
          Only cases that failed or could not be measured
        </label>
      </div>
      <Matrix key={`${stage} ${onlyFailed}`} runId={runId} arms={shown} onlyFailed={onlyFailed} />
    </>
  );
}

function Matrix({
  runId,
  arms,
  onlyFailed,
}: {
  readonly runId: string;
  readonly arms: readonly EvaluationArm[];
  readonly onlyFailed: boolean;
}) {
  const { byArm, error, isPending } = useQueries({
    queries: arms.map(({ results: { digest } }) => ({
      queryKey: ['cases', runId, digest, onlyFailed],
      queryFn: () =>
        call('GET /runs/{id}/evaluations/{digest}/cases', {
          path: { id: runId, digest },
          query: { pageSize, failed: onlyFailed ? 'true' : 'false' },
        }),
    })),
    combine: (results) => ({
      byArm: results.map(({ data }) => new Map(data?.items.map((each) => [each.id, each]))),
      error: results.find((result) => result.error !== null)?.error ?? null,
      isPending: results.some((result) => result.isPending),
    }),
  });
  if (error) return <Failed error={error} />;
  if (isPending) return <Loading what="the answers" />;
  const ids = [...new Set(byArm.flatMap((cases) => [...cases.keys()]))];
  if (ids.length === 0)
    return (
      <Empty>
        <p>{onlyFailed ? 'No case failed.' : 'No answer is stored.'}</p>
      </Empty>
    );
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label="Cases by candidates">
      <table>
        <thead>
          <tr>
            <th scope="col">Case</th>
            {arms.map(({ name, results }) => (
              <th key={results.digest} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {ids.map((id) => (
            <tr key={id}>
              <td>
                <bdi>{id}</bdi>
                <Question of={byArm.map((cases) => cases.get(id)).find(Boolean)} />
              </td>
              {byArm.map((cases, index) => (
                <td key={arms[index]?.results.digest}>
                  <Cell of={cases.get(id)} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {ids.length >= pageSize ? (
        <p className="quiet">The first {pageSize} cases. perennial run cases prints all of them.</p>
      ) : null}
    </div>
  );
}

function Question({ of }: { readonly of: ShownCase | undefined }) {
  if (of?.input === undefined) return null;
  return (
    <details>
      <summary>Question</summary>
      {Object.entries(of.input).map(([name, value]) => (
        <p key={name}>
          <b>{name}:</b> <bdi>{typeof value === 'string' ? value : JSON.stringify(value)}</bdi>
        </p>
      ))}
      {of.expected === undefined ? null : (
        <p>
          <b>expected:</b> <bdi>{JSON.stringify(of.expected)}</bdi>
        </p>
      )}
    </details>
  );
}

function Cell({ of }: { readonly of: ShownCase | undefined }) {
  if (of === undefined) return <span className="quiet">—</span>;
  const { answer, unanswered, because, scores, retrieved, latencyMs, costUsd } = of;
  return (
    <>
      {unanswered === null ? null : <Badge status="failed" />}
      {Object.entries(scores).map(([dimension, score]) => (
        <span
          key={dimension}
          className={`badge ${score.kind === 'scored' ? (score.value >= 1 ? 'good' : score.value > 0 ? 'warn' : 'bad') : 'calm'}`}
          title={score.kind === 'scored' ? score.detail : 'reason' in score ? score.reason : ''}
        >
          {dimension} {score.kind === 'scored' ? figure(score.value) : 'not measured'}
        </span>
      ))}
      <details>
        <summary>Transcript</summary>
        <p>
          <bdi>{answer ?? `${unanswered ?? 'no answer'}: ${because ?? ''}`}</bdi>
        </p>
        {retrieved.length === 0 ? null : (
          <p className="quiet">
            Passages of {retrieved.map(({ documentId }) => documentId).join(', ')}
          </p>
        )}
        <p className="quiet">
          {latencyMs === null ? '' : `${figure(latencyMs)} ms`}{' '}
          {costUsd === null ? '' : `${figure(costUsd)} US dollars`}
        </p>
      </details>
    </>
  );
}

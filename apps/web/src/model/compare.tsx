import { useQuery } from '@tanstack/react-query';
import { Link, useParams, useSearch } from '@tanstack/react-router';
import type { AnswerOf } from '../../../client/operation';
import { call } from '../api/client';
import { IntervalBars } from '../charts/interval-bars';
import { Badge } from '../parts/badge';
import { figure, interval, seconds } from '../parts/format';
import { PageHead } from '../parts/page-head';
import { Empty, Shown } from '../parts/states';
import { Table } from '../parts/table';
import { Fits, Slices } from './fit';
import { TrainingData } from './training-data';

export function ComparePage() {
  const { model } = useParams({ from: '/models/$model/compare' });
  const { versions } = useSearch({ from: '/models/$model/compare' });
  const isEnough = /^\d+(,\d+)+$/.test(versions);
  const query = useQuery({
    queryKey: ['compare', model, versions],
    queryFn: () => call('GET /models/{model}/compare', { path: { model }, query: { versions } }),
    enabled: isEnough,
  });
  return (
    <>
      <PageHead
        title={`Versions of ${model}`}
        crumbs={
          <Link to="/models/$model" params={{ model }}>
            {model}
          </Link>
        }
      >
        Versions side by side
      </PageHead>
      {isEnough ? (
        <Shown query={query} what="the versions">
          {(data) => <Compared of={data} />}
        </Shown>
      ) : (
        <Empty>
          <p>Select two to ten versions on the page of the model.</p>
        </Empty>
      )}
    </>
  );
}

interface ShownSummary {
  readonly value: number | null;
  readonly lower: number | null;
  readonly upper: number | null;
}

function Compared({
  of: {
    versions,
    evaluations,
    trainedOn,
    runs: { runs, differingParams },
  },
}: {
  readonly of: AnswerOf<'GET /models/{model}/compare'>;
}) {
  const head = versions.map(({ model, version }) => (
    <Link
      key={version}
      to="/models/$model/versions/$version"
      params={{ model, version: String(version) }}
    >
      @{version}
    </Link>
  ));
  const names = [...new Set(runs.flatMap(({ metrics }) => Object.keys(metrics)))];
  const findSummary = (run: (typeof runs)[number], name: string): ShownSummary | null => {
    const given = run.metrics[name] as Partial<ShownSummary> | null | undefined;
    return given && typeof given === 'object' && 'value' in given
      ? { value: given.value ?? null, lower: given.lower ?? null, upper: given.upper ?? null }
      : null;
  };
  const named = versions.map(({ version }, index) => ({
    name: `@${version}`,
    evaluation: evaluations[index] ?? null,
  }));
  const [older, newer] = [0, versions.length - 1].sort(
    (a, b) => (versions[a]?.version ?? 0) - (versions[b]?.version ?? 0),
  );
  const stages = [...new Set(runs.flatMap((run) => Object.keys(run.seconds)))];
  return (
    <>
      <h2>Verdict</h2>
      <Table
        caption="Verdicts"
        head={['', ...head]}
        rows={[
          {
            key: 'verdict',
            cells: [
              'Verdict',
              ...versions.map(({ version, verdict }) =>
                verdict ? (
                  <span
                    key={version}
                    title={verdict.reasons.map(({ message }) => message).join('\n')}
                  >
                    <Badge status={verdict.kind} />
                  </span>
                ) : (
                  '—'
                ),
              ),
            ],
          },
          {
            key: 'status',
            cells: [
              'Status',
              ...versions.map(({ version, status }) => <Badge key={version} status={status} />),
            ],
          },
        ]}
      />
      <h2>Quality on the holdout, with 95 % intervals</h2>
      {names.length === 0 ? (
        <Empty>
          <p>No evaluation of these versions is stored.</p>
        </Empty>
      ) : (
        names.map((name) => (
          <IntervalBars
            key={name}
            label={name}
            rows={versions.map(({ version }, index) => {
              const run = runs[index];
              const found = run ? findSummary(run, name) : null;
              return {
                name: `@${version}`,
                estimate: found?.value ?? null,
                lower: found?.lower ?? null,
                upper: found?.upper ?? null,
                text: found
                  ? `${figure(found.value)} (${interval(found.lower, found.upper) || 'no interval'})`
                  : 'not measured',
              };
            })}
          />
        ))
      )}
      <h2>Scores and labels</h2>
      <Fits of={named} />
      <h2>Slices</h2>
      <Slices of={named} />
      <h2>Training data</h2>
      <TrainingData before={trainedOn[older ?? 0] ?? []} after={trainedOn[newer ?? 0] ?? []} />
      <h2>Parameters that differ</h2>
      {Object.keys(differingParams).length === 0 ? (
        <p className="quiet">All parameters are the same.</p>
      ) : (
        <Table
          caption="Parameters that differ"
          head={['', ...head]}
          rows={Object.entries(differingParams).map(([name, values]) => ({
            key: name,
            cells: [
              <code key="name">{name}</code>,
              ...values.map((value, index) => (
                <code key={index}>{value === null ? 'default' : JSON.stringify(value)}</code>
              )),
            ],
          }))}
        />
      )}
      <h2>Time of each stage</h2>
      <Table
        caption="Time of each stage"
        head={['', ...head]}
        rows={stages.map((stage) => ({
          key: stage,
          cells: [stage, ...runs.map((run) => seconds(run.seconds[stage]))],
        }))}
      />
    </>
  );
}

import { useQueries } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { AnswerOf } from '../../../client/operation';
import { call } from '../api/client';
import { Distributions } from '../data/distributions';
import { Failed, Loading } from '../parts/states';

type TrainedOn = AnswerOf<'GET /models/{model}/compare'>['trainedOn'][number];

/** How the datasets that two versions were trained on differ. */
export function TrainingData({
  before,
  after,
}: {
  readonly before: TrainedOn;
  readonly after: TrainedOn;
}) {
  const shared = after.flatMap((to) => {
    const from = before.find(({ dataset }) => dataset === to.dataset);
    return from === undefined ? [] : [{ from, to }];
  });
  if (shared.length === 0)
    return <p className="quiet">Their lineage names no dataset that both were trained on.</p>;
  return (
    <>
      {shared.map(({ from, to }) => (
        <Difference key={to.dataset} before={from} after={to} />
      ))}
    </>
  );
}

function Difference({
  before,
  after,
}: {
  readonly before: TrainedOn[number];
  readonly after: TrainedOn[number];
}) {
  const { data, error, isPending } = useQueries({
    queries: [before, after].map((of) => ({
      queryKey: ['datasetVersion', of.dataset, of.version],
      queryFn: () =>
        call('GET /datasets/{dataset}/versions/{version}', {
          path: { dataset: of.dataset, version: of.version },
        }),
    })),
    combine: (results) => ({
      data: results.map((result) => result.data),
      error: results.find((result) => result.error !== null)?.error ?? null,
      isPending: results.some((result) => result.isPending),
    }),
  });
  const names = (
    <p>
      <Link
        to="/data/$dataset"
        params={{ dataset: after.dataset }}
        search={{ from: String(before.version), to: String(after.version) }}
      >
        {before.dataset}@{before.version}, then @{after.version}
      </Link>
    </p>
  );
  if (before.version === after.version)
    return (
      <>
        {names}
        <p className="quiet">Both were trained on the same rows.</p>
      </>
    );
  if (error) return <Failed error={error} />;
  if (isPending) return <Loading what="the training data" />;
  return (
    <>
      {names}
      <Distributions from={data[0]} to={data[1]} />
    </>
  );
}

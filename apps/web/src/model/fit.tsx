import type { AnswerOf } from '../../../client/operation';
import { ConfusionMatrix } from '../charts/confusion';
import { Histogram } from '../charts/histogram';
import { Reliability } from '../charts/reliability';
import { figure, interval } from '../parts/format';
import { Empty } from '../parts/states';
import { Table } from '../parts/table';

type ShownEvaluation = NonNullable<AnswerOf<'GET /models/{model}/compare'>['evaluations'][number]>;
type ShownFit = NonNullable<ShownEvaluation['fit']>;

export interface NamedEvaluation {
  readonly name: string;
  readonly evaluation: ShownEvaluation | null;
}

/** How the scores of each version fit the labels of its holdout. */
export function Fits({ of }: { readonly of: readonly NamedEvaluation[] }) {
  const fits = of.flatMap(({ name, evaluation }) =>
    evaluation?.fit ? [{ name, fit: evaluation.fit }] : [],
  );
  if (fits.length === 0)
    return (
      <Empty>
        <p>These evaluations contain no calibration or residual data.</p>
      </Empty>
    );
  const classified = fits.flatMap(({ name, fit }) =>
    fit.kind === 'regression' ? [] : [{ name, ...fit }],
  );
  const regressed = fits.flatMap(({ name, fit }) =>
    fit.kind === 'regression' ? [{ name, ...fit }] : [],
  );
  return (
    <>
      {classified.length === 0 ? null : (
        <Reliability
          label={
            classified[0]?.kind === 'multiclass'
              ? 'Share of right predictions by the probability of the predicted class'
              : 'Share of rows with label 1 by score'
          }
          curves={classified.map(({ name, calibration }) => ({ name, bins: calibration }))}
        />
      )}
      <div className="matrices">
        {classified.map(({ name, confusion }) => (
          <ConfusionMatrix key={name} name={name} {...confusion} />
        ))}
      </div>
      <Residuals of={regressed} />
    </>
  );
}

type RegressionFit = Extract<ShownFit, { readonly kind: 'regression' }>;

function Residuals({
  of,
}: {
  readonly of: readonly (RegressionFit & { readonly name: string })[];
}) {
  if (of.length === 0) return null;
  const edges = of.flatMap(({ residuals }) => residuals.edges);
  const [low, high] = [Math.min(...edges), Math.max(...edges)];
  return (
    <>
      <div className="matrices">
        {of.map(({ name, residuals }) => (
          <Histogram
            key={name}
            label={`${name}: prediction minus label`}
            of={residuals}
            low={low}
            high={high}
          />
        ))}
      </div>
      <Table
        caption="Rows with neighbouring predictions"
        head={['Version', 'Rows', 'Mean prediction', 'Mean label', 'Difference']}
        rows={of.flatMap(({ name, byPrediction }) =>
          byPrediction.map(({ rows, prediction, label }, index) => ({
            key: `${name} ${index}`,
            cells: [
              name,
              figure(rows),
              figure(prediction),
              figure(label),
              figure(prediction - label),
            ],
          })),
        )}
      />
    </>
  );
}

/** Comparison of each version with its counterpart, by slice. */
export function Slices({ of }: { readonly of: readonly NamedEvaluation[] }) {
  const rows = of.flatMap(({ name, evaluation }) =>
    (evaluation?.slices ?? []).map((slice) => ({ name, evaluation, slice })),
  );
  if (rows.length === 0)
    return (
      <p className="quiet">
        No slices. Add <code>slices</code> under <code>evaluate</code>.
      </p>
    );
  return (
    <Table
      caption="Slices"
      head={['Version', 'Slice', 'Rows', 'Increase (95 %), positive is worse', 'Compared with']}
      rows={rows.map(({ name, evaluation, slice }) => ({
        key: `${name} ${slice.column} ${slice.value ?? ''}`,
        cells: [
          name,
          <bdi key="slice">
            {slice.column} = {slice.value ?? `${slice.groups} small groups`}
          </bdi>,
          figure(slice.rows),
          <span key="increase">
            {evaluation?.sliceMetric} {figure(slice.increase)}{' '}
            <span className="quiet">{interval(slice.lower, slice.upper)}</span>
          </span>,
          evaluation?.against ?? '—',
        ],
      }))}
    />
  );
}

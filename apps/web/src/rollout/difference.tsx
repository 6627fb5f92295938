import { IntervalBars, type IntervalRow } from '../charts/interval-bars';
import { LineChart } from '../charts/line-chart';
import { figure } from '../parts/format';
import { Empty } from '../parts/states';
import { boundsText } from './bounds-text';
import type { ShownRollout } from './shown';

/** The difference in quality to the champion: its curve, then its bounds. */
export function Difference({ rollout }: { readonly rollout: ShownRollout }) {
  const { quality, arms } = rollout;
  return (
    <>
      <h2>Difference in {quality.metric}</h2>
      <Curve rollout={rollout} />
      <IntervalBars
        label={
          'Challenger minus champion; positive is worse' +
          (arms === null
            ? ` (${quality.n.toLocaleString('en')} ${
                quality.comparison === 'pairs' ? 'pairs' : 'labels of the smaller arm'
              })`
            : '')
        }
        rows={intervalRows(rollout)}
        limits={[
          {
            at: quality.limit,
            name:
              quality.rule === 'nonInferiority'
                ? 'the margin, the largest difference that counts as no worse'
                : 'the limit of superiority',
          },
        ]}
      />
    </>
  );
}

function intervalRows({ arms, challenger, quality, shadow }: ShownRollout): readonly IntervalRow[] {
  const all =
    arms === null
      ? [{ name: 'All', ...quality, text: boundsText(quality) }]
      : arms
          .filter(({ role }) => role === 'challenger')
          .map((arm) => ({
            name: `@${arm.version}`,
            ...arm,
            text: `${boundsText(arm)}, ${figure(arm.n)} labels of the smaller arm`,
          }));
  return [
    ...all,
    ...(quality.days
      ? [
          {
            name: arms === null ? 'By day' : `@${challenger} by day`,
            ...quality.days,
            text: `${boundsText(quality.days)}, ${quality.days.n} days`,
          },
        ]
      : []),
    ...(shadow
      ? [
          {
            name: 'Shadow',
            ...shadow,
            text: `${boundsText(shadow)}, ${shadow.n} pairs, which do not count`,
          },
        ]
      : []),
  ];
}

/** The confidence sequence: at every point all readings so far hold together. */
function Curve({
  rollout: { history, quality, arms, challenger },
}: {
  readonly rollout: ShownRollout;
}) {
  if (history.length < 2)
    return (
      <Empty>
        <p>No due label has arrived yet. The curve begins with the first ones.</p>
      </Empty>
    );
  const of = arms === null ? '' : ` of @${challenger}`;
  return (
    <LineChart
      label={`Difference${of} with its confidence sequence, by labelled requests; positive is worse`}
      x={history.map(({ n }) => n)}
      between={[2, 3]}
      lines={[
        { label: 'difference', color: 1, values: history.map(({ estimate }) => estimate) },
        { label: 'upper bound', color: 1, faint: true, values: history.map(({ upper }) => upper) },
        { label: 'lower bound', color: 1, faint: true, values: history.map(({ lower }) => lower) },
        {
          label: quality.rule === 'nonInferiority' ? 'margin' : 'limit',
          color: 5,
          dashed: true,
          values: history.map(() => quality.limit),
        },
      ]}
    />
  );
}

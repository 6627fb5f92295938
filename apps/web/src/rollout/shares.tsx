import { dateTime, figure, percent } from '../parts/format';
import { Table } from '../parts/table';
import type { ShownRollout } from './shown';

/** The moves of a bandit's share, the newest first. Nothing for other methods. */
export function Shares({
  rollout: { shares, quality },
}: {
  readonly rollout: Pick<ShownRollout, 'shares' | 'quality'>;
}) {
  if (shares === null) return null;
  return (
    <>
      <h2>Shares</h2>
      <p>
        Moves of the challenger&rsquo;s share of entities so far: {figure(shares.moves)}.{' '}
        {percent(shares.changedEntities)} of the entities changed version.
      </p>
      {shares.items.length === 0 ? null : (
        <Table
          caption="Moves of the challenger's share"
          head={[
            'Moved at',
            'From',
            'To',
            'Probability better',
            'Days',
            `Difference in ${quality.metric}`,
          ]}
          rows={[...shares.items].reverse().map(({ at, from, to, ...belief }) => ({
            key: at,
            cells: [
              dateTime(at),
              percent(from),
              percent(to),
              percent(belief.probability),
              figure(belief.days),
              figure(belief.difference),
            ],
          }))}
        />
      )}
    </>
  );
}

import { useQuery } from '@tanstack/react-query';
import { isOpenRollout } from '../../../../domain/rollout/rollout';
import { call } from '../api/client';
import { LineChart } from '../charts/line-chart';
import { Shown } from '../parts/states';
import type { ShownRollout } from './shown';

/** Requests over the event time of a rollout, by the arm that they were assigned to. */
export function TrafficHistory({
  rollout: { model, id, status },
}: {
  readonly rollout: ShownRollout;
}) {
  const query = useQuery({
    queryKey: ['rollout', model, 'traffic', id],
    queryFn: () => call('GET /models/{model}/rollouts/{id}/traffic', { path: { model, id } }),
    refetchInterval: isOpenRollout(status) ? 5_000 : false,
  });
  return (
    <Shown query={query} what="the traffic">
      {({ items }) =>
        items.length < 2 ? null : (
          <LineChart
            label="Requests over event time, by assigned arm"
            isTime
            x={items.map(({ from }) => Date.parse(from) / 1000)}
            lines={[
              { label: 'champion', color: 1, values: items.map(({ champion }) => champion) },
              { label: 'challenger', color: 2, values: items.map(({ challenger }) => challenger) },
              {
                label: 'errors of the challenger',
                color: 5,
                dashed: true,
                values: items.map(({ challengerErrors }) => challengerErrors),
              },
            ]}
          />
        )
      }
    </Shown>
  );
}

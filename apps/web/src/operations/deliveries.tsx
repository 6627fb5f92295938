import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { call } from '../api/client';
import { useMay } from '../api/session';
import { Badge } from '../parts/badge';
import { Action } from '../parts/confirm';
import { ago, dateTime } from '../parts/format';
import { Empty, Shown } from '../parts/states';
import { Table } from '../parts/table';

export function Deliveries() {
  const lifecycles = useQuery({
    queryKey: ['lifecycles'],
    queryFn: () => call('GET /lifecycles', { query: { pageSize: 100 } }),
  });
  const [picked, pick] = useState<string | null>(null);
  return (
    <Shown query={lifecycles} what="the lifecycles">
      {({ items }) => {
        const name = picked ?? items[0]?.name;
        if (name === undefined)
          return (
            <Empty>
              <p>No lifecycle is applied yet.</p>
            </Empty>
          );
        return (
          <>
            <label className="field narrow">
              <span>Lifecycle</span>
              <select value={name} onChange={(event) => pick(event.target.value)}>
                {items.map((each) => (
                  <option key={each.name}>{each.name}</option>
                ))}
              </select>
            </label>
            <Sent name={name} />
          </>
        );
      }}
    </Shown>
  );
}

function Sent({ name }: { readonly name: string }) {
  const client = useQueryClient();
  const mayOperate = useMay('operator');
  const query = useQuery({
    queryKey: ['deliveries', name],
    queryFn: () =>
      call('GET /lifecycles/{name}/deliveries', { path: { name }, query: { pageSize: 50 } }),
    refetchInterval: 10_000,
  });
  return (
    <Shown query={query} what="the deliveries">
      {({ items }) =>
        items.length === 0 ? (
          <Empty>
            <p>
              {name} has sent nothing. A section <code>notify</code> of its lifecycle names targets.
            </p>
          </Empty>
        ) : (
          <Table
            caption="Deliveries, newest first"
            head={['Event', 'About', 'To', 'Status', 'Attempts', '']}
            rows={items.map((each) => ({
              key: `${each.id} ${each.target}`,
              cells: [
                <span key="event" title={dateTime(each.createdAt)}>
                  {each.event} <span className="quiet">{ago(each.createdAt)}</span>
                </span>,
                <code key="subject">{each.subject}</code>,
                <bdi key="url">{each.url}</bdi>,
                <Badge key="status" status={each.status} />,
                <span key="attempts">
                  {each.attempts.length}{' '}
                  <span className="quiet">
                    {each.attempts.at(-1)?.error ?? each.attempts.at(-1)?.status ?? ''}
                  </span>
                </span>,
                mayOperate ? (
                  <Action
                    key="again"
                    label="Send again"
                    title="Send this event again?"
                    effect={
                      <p>
                        The target gets the same event with the same id once more, now. A target
                        that keeps the ids of events ignores it.
                      </p>
                    }
                    reason="none"
                    run={async () => {
                      await call('POST /deliveries/{id}/redeliver', {
                        path: { id: each.id },
                        query: { target: each.target },
                      });
                      await client.invalidateQueries({ queryKey: ['deliveries', name] });
                    }}
                  />
                ) : null,
              ],
            }))}
          />
        )
      }
    </Shown>
  );
}

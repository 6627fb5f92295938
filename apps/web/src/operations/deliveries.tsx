import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useId, useState } from 'react';
import { call } from '../api/client';
import { useMay } from '../api/session';
import { Badge } from '../parts/badge';
import { Action } from '../parts/confirm';
import { ago, dateTime } from '../parts/format';
import { readText } from '../parts/form';
import { Paged, usePaged } from '../parts/paged';
import { Empty, Shown } from '../parts/states';
import { Table } from '../parts/table';

export function Deliveries() {
  const lifecycles = useQuery({
    queryKey: ['lifecycles'],
    queryFn: () => call('GET /lifecycles', { query: { pageSize: 200 } }),
  });
  const [picked, pick] = useState<string | null>(null);
  const names = useId();
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
            <form
              className="filters"
              onSubmit={(event) => {
                event.preventDefault();
                pick(readText(new FormData(event.currentTarget), 'lifecycle') || null);
              }}
            >
              <label className="field">
                <span>Lifecycle</span>
                <input name="lifecycle" list={names} defaultValue={name} />
              </label>
              <datalist id={names}>
                {items.map((each) => (
                  <option key={each.name} value={each.name} />
                ))}
              </datalist>
              <button type="submit">Show</button>
            </form>
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
  const query = usePaged({
    key: ['deliveries', name],
    read: (pageToken) =>
      call('GET /lifecycles/{name}/deliveries', {
        path: { name },
        query: { pageSize: 50, pageToken },
      }),
    everyMilliseconds: 10_000,
  });
  return (
    <Paged
      query={query}
      what="the deliveries"
      more="Show older deliveries"
      empty={
        <Empty>
          <p>
            {name} has sent nothing. A section <code>notify</code> of its lifecycle names targets.
          </p>
        </Empty>
      }
    >
      {(items) => (
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
                      The target gets the same event with the same id once more, now. A target that
                      keeps the ids of events ignores it.
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
      )}
    </Paged>
  );
}

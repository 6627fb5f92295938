import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { call } from '../api/client';
import { Badge } from '../parts/badge';
import { ago } from '../parts/format';
import { Empty, Shown } from '../parts/states';
import { Table } from '../parts/table';

export function LanguagePage() {
  const prompts = useQuery({
    queryKey: ['prompts'],
    queryFn: () => call('GET /prompts', { query: { pageSize: 100 } }),
  });
  const indexes = useQuery({
    queryKey: ['indexes'],
    queryFn: () => call('GET /indexes', { query: { pageSize: 100 } }),
  });
  return (
    <>
      <title>Language · Perennial</title>
      <h1>Language</h1>
      <h2>Prompts</h2>
      <Shown query={prompts} what="the prompts">
        {({ items }) =>
          items.length === 0 ? (
            <Empty>
              <p>
                No prompt is registered. A lifecycle of the kind LlmLifecycle registers its own.
              </p>
            </Empty>
          ) : (
            <Table
              caption="Prompts"
              head={['Prompt', 'Versions', 'Labels and branches', 'Since']}
              rows={items.map(({ name, versions, refs, createdAt }) => ({
                key: name,
                cells: [
                  <Link key="name" to="/language/prompts/$prompt" params={{ prompt: name }}>
                    {name}
                  </Link>,
                  versions,
                  <span key="refs">
                    {refs.slice(0, 8).map(({ ref, version }) => (
                      <Badge key={ref} status={`${ref} @${version}`} />
                    ))}
                  </span>,
                  ago(createdAt),
                ],
              }))}
            />
          )
        }
      </Shown>
      <h2>Indexes</h2>
      <Shown query={indexes} what="the indexes">
        {({ items }) =>
          items.length === 0 ? (
            <Empty>
              <p>No index is built.</p>
            </Empty>
          ) : (
            <Table
              caption="Indexes"
              head={['Index', 'Champion', 'Versions', 'Changes that wait', 'Since']}
              rows={items.map(({ name, champion, versions, changes, createdAt }) => ({
                key: name,
                cells: [
                  name,
                  champion === null ? '—' : `@${champion}`,
                  versions,
                  changes,
                  ago(createdAt),
                ],
              }))}
            />
          )
        }
      </Shown>
      <p className="quiet">
        The page of a run of a language application has its evaluation matrix with every transcript.
      </p>
    </>
  );
}

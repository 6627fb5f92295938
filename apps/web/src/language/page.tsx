import { Link } from '@tanstack/react-router';
import { call } from '../api/client';
import { Badge } from '../parts/badge';
import { ago } from '../parts/format';
import { PageHead } from '../parts/page-head';
import { Paged, usePaged } from '../parts/paged';
import { Empty } from '../parts/states';
import { Table } from '../parts/table';
import { SafetyVerdicts } from './safety';
import { Spend } from './spend';

export function LanguagePage() {
  const prompts = usePaged({
    key: ['prompts'],
    read: (pageToken) => call('GET /prompts', { query: { pageSize: 50, pageToken } }),
    everyMilliseconds: 30_000,
  });
  const indexes = usePaged({
    key: ['indexes'],
    read: (pageToken) => call('GET /indexes', { query: { pageSize: 50, pageToken } }),
    everyMilliseconds: 30_000,
  });
  return (
    <>
      <PageHead title="Language" />
      <h2>Prompts</h2>
      <Paged
        query={prompts}
        what="the prompts"
        more="Show more prompts"
        empty={
          <Empty>
            <p>No prompt is registered. A lifecycle of the kind LlmLifecycle registers its own.</p>
          </Empty>
        }
      >
        {(items) => (
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
        )}
      </Paged>
      <h2>Indexes</h2>
      <Paged
        query={indexes}
        what="the indexes"
        more="Show more indexes"
        empty={
          <Empty>
            <p>No index is built.</p>
          </Empty>
        }
      >
        {(items) => (
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
        )}
      </Paged>
      <h2>Safety verdicts</h2>
      <SafetyVerdicts />
      <h2>Spend by provider in 30 days</h2>
      <Spend by="provider" />
      <h2>Spend by run in 30 days</h2>
      <Spend by="scope" />
      <p className="quiet">
        The page of a run of a language application has its evaluation matrix with every transcript.
      </p>
    </>
  );
}

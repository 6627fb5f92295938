import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import type { AnswerOf } from '../../../client/operation';
import { call } from '../api/client';
import { dateTime, figure, shortDigest } from '../parts/format';
import { PageHead } from '../parts/page-head';
import { Sections } from '../parts/sections';
import { Empty, Shown } from '../parts/states';
import { Table } from '../parts/table';
import { ContractResults } from './contract-results';
import { Distributions } from './distributions';
import { Lineage } from './lineage';
import { Quarantines } from './quarantine';
import type { ShownDatasetVersion } from './shown';

export function DatasetPage() {
  const { dataset } = useParams({ from: '/data/$dataset' });
  const search = useSearch({ from: '/data/$dataset' });
  const query = useQuery({
    queryKey: ['dataset', dataset],
    queryFn: () =>
      call('GET /datasets/{dataset}/versions', { path: { dataset }, query: { pageSize: 50 } }),
    refetchInterval: 15_000,
  });
  return (
    <>
      <PageHead title={dataset} crumbs={<Link to="/data">Data</Link>} />
      <Shown query={query} what="the versions">
        {({ items: versions }) => {
          const newest = versions[0];
          if (newest === undefined)
            return (
              <Empty>
                <p>No version is stored.</p>
              </Empty>
            );
          const parseNumber = (text: string | undefined, usual: number): number => {
            const found = versions.find(({ version }) => String(version) === text);
            return found?.version ?? usual;
          };
          const to = parseNumber(search.to, newest.version);
          const from = parseNumber(search.from, versions[1]?.version ?? newest.version);
          return (
            <Sections
              of={[
                ['versions', 'Versions', () => <Versions of={versions} />],
                [
                  'compare',
                  'Two versions',
                  () => <TwoVersions dataset={dataset} versions={versions} from={from} to={to} />,
                ],
                [
                  'quarantine',
                  'Contract and quarantine',
                  () => (
                    <>
                      <h2>Results over time</h2>
                      <ContractResults dataset={dataset} />
                      <h2>Quarantine</h2>
                      <Quarantines dataset={dataset} />
                    </>
                  ),
                ],
                ['lineage', 'Lineage', () => <Lineage of={`dataset:${dataset}`} />],
              ]}
            />
          );
        }}
      </Shown>
    </>
  );
}

function Versions({ of }: { readonly of: readonly ShownDatasetVersion[] }) {
  return (
    <Table
      caption="Versions, newest first"
      head={['Version', 'Rows', 'Columns', 'Made', 'Manifest', 'Run']}
      rows={of.map(({ version, rows, columns, createdAt, manifest, runId }) => ({
        key: String(version),
        cells: [
          `@${version}`,
          figure(rows),
          columns.length,
          dateTime(createdAt),
          <code key="digest">{shortDigest(manifest.digest)}</code>,
          runId === null ? (
            '—'
          ) : (
            <Link key="run" to="/runs/$run" params={{ run: runId }}>
              run
            </Link>
          ),
        ],
      }))}
    />
  );
}

function TwoVersions({
  dataset,
  versions,
  from,
  to,
}: {
  readonly dataset: string;
  readonly versions: readonly ShownDatasetVersion[];
  readonly from: number;
  readonly to: number;
}) {
  const navigate = useNavigate();
  const diff = useQuery({
    queryKey: ['diff', dataset, from, to],
    queryFn: () =>
      call('GET /datasets/{dataset}/diff', {
        path: { dataset },
        query: { from, to },
      }),
  });
  const pick = (which: 'from' | 'to') => (
    <label className="field">
      <span>{which === 'from' ? 'Earlier' : 'Later'}</span>
      <select
        value={which === 'from' ? from : to}
        onChange={(event) =>
          void navigate({
            to: '/data/$dataset',
            params: { dataset },
            search: { from: String(from), to: String(to), [which]: event.target.value },
          })
        }
      >
        {versions.map(({ version }) => (
          <option key={version} value={version}>
            @{version}
          </option>
        ))}
      </select>
    </label>
  );
  const find = (number: number) => versions.find(({ version }) => version === number);
  return (
    <>
      <div className="filters">
        {pick('from')}
        {pick('to')}
      </div>
      <Shown query={diff} what="the differences">
        {(found) => <Schema of={found} />}
      </Shown>
      <Distributions from={find(from)} to={find(to)} />
    </>
  );
}

function Schema({ of }: { readonly of: AnswerOf<'GET /datasets/{dataset}/diff'> }) {
  const { same, rows, added, removed, retyped } = of;
  if (same) return <p>Both have the same content.</p>;
  return (
    <ul>
      <li>
        {figure(rows.from)} rows, then {figure(rows.to)}
      </li>
      {added.map(({ name, type }) => (
        <li key={`added ${name}`}>
          New column <code>{name}</code> ({type})
        </li>
      ))}
      {removed.map(({ name, type }) => (
        <li key={`removed ${name}`}>
          Column <code>{name}</code> ({type}) is gone
        </li>
      ))}
      {retyped.map(({ name, from, to }) => (
        <li key={`retyped ${name}`}>
          Column <code>{name}</code>: {from}, then {to}
        </li>
      ))}
      {added.length + removed.length + retyped.length === 0 ? <li>The same columns</li> : null}
    </ul>
  );
}

import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useParams } from '@tanstack/react-router';
import { useId } from 'react';
import type { ItemOf } from '../../../client/operation';
import { call } from '../api/client';
import { StartAction } from '../run/actions';
import { useMay } from '../api/session';
import { Badge } from '../parts/badge';
import { ago, dateTime, shortDigest } from '../parts/format';
import { PageHead } from '../parts/page-head';
import { Paged, usePaged, type PagedQuery } from '../parts/paged';
import { Empty, Shown } from '../parts/states';
import { Facts, Table } from '../parts/table';
import { PromoteAction, RollbackAction } from './actions';
import type { ShownModel } from './shown';

export function ModelPage() {
  const { model: name } = useParams({ from: '/models/$model' });
  const query = useQuery({
    queryKey: ['model', name],
    queryFn: () => call('GET /models/{model}', { path: { model: name } }),
    refetchInterval: 5_000,
  });
  // The lists are read at the same time as the model, and not after it.
  const moves = useMoves(name);
  const versions = useVersions(name);
  return (
    <>
      <PageHead title={name} crumbs={<Link to="/">Models</Link>} />
      <Shown query={query} what="the model">
        {(model) => <Model model={model} moves={moves} versions={versions} />}
      </Shown>
    </>
  );
}

const useMoves = (name: string): PagedQuery<ItemOf<'GET /models/{model}/history'>> =>
  usePaged({
    key: ['moves', name],
    read: (pageToken) =>
      call('GET /models/{model}/history', {
        path: { model: name },
        query: { pageSize: 20, pageToken },
      }),
    everyMilliseconds: 5_000,
  });

const useVersions = (name: string): PagedQuery<ItemOf<'GET /models/{model}/versions'>> =>
  usePaged({
    key: ['model', name, 'versions'],
    read: (pageToken) =>
      call('GET /models/{model}/versions', {
        path: { model: name },
        query: { pageSize: 20, pageToken },
      }),
    everyMilliseconds: 5_000,
  });

function Model({
  model,
  moves,
  versions,
}: {
  readonly model: ShownModel;
  readonly moves: ReturnType<typeof useMoves>;
  readonly versions: ReturnType<typeof useVersions>;
}) {
  const { name, aliases, inferUrl } = model;
  const { champion, challenger, previous } = aliases;
  const mayOperate = useMay('operator');
  return (
    <>
      <div className="actions" role="group" aria-label="Actions">
        <RollbackAction model={model} />
        {mayOperate ? <StartAction lifecycle={name} /> : null}
        <Link to="/models/$model/try" params={{ model: name }}>
          Try it
        </Link>
        <Link to="/models/$model/rollout" params={{ model: name }}>
          Rollout
        </Link>
        <Link to="/runs" search={{ lifecycle: name, status: undefined }}>
          Runs
        </Link>
      </div>
      <Facts
        of={[
          [
            'Champion',
            champion ? (
              <>
                <Link
                  to="/models/$model/versions/$version"
                  params={{ model: name, version: String(champion.version) }}
                >
                  @{champion.version}: why this version
                </Link>{' '}
                <span className="quiet">since {dateTime(champion.movedAt)}</span>
              </>
            ) : (
              'none: no version serves'
            ),
          ],
          [
            'Challenger',
            challenger ? (
              <Link to="/models/$model/rollout" params={{ model: name }}>
                @{challenger.version}
              </Link>
            ) : (
              'none'
            ),
          ],
          ['Previous champion', previous ? `@${previous.version}` : 'none'],
          ['Address', inferUrl === null ? '—' : <code>{inferUrl}</code>],
        ]}
      />
      <h2>Champions</h2>
      <Champions query={moves} />
      <h2>Versions</h2>
      <Versions model={model} query={versions} />
    </>
  );
}

function Champions({ query }: { readonly query: ReturnType<typeof useMoves> }) {
  return (
    <Paged
      query={query}
      what="the champions"
      more="Show earlier champions"
      empty={
        <Empty>
          <p>No version was ever the champion.</p>
        </Empty>
      }
    >
      {(moves) => (
        <ol className="timeline" reversed>
          {moves.map((move) => (
            <li key={move.id} className={move.kind === 'promote' ? '' : 'warn'}>
              <time dateTime={move.movedAt} title={dateTime(move.movedAt)}>
                {ago(move.movedAt)}
              </time>{' '}
              <b>{move.to === null ? 'no champion' : `@${move.to}`}</b>{' '}
              {move.kind === 'promote'
                ? 'promoted'
                : move.kind === 'rollback'
                  ? 'rolled back'
                  : 'withdrawn'}
              {move.from === null ? '' : ` instead of @${move.from}`} by <bdi>{move.actor}</bdi>:{' '}
              <bdi>{move.cause}</bdi>{' '}
              {move.runId === null ? null : (
                <Link to="/runs/$run" params={{ run: move.runId }}>
                  run
                </Link>
              )}
              {move.override === null ? null : (
                <span
                  className="badge warn"
                  title={move.override.unmet.map(({ detail }) => detail).join('; ')}
                >
                  override: {move.override.reason}
                </span>
              )}
            </li>
          ))}
        </ol>
      )}
    </Paged>
  );
}

function Versions({
  model: { name, aliases },
  query,
}: {
  readonly model: ShownModel;
  readonly query: ReturnType<typeof useVersions>;
}) {
  const navigate = useNavigate();
  const formatAliases = (version: number): string =>
    Object.entries(aliases)
      .filter(([, state]) => state?.version === version)
      .map(([alias]) => alias)
      .join(', ');
  const form = useId();
  return (
    <>
      <Paged
        query={query}
        what="the versions"
        more="Show older versions"
        empty={
          <Empty>
            <p>No version is registered.</p>
          </Empty>
        }
      >
        {(versions) => (
          <Table
            caption="Versions, newest first"
            head={['Compare', 'Version', 'Status', 'Alias', 'Digest', 'Made', 'Run', '']}
            rows={versions.map((version, index) => ({
              key: String(version.version),
              cells: [
                <input
                  key="pick"
                  type="checkbox"
                  form={form}
                  name="version"
                  value={version.version}
                  defaultChecked={index < 2}
                  aria-label={`Compare version ${version.version}`}
                />,
                <Link
                  key="version"
                  to="/models/$model/versions/$version"
                  params={{ model: name, version: String(version.version) }}
                >
                  @{version.version}
                </Link>,
                <Badge key="status" status={version.status} />,
                formatAliases(version.version),
                <code key="digest">{shortDigest(version.manifest.digest)}</code>,
                <span key="made" title={dateTime(version.createdAt)}>
                  {ago(version.createdAt)}
                </span>,
                <Link key="run" to="/runs/$run" params={{ run: version.runId }}>
                  run
                </Link>,
                <PromoteAction key="promote" model={name} version={version} aliases={aliases} />,
              ],
            }))}
          />
        )}
      </Paged>
      {(query.data?.pages[0]?.items.length ?? 0) > 1 ? (
        // Not around the table, whose dialogs have forms of their own.
        <form
          id={form}
          onSubmit={(event) => {
            event.preventDefault();
            const picked = new FormData(event.currentTarget).getAll('version').map(String);
            void navigate({
              to: '/models/$model/compare',
              params: { model: name },
              search: { versions: picked.slice(0, 10).join(',') },
            });
          }}
        >
          <button type="submit">Compare the selected versions</button>
        </form>
      ) : null}
    </>
  );
}

import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { AnswerOf } from '../../../client/operation';
import { call } from '../api/client';
import { Badge } from '../parts/badge';
import { bytes, dateTime, figure, seconds, shortDigest } from '../parts/format';
import { PageHead } from '../parts/page-head';
import { Shown } from '../parts/states';
import { Facts } from '../parts/table';
import { VerdictView } from '../parts/verdict';

type ShownExplanation = AnswerOf<'GET /models/{model}/explain'>;

/** Why a version serves: each link of the chain, from its data to its traffic. */
export function WhyPage() {
  const { model, version } = useParams({ from: '/models/$model/versions/$version' });
  const query = useQuery({
    queryKey: ['explain', model, version],
    queryFn: () =>
      call('GET /models/{model}/explain', {
        path: { model },
        query: { version: Number(version) },
      }),
    refetchInterval: 30_000,
  });
  return (
    <>
      <PageHead
        title={`${model}@${version}`}
        crumbs={
          <Link to="/models/$model" params={{ model }}>
            {model}
          </Link>
        }
      >
        <Question of={query.data} name={`${model}@${version}`} />
      </PageHead>
      <Shown query={query} what="the explanation">
        {(data) => <Chain of={data} />}
      </Shown>
    </>
  );
}

function Question({
  of,
  name,
}: {
  readonly of: ShownExplanation | undefined;
  readonly name: string;
}) {
  if (of === undefined) return <>Why {name}</>;
  return (
    <>
      Why {name} {of.serves ? 'serves' : 'does not serve'} <Badge status={of.record.status} />
    </>
  );
}

function Chain({ of }: { readonly of: ShownExplanation }) {
  const { model, record, run, stages, rollout, decisions, approvals, moves } = of;
  const nodes = new Map(
    of.lineage.map(({ from }) => [`${from.kind} ${from.name} ${from.version ?? ''}`, from]),
  );
  const data = ['source', 'dataset'].flatMap((kind) =>
    [...nodes].filter(([, node]) => node.kind === kind),
  );
  return (
    <ol className="chain">
      <ChainPart title="Data">
        {data.length === 0 ? (
          <p className="quiet">No lineage is recorded.</p>
        ) : (
          <ul>
            {data.map(([key, node]) => (
              <li key={key}>
                {node.kind}{' '}
                {node.kind === 'dataset' ? (
                  <Link
                    to="/data/$dataset"
                    params={{ dataset: node.name }}
                    search={{ from: undefined, to: undefined }}
                  >
                    {node.name}@{node.version}
                  </Link>
                ) : (
                  <bdi>{node.name}</bdi>
                )}
              </li>
            ))}
          </ul>
        )}
      </ChainPart>
      <ChainPart title="Run">
        {run === null ? (
          <p className="quiet">The run is no longer stored.</p>
        ) : (
          <>
            <p>
              <Link to="/runs/$run" params={{ run: run.id }}>
                <code>{run.id}</code>
              </Link>{' '}
              <Badge status={run.status} /> by <bdi>{run.actor}</bdi>, {dateTime(run.createdAt)}
            </p>
            <p>
              {stages.map(({ name, reusedFrom, seconds: took }, index) => (
                <span key={name}>
                  {index > 0 ? ' → ' : ''}
                  {name}{' '}
                  <span className="quiet">
                    {reusedFrom === null ? (
                      seconds(took)
                    ) : (
                      <Link to="/runs/$run" params={{ run: reusedFrom }}>
                        reused
                      </Link>
                    )}
                  </span>
                </span>
              ))}
            </p>
          </>
        )}
      </ChainPart>
      <ChainPart title="Version">
        <Facts
          of={[
            ['Manifest', <code key="digest">{record.manifest.digest}</code>],
            ['Size of the manifest', bytes(record.manifest.bytes)],
            ['Task', record.signature.task],
            ...(record.imported
              ? ([['Imported', `${record.imported.fileName} by ${record.imported.actor}`]] as const)
              : []),
            ...Object.entries(record.metrics)
              .slice(0, 12)
              .map(([name, value]) => [`${name}, by its trainer`, figure(value)] as const),
          ]}
        />
        {record.signature.task === 'chat' ? null : (
          <details>
            <summary>
              {record.signature.features.length} features from {record.signature.request.length}{' '}
              columns of a request
            </summary>
            <p>
              {record.signature.features.map(({ name, type }) => `${name}: ${type}`).join(', ')}
            </p>
          </details>
        )}
      </ChainPart>
      {decisions.map((decision) => (
        <ChainPart key={decision.id} title={`Decision of ${decision.stage}`}>
          <VerdictView verdict={decision.verdict} />
          <Document name="Policy" digest={decision.policy} body={decision.policyBody} />
          <Document name="Evidence" digest={decision.evidence} body={decision.evidenceBody} />
        </ChainPart>
      ))}
      {rollout === null ? null : (
        <ChainPart title="Rollout">
          <p>
            <Link to="/models/$model/rollout" params={{ model }}>
              Beside the champion @{rollout.champion}
            </Link>{' '}
            <Badge status={rollout.status} /> from {dateTime(rollout.startedAt)} to{' '}
            {dateTime(rollout.endedAt)}
          </p>
        </ChainPart>
      )}
      {approvals.length === 0 ? null : (
        <ChainPart title="Approvals">
          <ul>
            {approvals.map(({ id, vote, keyName, comment, createdAt }) => (
              <li key={id}>
                <bdi>{keyName}</bdi>: {vote} <span className="quiet">{dateTime(createdAt)}</span>{' '}
                <bdi>{comment}</bdi>
              </li>
            ))}
          </ul>
        </ChainPart>
      )}
      <ChainPart title="Moves of the champion">
        {moves.length === 0 ? (
          <p className="quiet">It was never the champion.</p>
        ) : (
          <ul>
            {moves.map((move) => (
              <li key={move.id}>
                {dateTime(move.movedAt)}: {move.kind} {move.from === null ? '' : `@${move.from} `}→{' '}
                {move.to === null ? 'none' : `@${move.to}`} by <bdi>{move.actor}</bdi>:{' '}
                <bdi>{move.cause}</bdi>
              </li>
            ))}
          </ul>
        )}
      </ChainPart>
      <ChainPart title="Digests, verified now">
        <ul>
          {of.digests.map(({ what, digest, outcome, detail }) => (
            <li key={`${what} ${digest}`}>
              <Badge status={outcome} /> {what} <code>{shortDigest(digest)}</code> {detail}
            </li>
          ))}
        </ul>
      </ChainPart>
    </ol>
  );
}

function ChainPart({ title, children }: { readonly title: string; readonly children: ReactNode }) {
  return (
    <li>
      <h2>{title}</h2>
      {children}
    </li>
  );
}

function Document({
  name,
  digest,
  body,
}: {
  readonly name: string;
  readonly digest: string;
  readonly body: unknown;
}) {
  return (
    <details>
      <summary>
        {name} <code>{shortDigest(digest)}</code>
      </summary>
      <pre tabIndex={0}>{JSON.stringify(body, null, 2)}</pre>
    </details>
  );
}

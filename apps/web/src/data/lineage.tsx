import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { AnswerOf } from '../../../client/operation';
import { call, RefusedCall } from '../api/client';
import { Empty, Shown } from '../parts/states';

type LineageNode = AnswerOf<'GET /lineage'>['of'];

/** Where a node comes from, and what was made from it, one column for each distance. */
export function Lineage({ of }: { readonly of: string }) {
  return (
    <div className="lineage">
      <Direction of={of} direction="upstream" title="Made from" />
      <Direction of={of} direction="downstream" title="Used by" />
    </div>
  );
}

function Direction({
  of,
  direction,
  title,
}: {
  readonly of: string;
  readonly direction: 'upstream' | 'downstream';
  readonly title: string;
}) {
  const query = useQuery({
    queryKey: ['lineage', of, direction],
    queryFn: () =>
      call('GET /lineage', { query: { of, direction, pageSize: 200 } }).catch((error: unknown) => {
        if (error instanceof RefusedCall && error.status === 404) return null;
        throw error;
      }),
  });
  return (
    <section>
      <h3>{title}</h3>
      <Shown query={query} what="the lineage">
        {(lineage) => {
          if (lineage === null || lineage.items.length === 0)
            return (
              <Empty>
                <p>Nothing is recorded in this direction.</p>
              </Empty>
            );
          const byDistance = new Map<number, LineageNode[]>();
          for (const { distance, from, to } of lineage.items) {
            const node = direction === 'upstream' ? from : to;
            const nodes = byDistance.get(distance) ?? [];
            if (!nodes.some((each) => formatName(each) === formatName(node)))
              byDistance.set(distance, [...nodes, node]);
          }
          return (
            <ol className="graph">
              {[...byDistance].map(([distance, nodes]) => (
                <li key={distance}>
                  <ul className="plain">
                    {nodes.map((node) => (
                      <li key={formatName(node)}>
                        <NodeLink node={node} />
                      </li>
                    ))}
                  </ul>
                </li>
              ))}
            </ol>
          );
        }}
      </Shown>
    </section>
  );
}

function formatName({ kind, name, version }: LineageNode): string {
  return `${kind} ${name}${version === undefined ? '' : `@${version}`}`;
}

function NodeLink({ node }: { readonly node: LineageNode }) {
  const { kind, name, version } = node;
  const label = <bdi>{formatName(node)}</bdi>;
  if (kind === 'run')
    return (
      <Link to="/runs/$run" params={{ run: name }}>
        {label}
      </Link>
    );
  if (kind === 'dataset')
    return (
      <Link
        to="/data/$dataset"
        params={{ dataset: name }}
        search={{ from: undefined, to: undefined }}
      >
        {label}
      </Link>
    );
  if (kind === 'model' && version !== undefined)
    return (
      <Link
        to="/models/$model/versions/$version"
        params={{ model: name, version: String(version) }}
      >
        {label}
      </Link>
    );
  if (kind === 'deployment')
    return (
      <Link to="/models/$model" params={{ model: name }}>
        {label}
      </Link>
    );
  return label;
}

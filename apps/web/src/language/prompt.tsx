import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { call } from '../api/client';
import { Badge } from '../parts/badge';
import { dateTime, shortDigest } from '../parts/format';
import { PageHead } from '../parts/page-head';
import { Shown } from '../parts/states';
import { Table } from '../parts/table';
import { Searches } from './searches';

export function PromptPage() {
  const { prompt } = useParams({ from: '/language/prompts/$prompt' });
  const query = useQuery({
    queryKey: ['prompt', prompt],
    queryFn: () => call('GET /prompts/{prompt}', { path: { prompt } }),
  });
  const [picked, pick] = useState<{ readonly from?: number; readonly to?: number }>({});
  return (
    <>
      <PageHead title={prompt} crumbs={<Link to="/language">Language</Link>} />
      <Shown query={query} what="the prompt">
        {({ refs, versions }) => {
          const to = picked.to ?? versions[0]?.version ?? 1;
          const from = picked.from ?? versions[1]?.version ?? to;
          return (
            <>
              <p>
                {refs.map(({ ref, version, kind }) => (
                  <Badge key={`${kind} ${ref}`} status={`${kind} ${ref} @${version}`} />
                ))}
              </p>
              <Table
                caption="Versions, newest first"
                head={['Version', 'Author', 'Why', 'Made', 'From', 'Digest']}
                rows={versions.map((version) => ({
                  key: String(version.version),
                  cells: [
                    `@${version.version}`,
                    <bdi key="author">{version.author}</bdi>,
                    <bdi key="why">{version.cause}</bdi>,
                    dateTime(version.createdAt),
                    version.parent === null ? '—' : `@${version.parent}`,
                    <code key="digest">{shortDigest(version.digest)}</code>,
                  ],
                }))}
              />
              <h2>Two versions</h2>
              <div className="filters">
                {(['from', 'to'] as const).map((which) => (
                  <label key={which} className="field">
                    <span>{which === 'from' ? 'Earlier' : 'Later'}</span>
                    <select
                      value={which === 'from' ? from : to}
                      onChange={(event) => pick({ ...picked, [which]: Number(event.target.value) })}
                    >
                      {versions.map(({ version }) => (
                        <option key={version} value={version}>
                          @{version}
                        </option>
                      ))}
                    </select>
                  </label>
                ))}
              </div>
              <Diff prompt={prompt} from={from} to={to} />
              <h2>Searches</h2>
              <Searches prompt={prompt} />
            </>
          );
        }}
      </Shown>
    </>
  );
}

function Diff({
  prompt,
  from,
  to,
}: {
  readonly prompt: string;
  readonly from: number;
  readonly to: number;
}) {
  const query = useQuery({
    queryKey: ['promptDiff', prompt, from, to],
    queryFn: () =>
      call('GET /prompts/{prompt}/diff', {
        path: { prompt },
        query: { from: String(from), to: String(to) },
      }),
  });
  return (
    <Shown query={query} what="the differences">
      {({ changes }) =>
        changes.length === 0 ? (
          <p className="quiet">Both have the same text.</p>
        ) : (
          <>
            {changes.map(({ place, lines }) => (
              <section key={place}>
                <h3>{place}</h3>
                <pre className="diff" tabIndex={0}>
                  {lines.map(({ sign, text }, index) => (
                    <span
                      key={index}
                      className={sign === '+' ? 'added' : sign === '-' ? 'removed' : ''}
                    >
                      {sign} {text}
                      {'\n'}
                    </span>
                  ))}
                </pre>
              </section>
            ))}
          </>
        )
      }
    </Shown>
  );
}

import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { AnswerOf } from '../../../client/operation';
import { call } from '../api/client';
import { Badge } from '../parts/badge';
import { ago, dateTime, figure, shortDigest } from '../parts/format';
import { Paged, usePaged } from '../parts/paged';
import { Empty, Shown } from '../parts/states';
import { Table } from '../parts/table';

/** Verdicts from worst to best, without passed ones. */
const verdicts = ['blocked', 'redacted', 'flagged'] as const;

/** Requests that did not pass their safety policy, by the most severe outcome, newest first. */
export function SafetyVerdicts() {
  const [verdict, setVerdict] = useState<(typeof verdicts)[number]>('blocked');
  const [picked, pick] = useState<string | null>(null);
  const query = usePaged({
    key: ['safety', verdict],
    read: (pageToken) => call('GET /predictions', { query: { verdict, pageSize: 20, pageToken } }),
    everyMilliseconds: 30_000,
  });
  return (
    <>
      <div className="filters">
        <label className="field">
          <span>Verdict</span>
          <select
            value={verdict}
            onChange={({ target: { value } }) => {
              setVerdict(verdicts.find((each) => each === value) ?? 'blocked');
              pick(null);
            }}
          >
            {verdicts.map((each) => (
              <option key={each}>{each}</option>
            ))}
          </select>
        </label>
      </div>
      <Paged
        query={query}
        what="the safety verdicts"
        more="Show older requests"
        empty={
          <Empty>
            <p>No stored request has the verdict {verdict}.</p>
          </Empty>
        }
      >
        {(requests) => (
          <>
            <Table
              caption="Safety verdicts, newest first"
              head={['Request', 'Received', 'Version', 'Verdict', 'Answer withheld']}
              rows={requests.map(({ id, receivedAt, model, version, answer, ...request }) => ({
                key: id,
                cells: [
                  <button
                    key="id"
                    type="button"
                    aria-pressed={id === picked}
                    onClick={() => pick(id === picked ? null : id)}
                  >
                    <code>{id}</code>
                  </button>,
                  <span key="at" title={dateTime(receivedAt)}>
                    {ago(receivedAt)}
                  </span>,
                  `${model}@${version}`,
                  <Badge key="verdict" status={request.verdict ?? verdict} />,
                  answer?.blocked == null ? 'no' : `for its ${answer.blocked}`,
                ],
              }))}
            />
            {picked === null ? null : <Findings id={picked} />}
          </>
        )}
      </Paged>
    </>
  );
}

type ShownSafety = NonNullable<AnswerOf<'GET /predictions/{id}'>['safety']>;

const sides = [
  ['input', 'Messages of the caller'],
  ['retrieved', 'Passages'],
  ['output', 'Answer'],
] as const satisfies readonly (readonly [keyof ShownSafety, string])[];

/** What the detectors found on each side of one request. */
function Findings({ id }: { readonly id: string }) {
  const query = useQuery({
    queryKey: ['prediction', id],
    queryFn: () => call('GET /predictions/{id}', { path: { id } }),
  });
  return (
    <Shown query={query} what="the findings">
      {({ safety }) =>
        safety === null ? (
          <Empty>
            <p>No policy was applied to this request.</p>
          </Empty>
        ) : (
          <>
            <Table
              caption={`Findings of ${id}`}
              head={['Text', 'Outcome', 'Findings']}
              rows={sides.map(([side, name]) => ({
                key: side,
                cells: [
                  name,
                  <Badge key="outcome" status={safety[side]?.outcome ?? 'no text'} />,
                  <FindingList key="findings" of={safety[side]?.findings ?? []} />,
                ],
              }))}
            />
            <p className="quiet">
              Policy <code>{shortDigest(safety.policy)}</code>. The texts are not shown here.
            </p>
          </>
        )
      }
    </Shown>
  );
}

function FindingList({ of }: { readonly of: ShownSafety['input']['findings'] }) {
  if (of.length === 0) return <>none</>;
  return (
    <ul className="plain">
      {of.map(({ detector, action, found, failure }) => (
        <li key={detector}>
          {detector}, {action}:{' '}
          {failure ??
            Object.entries(found)
              .map(([kind, count]) => `${kind} ${figure(count)}`)
              .join(', ')}
        </li>
      ))}
    </ul>
  );
}

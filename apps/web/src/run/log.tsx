import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { callText, RefusedCall } from '../api/client';
import { Shown } from '../parts/states';

/** The output of the jobs. The page reads it again after each event of the run. */
export function RunLog({ runId }: { readonly runId: string }) {
  const [follows, setFollows] = useState(true);
  const [wanted, setWanted] = useState('');
  const text = useQuery({
    queryKey: ['logs', runId],
    queryFn: () =>
      callText('GET /runs/{id}/logs', { path: { id: runId } }).catch((error: unknown) => {
        if (error instanceof RefusedCall && error.status === 404) return '';
        throw error;
      }),
  });
  return (
    <>
      <div className="filters">
        <label className="field">
          <span>Lines that contain</span>
          <input value={wanted} onChange={(event) => setWanted(event.target.value)} />
        </label>
        <label className="check">
          <input
            type="checkbox"
            checked={follows}
            onChange={(event) => setFollows(event.target.checked)}
          />
          Follow the end
        </label>
      </div>
      <Shown query={text} what="the log">
        {(log) =>
          log === '' ? (
            <p className="quiet">No job has ended yet. The output of a job appears at its end.</p>
          ) : (
            <LogText text={log} wanted={wanted} follows={follows} />
          )
        }
      </Shown>
    </>
  );
}

/** More would make the page slow. The command line prints all. */
const mostCharacters = 400_000;

function LogText({
  text,
  wanted,
  follows,
}: {
  readonly text: string;
  readonly wanted: string;
  readonly follows: boolean;
}) {
  const end = useRef<HTMLPreElement>(null);
  const lines =
    wanted === ''
      ? text
      : text
          .split('\n')
          .filter((line) => line.toLowerCase().includes(wanted.toLowerCase()))
          .join('\n');
  const shown = lines.slice(-mostCharacters);
  useEffect(() => {
    if (follows && end.current) end.current.scrollTop = end.current.scrollHeight;
  }, [follows, shown]);
  return (
    <>
      {shown.length < lines.length ? (
        <p className="quiet">The beginning is left out; perennial run logs prints all.</p>
      ) : null}
      <pre ref={end} className="log" tabIndex={0} aria-label="Output of the jobs">
        {shown}
      </pre>
    </>
  );
}

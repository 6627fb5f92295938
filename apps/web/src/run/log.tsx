import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { callLog, RefusedCall, type ReadLog } from '../api/client';
import type { LiveRun } from '../api/live-state';
import { Shown } from '../parts/states';

/**
 * The output of the jobs. That of ended jobs is stored; after each event of the run, the page asks
 * only for what was added. That of running jobs arrives with the events.
 */
export function RunLog({ runId, live }: { readonly runId: string; readonly live: LiveRun }) {
  const [follows, setFollows] = useState(true);
  const [wanted, setWanted] = useState('');
  const client = useQueryClient();
  const queryKey = ['logs', runId];
  const log = useQuery({
    queryKey,
    queryFn: async (): Promise<ReadLog> => {
      const before = client.getQueryData<ReadLog>(queryKey) ?? none;
      try {
        return await callLog(runId, before);
      } catch (error) {
        if (error instanceof RefusedCall && error.status === 404) return none;
        throw error;
      }
    },
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
      <Shown query={log} what="the log">
        {({ text }) => {
          const running = [...live.output].map(
            ([job, { text: output }]) => `${job} runs:\n${output}`,
          );
          const all = [text, ...running].filter((part) => part !== '').join('\n');
          return all === '' ? (
            <p className="quiet">No job has written anything yet.</p>
          ) : (
            <LogText text={all} wanted={wanted} follows={follows} />
          );
        }}
      </Shown>
    </>
  );
}

const none: ReadLog = { text: '', cursor: null };

/** More would make the page slow. The command line prints all. */
const maxCharacters = 400_000;

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
  const shown = lines.slice(-maxCharacters);
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

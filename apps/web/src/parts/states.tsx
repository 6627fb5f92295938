/** What a page shows while it loads, when it is empty, when the API refuses and when it fails. */
import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { RefusedCall } from '../api/client';
import { useSession } from '../api/session';

export function Loading({ what }: { readonly what: string }) {
  return (
    <p className="state" role="status">
      Loading {what} …
    </p>
  );
}

export function Empty({ children }: { readonly children: ReactNode }) {
  return <div className="state empty">{children}</div>;
}

export function Failed({
  error,
  onRetry,
}: {
  readonly error: Error;
  readonly onRetry?: () => void;
}) {
  const refused = error instanceof RefusedCall ? error : null;
  if (refused?.code === 'Forbidden') return <Forbidden refused={refused} />;
  return (
    <div className="state failed" role="alert">
      <p>{error.message}</p>
      {refused?.places.map((place) => (
        <p key={place}>{place}</p>
      ))}
      {refused?.next ? <p className="next">Next: {refused.next}</p> : null}
      {onRetry ? (
        <button type="button" onClick={onRetry}>
          Try again
        </button>
      ) : null}
    </div>
  );
}

function Forbidden({ refused }: { readonly refused: RefusedCall }) {
  const { name, scope } = useSession();
  return (
    <div className="state forbidden" role="alert">
      <p>
        The key <b>{name}</b> has the scope {scope}, which does not allow this.
      </p>
      <p>{refused.message}</p>
      {refused.next ? <p className="next">Next: {refused.next}</p> : null}
    </div>
  );
}

/** The data of a query, or the state that it is in instead. */
export function Shown<T>({
  query,
  what,
  children,
}: {
  readonly query: UseQueryResult<T>;
  /** Names the data while it loads, such as `the models`. */
  readonly what: string;
  readonly children: (data: T) => ReactNode;
}) {
  const { data, error, isPending } = query;
  const retry = () => void query.refetch();
  // Data that was read before stays, with a note that it is old.
  if (data !== undefined)
    return (
      <>
        {error ? <Stale error={error} /> : null}
        {children(data)}
      </>
    );
  if (error) return <Failed error={error} onRetry={retry} />;
  return isPending ? <Loading what={what} /> : null;
}

export function Stale({ error }: { readonly error: Error }) {
  return (
    <p className="stale" role="status">
      {error.message} What you see may be old.
    </p>
  );
}

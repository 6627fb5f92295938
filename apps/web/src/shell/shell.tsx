import { useQueryClient } from '@tanstack/react-query';
import { Link, Outlet, useRouterState } from '@tanstack/react-router';
import { useEffect, useRef, useState } from 'react';
import { call } from '../api/client';
import { forgetAll, sessionQuery, SignedIn, useSession, useSessionState } from '../api/session';
import { Loading } from '../parts/states';
import { SignIn } from './sign-in';

const places = [
  ['/', 'Home'],
  ['/runs', 'Runs'],
  ['/models', 'Models'],
  ['/data', 'Data'],
  ['/language', 'Language'],
  ['/monitoring', 'Monitoring'],
  ['/operations', 'Operations'],
] as const;

export function Shell() {
  const { data: session, error, isPending, refetch } = useSessionState();
  if (isPending) return <Loading what="the session" />;
  if (session === undefined)
    return (
      <main className="sign-in">
        <h1>Perennial</h1>
        <p className="state failed" role="alert">
          {error.message} The page tries again by itself.
        </p>
        <button type="button" onClick={() => void refetch()}>
          Try again
        </button>
      </main>
    );
  if (session === null) return <SignIn />;
  return (
    <SignedIn key={session.keyId} session={session}>
      <a className="skip" href="#page">
        Skip to the page
      </a>
      <header className="top">
        <nav aria-label="Pages">
          {places.map(([to, name]) => (
            <Link
              key={to}
              to={to}
              activeOptions={{ exact: to === '/' }}
              activeProps={{ 'aria-current': 'page' }}
            >
              {name}
            </Link>
          ))}
        </nav>
        <Account />
      </header>
      <Page />
    </SignedIn>
  );
}

/** Moves the focus to the new page, so that a screen reader reads it. */
function Page() {
  const path = useRouterState({ select: ({ location }) => location.pathname });
  const main = useRef<HTMLElement>(null);
  const shown = useRef(path);
  useEffect(() => {
    if (shown.current === path) return;
    shown.current = path;
    main.current?.focus();
  }, [path]);
  return (
    <main id="page" ref={main} tabIndex={-1}>
      <Outlet />
    </main>
  );
}

function Account() {
  const { name, scope, tenant } = useSession();
  const client = useQueryClient();
  const [error, setError] = useState<Error | null>(null);
  const signOut = (): void => {
    call('DELETE /session').then(
      () => {
        forgetAll(client);
        client.setQueryData(sessionQuery.queryKey, null);
      },
      // The cookie is still there.
      (problem: unknown) => setError(problem as Error),
    );
  };
  return (
    <div className="account">
      <span className="who" title={`${name}, scope ${scope}, tenant ${tenant}`}>
        <bdi>{name}</bdi> · {scope}
        {tenant === 'default' ? '' : ` · ${tenant}`}
      </span>
      {error ? (
        <span className="stale" role="alert">
          {error.message} You are still signed in.
        </span>
      ) : null}
      <button type="button" onClick={signOut}>
        Sign out
      </button>
    </div>
  );
}

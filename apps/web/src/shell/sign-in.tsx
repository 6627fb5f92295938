import { useQueryClient } from '@tanstack/react-query';
import { useState, type SubmitEvent } from 'react';
import { call, setCsrfToken } from '../api/client';
import { forgetAll, sessionQuery } from '../api/session';
import { readText } from '../parts/form';

export function SignIn() {
  const client = useQueryClient();
  const [error, setError] = useState<Error | null>(null);
  const [isBusy, setBusy] = useState(false);
  const submit = (event: SubmitEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const apiKey = readText(new FormData(event.currentTarget), 'key');
    setBusy(true);
    setError(null);
    call('POST /session', { body: { apiKey } })
      .then(
        ({ session }) => {
          setCsrfToken(session.csrf);
          forgetAll(client);
          client.setQueryData(sessionQuery.queryKey, session);
        },
        (problem: unknown) => setError(problem as Error),
      )
      .finally(() => setBusy(false));
  };
  return (
    <main className="sign-in">
      <h1>Perennial</h1>
      <form onSubmit={submit}>
        <label className="field">
          <span>API key</span>
          <input
            name="key"
            type="password"
            autoComplete="current-password"
            spellCheck={false}
            required
            autoFocus
            placeholder="pk_…"
          />
        </label>
        {error ? (
          <p className="state failed" role="alert">
            {error.message}
          </p>
        ) : null}
        <button type="submit" className="primary" disabled={isBusy}>
          {isBusy ? 'Signing in …' : 'Sign in'}
        </button>
      </form>
      <p className="quiet">
        On your own machine, <code>.perennial/run/client.json</code> has a key. Otherwise ask an
        admin: <code>perennial key create &lt;name&gt; --scope viewer</code>
      </p>
      <p className="quiet">
        The key goes to the API once. The browser keeps only the cookie of a session, which scripts
        cannot read. The session ends after twelve hours, or with the key.
      </p>
    </main>
  );
}

import { useQuery, useQueryClient, type QueryClient } from '@tanstack/react-query';
import { createContext, useContext, useEffect, type ReactNode } from 'react';
import { call, setCsrfToken, whenOtherSession, whenSignedOut, type PageSession } from './client';

const scopes = ['viewer', 'operator', 'approver', 'admin'] as const;

const SessionContext = createContext<PageSession | null>(null);

export const sessionQuery = {
  queryKey: ['session'],
  queryFn: async ({ client }: { readonly client: QueryClient }) => {
    const { session } = await call('GET /session');
    setCsrfToken(session?.csrf ?? null);
    // Another window may have signed in with another key, perhaps of another tenant.
    const before = client.getQueryData<PageSession | null>(['session']);
    if (before && session?.keyId !== before.keyId) forgetAll(client);
    return session;
  },
} as const;

/** What one person read is not for the next one. */
export function forgetAll(client: QueryClient): void {
  client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== sessionQuery.queryKey[0] });
}

export function useSessionState() {
  const client = useQueryClient();
  useEffect(() => {
    whenSignedOut(() => client.setQueryData(sessionQuery.queryKey, null));
    whenOtherSession(() => void client.invalidateQueries({ queryKey: sessionQuery.queryKey }));
  }, [client]);
  return useQuery(sessionQuery);
}

export function SignedIn({
  session,
  children,
}: {
  readonly session: PageSession;
  readonly children: ReactNode;
}) {
  return <SessionContext value={session}>{children}</SessionContext>;
}

export function useSession(): PageSession {
  const session = useContext(SessionContext);
  if (session === null) throw new Error('this page needs a session');
  return session;
}

/** Whether the key has the scope. It decides which buttons exist; the server decides the rest. */
export function useMay(needed: PageSession['scope']): boolean {
  return scopes.indexOf(useSession().scope) >= scopes.indexOf(needed);
}

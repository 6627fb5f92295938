import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { RefusedCall } from './api/client';
import { router } from './router';
import './styles/base.css';
import './styles/parts.css';
import './styles/pages.css';

/** The API may start again at any time. A refusal is final. */
const maxPauseMilliseconds = 10_000;

const client = new QueryClient({
  defaultOptions: {
    queries: {
      retry: (failures, error) =>
        error instanceof RefusedCall &&
        (error.status === null || error.status >= 500 || error.status === 429) &&
        failures < 2,
      retryDelay: (failures) => Math.min(500 * 2 ** failures, maxPauseMilliseconds),
      staleTime: 2_000,
      // A page that failed while the API was away recovers by itself.
      refetchInterval: ({ state }) => (state.status === 'error' ? maxPauseMilliseconds : false),
      networkMode: 'always',
    },
    mutations: { networkMode: 'always' },
  },
});

const root = document.getElementById('app');
if (root)
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={client}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </StrictMode>,
  );

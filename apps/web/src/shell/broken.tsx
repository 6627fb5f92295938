import { useRouter, type ErrorComponentProps } from '@tanstack/react-router';
import { Failed } from '../parts/states';

/**
 * A page that failed while it was drawn, or whose file is missing: after an update of the API, an
 * open window has the old names of the files.
 */
export function BrokenPage({ error, reset }: ErrorComponentProps) {
  const router = useRouter();
  return (
    <>
      <h1>This page cannot be shown</h1>
      <Failed
        error={error instanceof Error ? error : new Error(String(error))}
        onRetry={() => {
          reset();
          void router.invalidate();
        }}
      />
      <p>
        If Perennial was updated since this window was opened, load the window again.{' '}
        <button type="button" onClick={() => location.reload()}>
          Load again
        </button>
      </p>
    </>
  );
}

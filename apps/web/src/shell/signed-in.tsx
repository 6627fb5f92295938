import { Navigate } from '@tanstack/react-router';

/** The shell shows the form until a session exists, at every address. */
export function SignedInPage() {
  return <Navigate to="/" replace />;
}

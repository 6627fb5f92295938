import { Navigate } from '@tanstack/react-router';

/** Home lists the models with everything that a list of them would show. */
export function ModelsPage() {
  return <Navigate to="/" replace />;
}

import { isInstalledKind, type ComputeKind } from './job';

/** The next step when workers lack a backend. */
export function backendAdvice(kind: ComputeKind): string {
  return (
    `set ${settingsFor(kind)} for the workers of the queues compute and orchestrator, start them ` +
    `again, then run: perennial compute check ${kind} (docs/guides/engines.md)`
  );
}

/** The settings without which workers have no backend of this kind. */
function settingsFor(kind: ComputeKind): string {
  if (isInstalledKind(kind)) return 'its folder or package in PERENNIAL_COMPUTE_BACKENDS';
  switch (kind) {
    case 'slurm':
      return 'PERENNIAL_SLURM_URL, PERENNIAL_SLURM_USER and PERENNIAL_SLURM_TOKEN_FILE';
    case 'ray':
      return 'PERENNIAL_RAY_URL';
    case 'kubernetes':
      return 'PERENNIAL_KUBERNETES_NAMESPACE and PERENNIAL_KUBERNETES_IMAGE';
    case 'local':
      return 'no settings';
  }
}

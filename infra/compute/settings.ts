import { resolve } from 'node:path';

const names =
  /^(PERENNIAL_((RAY|SLURM|KUBERNETES|JOBS|S3|PRICES)_[A-Z0-9_]+|COMPUTE_BACKENDS)|AWS_(REGION|DEFAULT_REGION|ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN))$/;
const files = /_(FILE|KUBECONFIG)$/;

/**
 * The settings of compute backends and of the artifact store, so that `perennial compute check`
 * beside `up` checks what its workers use. Paths are absolute, because the command may run in
 * another folder.
 */
export function selectComputeSettings(
  settings: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(settings).flatMap(([name, value]) =>
      names.test(name) && value ? [[name, withAbsolutePaths(name, value)]] : [],
    ),
  );
}

function withAbsolutePaths(name: string, value: string): string {
  if (files.test(name)) return resolve(value);
  if (name !== 'PERENNIAL_COMPUTE_BACKENDS') return value;
  // Folders begin with a dot or a slash; the others are packages.
  const entries = value.split(',').map((entry) => entry.trim());
  return entries.map((entry) => (entry.startsWith('.') ? resolve(entry) : entry)).join(',');
}

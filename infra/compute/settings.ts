import { resolve } from 'node:path';

const names =
  /^(PERENNIAL_(RAY|SLURM|KUBERNETES|JOBS|S3|PRICES)_[A-Z0-9_]+|AWS_(REGION|DEFAULT_REGION|ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN))$/;
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
      names.test(name) && value ? [[name, files.test(name) ? resolve(value) : value]] : [],
    ),
  );
}

import { failure } from '../../domain/failure';

/** Two connections: to the caller and to the provider. */
const filesPerAnswer = 2;
/** Registry, artifact store, modules, callers that rest. */
const reserve = 500;

export interface PlacesAsked {
  /** By the operator; null leaves it to the limit of open files. */
  readonly asked: number | null;
  readonly usual: number;
  /** That this process may have open; null where nobody knows. */
  readonly openFiles: number | null;
}

/**
 * How many answers a gateway may have under way. Throws InvalidInput for more than its open files
 * can carry: found now, and not by refused connections at the busiest hour.
 */
export function answerPlaces({ asked, usual, openFiles }: PlacesAsked): number {
  const most =
    openFiles === null
      ? Number.POSITIVE_INFINITY
      : Math.max(16, Math.floor((openFiles - reserve) / filesPerAnswer));
  if (asked === null) return Math.min(usual, most);
  if (asked <= most) return asked;
  throw failure(
    'InvalidInput',
    `PERENNIAL_GATEWAY_MAX_ANSWERS=${asked} needs ${asked * filesPerAnswer + reserve} open files, and this process may have ${openFiles ?? 0}`,
    {
      next: `raise the limit (LimitNOFILE=, ulimit -n), ask for at most ${most}, or start several gateways`,
    },
  );
}

/** Node has raised its soft limit to the hard one by itself. */
export function openFileLimit(): number | null {
  const report = process.report.getReport() as {
    readonly userLimits?: { readonly open_files?: { readonly soft?: number | string } };
  };
  const soft = report.userLimits?.open_files?.soft;
  return typeof soft === 'number' ? soft : null;
}

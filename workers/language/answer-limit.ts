import { failure } from '../../domain/failure';

/** Two connections: to the caller and to the provider. */
const filesPerAnswer = 2;
/** Open files for the registry, the artifact store, modules and idle callers. */
const reserve = 500;

export interface AnswerLimitInput {
  /** The operator's setting; null derives it from the limit of open files. */
  readonly asked: number | null;
  readonly usual: number;
  /** The limit of open files of this process; null if it is unknown. */
  readonly openFiles: number | null;
}

/**
 * How many answers a gateway may have in progress.
 * @throws InvalidInput at start if the limit of open files is too low, instead of refusing
 *   connections under load.
 */
export function maxConcurrentAnswers({ asked, usual, openFiles }: AnswerLimitInput): number {
  const max =
    openFiles === null
      ? Number.POSITIVE_INFINITY
      : Math.max(16, Math.floor((openFiles - reserve) / filesPerAnswer));
  if (asked === null) return Math.min(usual, max);
  if (asked <= max) return asked;
  throw failure(
    'InvalidInput',
    `PERENNIAL_GATEWAY_MAX_ANSWERS=${asked} needs ${asked * filesPerAnswer + reserve} open files, ` +
      `but this process may open only ${openFiles ?? 0}`,
    {
      next:
        `raise the limit (LimitNOFILE=, ulimit -n), set at most ${max}, ` +
        'or start several gateways',
    },
  );
}

/** The soft limit, which Node raises to the hard limit at start. */
export function openFileLimit(): number | null {
  const report = process.report.getReport() as {
    readonly userLimits?: { readonly open_files?: { readonly soft?: number | string } };
  };
  const soft = report.userLimits?.open_files?.soft;
  return typeof soft === 'number' ? soft : null;
}

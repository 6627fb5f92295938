/** The trials of a study as the API returns them, and their text for a terminal. */
import { figure } from '../../../domain/format';
import type { Paint } from '../terminal';
import { table } from '../terminal';
import type { TrialJson } from '../../api/tuning/trial-view';
import type { TuningJson } from '../../api/tuning/view';

export function describeTrials(trials: readonly TrialJson[], paint: Paint): string {
  const [first] = trials;
  const names = [...new Set(trials.flatMap(({ params }) => Object.keys(params)))];
  const rows = trials.map(({ number, params, value, status, seconds, best, reason }) => [
    String(number),
    ...names.map((name) => formatValue(params[name])),
    value === null ? '' : formatValue(value),
    paintStatus(status, paint),
    seconds === null ? '' : seconds.toFixed(1),
    best ? paint.green('best') : paint.dim(reason ?? ''),
  ]);
  return table(
    [
      'TRIAL',
      ...names.map((name) => name.toUpperCase()),
      (first?.metric ?? 'value').toUpperCase(),
      'STATUS',
      'SECONDS',
      '',
    ],
    rows,
  );
}

/** The choice of a tune stage. */
export function tuningText({ chosen, trials, best }: TuningJson): string {
  const ended = trials.complete + trials.pruned + trials.failed;
  if (chosen === 'default' || best === null) return `default parameters kept, ${ended} trials`;
  const params = Object.entries(best.params).map(
    ([name, value]) => `${name} ${formatValue(value)}`,
  );
  return `trial ${best.number} of ${ended} chosen: ${params.join(', ')}`;
}

interface TrialEnded {
  readonly metric?: string;
  readonly ended?: number;
  readonly of?: number;
  readonly best?: { readonly value: number } | null;
}

/** The progress of a study, from the event at the end of a trial. */
export function progressText({ metric = '', ended = 0, of = 0, best = null }: TrialEnded): string {
  return `${ended} of ${of} trials${best === null ? ', none complete' : `, best ${metric} ${formatValue(best.value)}`}`;
}

function formatValue(value: unknown): string {
  if (typeof value === 'number') return figure(value);
  if (value === undefined) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function paintStatus(status: string, paint: Paint): string {
  if (status === 'complete') return paint.green(status);
  return status === 'failed' ? paint.red(status) : status;
}

import { explainReasons, type ReasonLayout } from '../../../domain/decision/explain';
import type { Verdict } from '../../../domain/verdict';
import type { Paint } from '../terminal';

/** `verbose` adds the details of each verdict. */
export interface Verbosity {
  readonly verbose?: boolean | undefined;
}

/** The result of each gate, with painted marks. */
export function reasonLines(
  verdict: Verdict,
  paint: Paint,
  { verbose, columns }: Verbosity & Pick<ReasonLayout, 'columns'> = {},
): readonly string[] {
  const colours = {
    passed: paint.green,
    failed: paint.red,
    inconclusive: paint.yellow,
    notApplicable: paint.dim,
    noted: paint.dim,
  };
  return explainReasons(verdict, {
    painted: (mark, outcome) => colours[outcome](mark),
    verbose,
    columns,
  });
}

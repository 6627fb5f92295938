import type { ContractCheck, ContractReport } from '../../../domain/dataset/contract';
import { count } from '../../../domain/format';
import { findWorst, type Reason, type ReasonOutcome, type Verdict } from '../../../domain/verdict';

/**
 * Checks of single rows. Their bad rows go to quarantine, and only the quarantined share decides, so
 * these checks are noted under every verdict.
 */
const rowCheckNames: ReadonlySet<string> = new Set([
  'type',
  'nulls',
  'finite',
  'range',
  'values',
  'pattern',
  'unique',
]);

/** Name of a check in quarantine, such as `range:temp`. */
export function checkName({
  check,
  column,
}: {
  readonly check: string;
  readonly column: string | null;
}): string {
  return column === null ? check : `${check}:${column}`;
}

/**
 * `failed` if a check of the whole dataset failed, otherwise `inconclusive` if a measurement is
 * missing, otherwise `passed`. Columns that were not compared are always listed (I10). Each
 * reason begins with the source.
 */
export function contractVerdict(report: ContractReport): Verdict {
  const failed = report.checks.filter(
    (check) => check.passed === false && !rowCheckNames.has(check.check),
  );
  const unmeasured = report.checks.filter((check) => check.passed === null);
  const saying = (outcome: ReasonOutcome) => buildCheckReason(report.source, outcome);
  const badRows = report.checks
    .filter((check) => rowCheckNames.has(check.check) && check.badRows > 0)
    .map(saying('noted'));
  const notCompared = notApplicable(report);
  const against = [...failed.map(saying('failed')), ...unmeasured.map(saying('inconclusive'))];
  const decisive = against.length > 0 ? against : [contractMet(report)];
  return {
    kind: findWorst(decisive.map(({ outcome }) => outcome)),
    reasons: [...decisive, ...badRows, ...notCompared],
  };
}

function contractMet({ source, rows, accepted, quarantined }: ContractReport) {
  const bad = quarantined === 0 ? 'none in quarantine' : `${count(quarantined)} in quarantine`;
  return {
    gate: 'contract',
    outcome: 'passed',
    code: 'contract.met',
    message: `${source}: ${count(accepted)} of ${count(rows)} rows meet the contract, ${bad}`,
  } as const satisfies Reason;
}

/** One reason for all columns, because a first run compares none of them. */
function notApplicable({ source, dataset, checks }: ContractReport): readonly Reason[] {
  const columns = checks.flatMap(({ column, notApplicable }) =>
    notApplicable === true && column !== null ? [column] : [],
  );
  if (columns.length === 0) return [];
  const message = `${source}: distribution of ${columns.join(', ')}: not compared, because ${dataset} has no approved version yet`;
  return [{ gate: 'contract', code: 'contract.notApplicable', message, outcome: 'notApplicable' }];
}

function buildCheckReason(source: string, outcome: ReasonOutcome) {
  return (check: ContractCheck) => {
    const what = check.column === null ? check.check : `${check.check} of ${check.column}`;
    const code = check.passed === null ? 'contract.unmeasured' : `contract.${check.check}`;
    return {
      gate: 'contract',
      code,
      message: `${source}: ${what}: ${check.observed}; expected ${check.expected}`,
      outcome,
    } satisfies Reason;
  };
}

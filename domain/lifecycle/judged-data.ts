/**
 * Changes of the rows that the gates judge. SQL and sources decide what a model sees, such as the
 * label, so a lifecycle with approvals asks for one before they change.
 */
import { canonicalJson } from '../canonical';
import { loosenings, type Loosening, type PolicyRevision } from './loosenings';

/** What another person must accept: the looser rules, then other changes of the judged rows. */
export function changesToApprove(
  before: PolicyRevision,
  after: PolicyRevision,
): readonly Loosening[] {
  const looser = loosenings(before, after);
  const isNamed = (what: string): boolean =>
    looser.some((each) => each.what === what || each.what.startsWith(`${what}.`));
  return [...looser, ...judgedDataChanges(before, after).filter(({ what }) => !isNamed(what))];
}

const why = 'changes the rows that the gates judge';

/** Whether it changes only the judged rows, and no rule. */
export function isDataChange(change: Loosening): boolean {
  return change.why === why;
}

function judgedDataChanges(before: PolicyRevision, after: PolicyRevision): readonly Loosening[] {
  if (before.spec.kind !== 'ModelLifecycle' || before.spec.promote.approval.required === 0)
    return [];
  const [was, is] = [judgedData(before), judgedData(after)];
  return [...new Set([...was.keys(), ...is.keys()])]
    .sort()
    .flatMap((what): readonly Loosening[] => {
      const [from, to] = [was.get(what), is.get(what)];
      if (canonicalJson(from ?? null) === canonicalJson(to ?? null)) return [];
      return [
        {
          what,
          ...(from === undefined || from === null ? {} : { before: from }),
          ...(to === undefined || to === null ? {} : { after: to }),
          why,
        },
      ];
    });
}

/** The parts of the data by key; a file is its digest. `loosenings` compares the contracts. */
function judgedData({ spec, files }: PolicyRevision): ReadonlyMap<string, unknown> {
  if (spec.kind !== 'ModelLifecycle') return new Map();
  const { sources, assemble, features, label, time, entity, split } = spec.data;
  const readDigest = (path: string): string => files[path]?.digest ?? path;
  return new Map<string, unknown>([
    ...sources.map(
      ({ name, contract: _, ...source }) => [`spec.data.sources.${name}`, source] as const,
    ),
    ['spec.data.assemble', readDigest(assemble)],
    ['spec.data.features', readDigest(features)],
    ['spec.data.label', label],
    ['spec.data.time', time],
    ['spec.data.entity', entity],
    ['spec.data.split', split],
  ]);
}

import type { IssueAt } from '../../domain/document/document';
import type { Issue } from '../../domain/failure';
import type { TrainerManifest } from '../../domain/training/job';
import type { ParameterRange, TuneSpec } from '../../domain/tuning/tune-spec';
import type { CheckedParts, NamedTrainer } from '../../domain/lifecycle/parts';
import { nearest } from '../../domain/document/nearest';
import { planPruning } from '../../domain/tuning/pruning';
import { listExtremes } from '../../domain/tuning/space';
import { findMaxIterations } from '../../domain/tuning/tuning';
import type { TrainerCatalog } from '../training/catalog';

/**
 * Errors for an unknown trainer and for parameters that it refuses, including both ends of each
 * range of the search.
 */
export function trainerIssues(
  trainers: TrainerCatalog,
  { trainer, space, pruner }: Pick<CheckedParts, 'trainer' | 'space' | 'pruner'>,
  issueAt: IssueAt,
): readonly Issue[] {
  if (trainer === null) return [];
  const named = nameIssues(trainers, trainer, issueAt);
  if (named.length > 0) return named;
  const { params, at } = trainer;
  const wrongParams = trainers
    .checkParams(trainer.trainer, params)
    .map(({ pointer, detail, ...hints }) => {
      const path = [...at, 'params', ...parsePointer(pointer)];
      return issueAt(path, `${path.join('.')}: ${detail}`, hints);
    });
  const wrong = [...wrongParams, ...nodesIssues(trainers, trainer, issueAt)];
  if (space === null) return wrong;
  return [
    ...wrong,
    ...spaceIssues(trainers, trainer, space, issueAt),
    ...prunerIssues(trainers, trainer, { space, pruner }, issueAt),
  ];
}

/** Refuses a pruner that the document names and that would never compare a trial. */
function prunerIssues(
  trainers: TrainerCatalog,
  { trainer, params }: NamedTrainer,
  { space, pruner }: { readonly space: TuneSpec['space']; readonly pruner: CheckedParts['pruner'] },
  issueAt: IssueAt,
): readonly Issue[] {
  const counted = trainers.get(trainer)?.iterations ?? null;
  const iterations = findMaxIterations(counted, params, space);
  if (pruner === null || pruner === 'none' || planPruning(pruner, iterations) !== null) return [];
  const why =
    counted === null
      ? `the trainer ${trainer} reports no values while it trains`
      : `a trial has ${iterations ?? 'no'} iterations (${counted.param})`;
  return [
    issueAt(['spec', 'tune', 'pruner'], `spec.tune.pruner cannot be ${pruner}: ${why}`, {
      expected: counted === null ? 'pruner: none' : `pruner: none, or 3 or more ${counted.param}`,
    }),
  ];
}

function nodesIssues(
  trainers: TrainerCatalog,
  { trainer, nodes, at, makes }: NamedTrainer,
  issueAt: IssueAt,
): readonly Issue[] {
  if (nodes <= 1 || trainers.get(trainer)?.distributed === true) return [];
  const path = [...at, 'compute', 'nodes'];
  const others = trainers
    .list()
    .filter(({ distributed, tasks }) => distributed && madeBy(tasks).has(makes))
    .map(({ name }) => `, or the trainer ${name}`);
  return [
    issueAt(
      path,
      `${path.join('.')} is at most 1: the trainer ${trainer} cannot train on several nodes`,
      { expected: `1${others.join('')}` },
    ),
  ];
}

function nameIssues(
  trainers: TrainerCatalog,
  { trainer, at, makes }: NamedTrainer,
  issueAt: IssueAt,
): readonly Issue[] {
  const fits = ({ tasks }: Pick<TrainerManifest, 'tasks'>): boolean => madeBy(tasks).has(makes);
  const found = trainers.get(trainer);
  if (found !== null && fits(found)) return [];
  const known = trainers
    .list()
    .filter(fits)
    .map(({ name }) => name);
  const detail =
    found === null
      ? `unknown trainer ${trainer}`
      : `the trainer ${trainer} does not fit this lifecycle: it is for ${found.tasks.join(', ')}`;
  const hints = {
    expected: `one of ${known.join(', ')}`,
    didYouMean: nearest(trainer, known) ?? undefined,
  };
  return [issueAt([...at, 'trainer'], detail, hints)];
}

function madeBy(tasks: TrainerManifest['tasks']): ReadonlySet<NamedTrainer['makes']> {
  return new Set(tasks.map((task) => (task === 'generation' ? 'adapter' : 'model')));
}

function spaceIssues(
  trainers: TrainerCatalog,
  { trainer, params }: NamedTrainer,
  space: Readonly<Record<string, ParameterRange>>,
  issueAt: IssueAt,
): readonly Issue[] {
  const found = listExtremes(space).flatMap((extreme) =>
    trainers
      .checkParams(trainer, { ...params, ...extreme })
      .filter(({ pointer }) =>
        Object.keys(extreme).some((name) => parsePointer(pointer)[0] === name),
      )
      .map(({ pointer, detail, ...hints }) => {
        const path = ['spec', 'tune', 'space', ...parsePointer(pointer)];
        return issueAt(path, `${path.join('.')}: ${detail}`, hints);
      }),
  );
  return found.filter(
    (issue, index) =>
      found.findIndex(
        ({ pointer, detail }) => pointer === issue.pointer && detail === issue.detail,
      ) === index,
  );
}

/** The keys of a JSON pointer (RFC 6901). */
function parsePointer(pointer: string): readonly string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
}

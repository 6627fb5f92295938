/**
 * A new version of an index, built beside the one that answers: plan, embed shard by shard, index,
 * take the changes that came meanwhile, compare, and move the alias. The old one answers all the
 * while, and is one move away afterwards.
 */
import {
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  isCancellation,
  log,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { ApplicationFailure } from '@temporalio/common';
import { answersVerdict, bothVerdicts, type AnswersRule } from '../../domain/index/answers';
import type { VectorKind } from '../../domain/index/vector-index';
import type { IndexReport } from '../../domain/index/version';
import type { Verdict } from '../../domain/decision/verdict';
import { allOrNone } from '../run/all-or-none';
import type {
  IndexBuildInput,
  IndexBuildOutcome,
  IndexBuildProgress,
  IndexBuildState,
} from './messages';
import { indexBuildQuery } from './messages';
import { indexAnswers, indexRecords, indexWork } from './activity-proxies';
import { showDetails } from '../run/current-details';
import { messageOf } from '../run/undo';

/** What a version may be found damaged and written again: more is no accident. */
const repairs = 3;

interface Build {
  readonly input: IndexBuildInput;
  readonly progress: Writable<IndexBuildProgress>;
  readonly show: (phase: IndexBuildState['phase']) => void;
}

type Writable<T> = {
  -readonly [Key in keyof T]: T[Key] extends readonly (infer Item)[] ? Item[] : T[Key];
};

export async function indexBuild(input: IndexBuildInput): Promise<IndexBuildOutcome> {
  let phase: IndexBuildState['phase'] = 'planning';
  let progress: Writable<IndexBuildProgress> | null = null;
  setHandler(indexBuildQuery, () => ({
    phase,
    version: progress?.version ?? null,
    shards: {
      done: progress?.chunks.filter((chunks) => chunks !== null).length ?? 0,
      of: progress?.shards ?? 0,
    },
  }));

  const show: Build['show'] = (next) => {
    phase = next;
    showBuild(input, phase, progress);
  };
  show('planning');
  progress = input.progress
    ? { ...input.progress, chunks: [...input.progress.chunks] }
    : await begin(input);
  const build: Build = { input, progress, show };
  try {
    build.show('embedding');
    if (!(await embedShards(build))) {
      await condition(allHandlersFinished);
      return await continueAsNew<typeof indexBuild>({ ...input, progress });
    }
    const report = await finish(build);
    const { verdict, champion } = await compare(build);
    if (verdict?.kind === 'failed') {
      const failed =
        verdict.reasons.find(({ outcome }) => outcome === 'failed') ?? verdict.reasons[0];
      const cause = failed?.message ?? 'it finds less than the index that answers';
      showDetails(`The version **${input.index}@${progress.version}** was refused: ${cause}`);
      await end(build, cause);
      return { version: progress.version, report, verdict, promoted: false };
    }
    const promoted =
      input.after === 'promote' &&
      verdict?.kind !== 'inconclusive' &&
      (await promote(build, champion));
    build.show('done');
    return { version: progress.version, report, verdict, promoted };
  } catch (error) {
    if (isContinue(error)) throw error;
    const cause = isCancellation(error)
      ? 'the build was cancelled'
      : `the build failed: ${messageOf(error)}`.slice(0, 500);
    showDetails(`The version **${input.index}@${progress.version}** has ended: ${cause}`);
    await end(build, cause);
    throw error;
  }
}

function showBuild(
  { index, dataset }: IndexBuildInput,
  phase: IndexBuildState['phase'],
  progress: IndexBuildProgress | null,
): void {
  if (progress === null) {
    showDetails(
      `A new version of **${index}** from ${dataset.name}@${dataset.version} is being planned.`,
    );
    return;
  }
  const written = progress.chunks.filter((chunks) => chunks !== null).length;
  showDetails(
    `**${index}@${progress.version}**: ${phase}; ${written} of ${progress.shards} shards are written.`,
  );
}

/** The version's row comes first, then its table: whatever dies after this is found by it. */
async function begin(input: IndexBuildInput): Promise<Writable<IndexBuildProgress>> {
  const startedAt = Date.now();
  const { tenant, index } = input;
  const { version, base } = await openVersion(input);
  try {
    const { shardDocuments, maxDocumentBytes, maxRejectedShare } = input;
    const planned = await indexWork.planIndexBuild.executeWithOptions(
      { summary: `${index}@${version}: cut into shards` },
      [{ tenant, index, version, shardDocuments, maxDocumentBytes, maxRejectedShare }],
    );
    return {
      startedAt,
      version,
      base,
      ...planned,
      chunks: Array.from({ length: planned.shards }, () => null),
      embedded: 0,
    };
  } catch (error) {
    await giveUp(input, version, `the build failed: ${messageOf(error)}`.slice(0, 500));
    throw error;
  }
}

/** Until there is a version its cases are kept for the build, and nobody else takes them away. */
async function openVersion(
  input: IndexBuildInput,
): Promise<{ readonly version: number; readonly base: IndexBuildProgress['base'] }> {
  const { tenant, index, key, runId, actor, dataset, embedder, chunking, answers, limits } = input;
  try {
    if (limits) await indexAnswers.openIndexBudgets({ tenant, budgets: limits });
    return await indexWork.openIndexVersion.executeWithOptions(
      { summary: `${index}: a new version from ${dataset.name}@${dataset.version}` },
      [
        {
          tenant,
          index,
          key,
          runId,
          actor,
          dataset,
          embedder,
          chunking,
          ...(answers && { cases: answers.cases }),
        },
      ],
    );
  } catch (error) {
    if (answers)
      await CancellationScope.nonCancellable(() => indexRecords.releaseIndexOrder({ tenant, key }));
    throw error;
  }
}

/** False when it is time for a new execution. */
async function embedShards({ input, progress }: Build): Promise<boolean> {
  const waiting = progress.chunks.flatMap((chunks, shard) => (chunks === null ? [shard] : []));
  const mine = waiting.slice(0, input.shardsPerExecution ?? waiting.length);
  async function lane(): Promise<void> {
    for (
      let shard = mine.shift();
      shard !== undefined;
      shard = workflowInfo().continueAsNewSuggested ? undefined : mine.shift()
    )
      await embedShard({ input, progress }, shard, 1);
  }
  await allOrNone(
    Array.from({ length: Math.min(input.parallel, Math.max(1, mine.length)) }, () => lane),
  );
  return progress.chunks.every((chunks) => chunks !== null);
}

async function embedShard(
  { input, progress }: Pick<Build, 'input' | 'progress'>,
  shard: number,
  generation: number,
): Promise<void> {
  const { tenant, index, maxDocumentBytes, budgets } = input;
  const { version, plan, base } = progress;
  const key = `${input.key}/shard/${shard}/${generation}` as IndexBuildInput['key'];
  const {
    chunks,
    embedded,
    shortened = 0,
  } = await indexWork.buildIndexShard.executeWithOptions(
    { summary: `${index}@${version}: shard ${shard + 1} of ${progress.shards}` },
    [
      {
        tenant,
        index,
        version,
        key,
        plan,
        shard,
        maxDocumentBytes,
        base,
        ...(budgets && { budgets }),
      },
    ],
  );
  progress.chunks[shard] = chunks;
  showBuild(input, 'embedding', progress);
  if (generation > 1) return;
  progress.embedded += embedded;
  if (shortened > 0) progress.shortened = (progress.shortened ?? 0) + shortened;
}

/** Every shard counted, the changes that came meanwhile in, and from then on each as it comes. */
async function finish({ input, progress, show }: Build): Promise<IndexReport> {
  const { tenant, index, vectors, maxDocumentBytes } = input;
  const { version } = progress;
  show('indexing');
  const built = await indexed(1);
  show('catching up');
  for (;;) {
    while ((await indexWork.applyIndexChanges({ tenant, index, version, maxDocumentBytes })).more);
    const report = { ...reportOf(progress), vectors: built };
    const sealed = await indexRecords.sealIndexVersion({ tenant, index, version, report });
    if (sealed.kind === 'ready') return report;
  }

  /**
   * How the vectors are found. Shards that lost what was written to them are embedded again first.
   */
  async function indexed(round: number): Promise<VectorKind> {
    const chunks = progress.chunks.map((each) => each ?? 0);
    const found = await indexWork.finishIndexTable.executeWithOptions(
      { summary: `${index}@${version}: count and index` },
      [{ tenant, index, version, chunks, vectors }],
    );
    if (found.kind === 'complete') return found.vectors;
    if (round > repairs)
      throw ApplicationFailure.nonRetryable(
        `shards ${found.shards.join(', ')} do not stay as they were written`,
        'IndexIncomplete',
      );
    for (const shard of found.shards) await embedShard({ input, progress }, shard, round + 1);
    return indexed(round + 1);
  }
}

function reportOf({
  documents,
  rejected,
  chunks,
  embedded,
  shortened,
  startedAt,
}: IndexBuildProgress): Omit<IndexReport, 'vectors'> {
  const sum = chunks.reduce<number>((total, each) => total + (each ?? 0), 0);
  const seconds = (Date.now() - startedAt) / 1000;
  return {
    documents,
    rejected,
    chunks: sum,
    embedded,
    ...(shortened !== undefined && { shortenedHeadings: shortened }),
    seconds,
  };
}

type ComparedIndexes = Pick<Awaited<ReturnType<typeof indexWork.measureIndexParity>>, 'champion'> &
  Pick<IndexBuildOutcome, 'verdict'>;

/**
 * What is found, and then, where that is wanted and not known to be worse, what is answered by it.
 */
async function compare(build: Build): Promise<ComparedIndexes> {
  const { verdict: found, champion } = await compareFound(build);
  const { answers } = build.input;
  if (!answers || found?.kind === 'failed') return { verdict: found, champion };
  return { verdict: bothVerdicts(found, await compareAnswers(build, answers, champion)), champion };
}

/**
 * The same questions to the same application over both, one after the other: a budget that the
 * first has spent asks nothing of the second.
 */
async function compareAnswers(
  { input, progress: { version }, show }: Build,
  rule: AnswersRule,
  champion: ComparedIndexes['champion'],
): Promise<Verdict> {
  const { tenant, index, budgets = [] } = input;
  if (champion === null || champion.version === version)
    return answersVerdict('passed', 'answers.first', 'no index stands there to compare with');
  show('answering');
  const ask = (of: number) =>
    indexAnswers.answerOverIndex.executeWithOptions(
      { summary: `${rule.bundle.model}@${rule.bundle.version} over ${index}@${of}` },
      [{ tenant, index, version: of, build: version, rule, budgets }],
    );
  const before = await ask(champion.version);
  if (before.kind === 'unpaid')
    return answersVerdict('inconclusive', 'answers.unpaid', before.message);
  const after = await ask(version);
  if (after.kind === 'unpaid')
    return answersVerdict('inconclusive', 'answers.unpaid', after.message);
  return indexAnswers.decideIndexAnswers({
    tenant,
    index,
    version,
    rule,
    candidate: after.results,
    champion: before.results,
  });
}

async function compareFound({
  input,
  progress: { version },
  show,
}: Build): Promise<ComparedIndexes> {
  const { tenant, index, parity, budgets } = input;
  if (parity === null)
    return { verdict: null, champion: await indexRecords.readIndexChampion({ tenant, index }) };
  show('comparing');
  const { verdict, champion } = await indexWork.measureIndexParity.executeWithOptions(
    { summary: `${index}@${version}: compare with the champion` },
    [{ tenant, index, version, ...parity, ...(budgets && { budgets }) }],
  );
  return { verdict, champion };
}

/**
 * False when another version became champion since: what was compared says nothing about that one.
 */
async function promote(
  { input, progress: { version } }: Build,
  champion: ComparedIndexes['champion'],
): Promise<boolean> {
  const { tenant, index, actor } = input;
  const key = `${input.key}/promote` as IndexBuildInput['key'];
  const { kind } = await indexRecords.promoteIndexVersion({
    tenant,
    index,
    version,
    key,
    champion,
    actor,
    cause: 'built and compared',
  });
  return kind !== 'conflict';
}

async function end({ input, progress }: Build, cause: string): Promise<void> {
  await giveUp(input, progress.version, cause);
}

/**
 * Undo of a build: no table, no plan, and a row that says why. Where no cancellation reaches it.
 */
async function giveUp(
  { tenant, index, actor }: IndexBuildInput,
  version: number,
  cause: string,
): Promise<void> {
  try {
    await CancellationScope.nonCancellable(() =>
      indexWork.endIndexVersion({ tenant, index, version, state: 'failed', actor, cause }),
    );
  } catch (error) {
    // What went wrong first is what to tell; the row still says `building`, or that the version
    // answers already.
    log.error('the table of a failed build was not removed', {
      index,
      version,
      error: messageOf(error),
    });
  }
}

function isContinue(error: unknown): boolean {
  return error instanceof Error && error.name === 'ContinueAsNew';
}

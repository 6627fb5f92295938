/**
 * Builds a new version of an index beside the champion: plan, embed shard by shard, index, apply
 * the changes that arrived meanwhile, compare, and move the alias. The champion serves queries
 * throughout, and can be made champion again afterwards.
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
import { answersVerdict, type AnswersRule } from '../../domain/index-version/answers';
import type { VectorKind } from '../../domain/index/vector-index';
import type { IndexReport } from '../../domain/index/version';
import { combineVerdicts, type Verdict } from '../../domain/verdict';
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
import { readMessage } from '../run/undo';

/** A shard may lose its rows this often and be written again; more often is a defect. */
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
      const cause = failed?.message ?? 'it is worse than the champion';
      showDetails(`The version **${input.index}@${progress.version}** was rejected: ${cause}`);
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
      : `the build failed: ${readMessage(error)}`.slice(0, 500);
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
    showDetails(`Planning a new version of **${index}** from ${dataset.name}@${dataset.version}.`);
    return;
  }
  const written = progress.chunks.filter((chunks) => chunks !== null).length;
  showDetails(
    `**${index}@${progress.version}**: ${phase}; ` +
      `${written} of ${progress.shards} shards are written.`,
  );
}

/** Writes the version's row before its table exists, so that a lost build can be cleaned up. */
async function begin(input: IndexBuildInput): Promise<Writable<IndexBuildProgress>> {
  const startedAt = Date.now();
  const { tenant, index } = input;
  const { version, base } = await openVersion(input);
  try {
    const { shardDocuments, maxDocumentBytes, maxRejectedShare } = input;
    const planned = await indexWork.planIndexBuild.executeWithOptions(
      { summary: `${index}@${version}: split into shards` },
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
    await giveUp(input, version, `the build failed: ${readMessage(error)}`.slice(0, 500));
    throw error;
  }
}

/** Until the version exists, only this build keeps its cases, so a failure must release them. */
async function openVersion(
  input: IndexBuildInput,
): Promise<{ readonly version: number; readonly base: IndexBuildProgress['base'] }> {
  const { tenant, index, key, runId, actor, dataset, embedder, chunking, answers, limits } = input;
  try {
    if (limits) await indexAnswers.openIndexBudgets({ tenant, budgets: limits });
    return await indexWork.openIndexVersion.executeWithOptions(
      { summary: `${index}: open a version for ${dataset.name}@${dataset.version}` },
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

/** False when the history is long and a new execution must continue. */
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

/** Counts and indexes all shards, applies later changes and seals the version. */
async function finish({ input, progress, show }: Build): Promise<IndexReport> {
  const { tenant, index, vectors, maxDocumentBytes } = input;
  const { version } = progress;
  show('indexing');
  const built = await indexRound(1);
  show('catching up');
  for (;;) {
    while ((await indexWork.applyIndexChanges({ tenant, index, version, maxDocumentBytes })).more);
    const report = { ...toIndexReport(progress), vectors: built };
    const sealed = await indexRecords.sealIndexVersion({ tenant, index, version, report });
    if (sealed.kind === 'ready') return report;
  }

  /** Returns how vectors are searched. Shards that lost rows are embedded again first. */
  async function indexRound(round: number): Promise<VectorKind> {
    const chunks = progress.chunks.map((each) => each ?? 0);
    const found = await indexWork.finishIndexTable.executeWithOptions(
      { summary: `${index}@${version}: count and index` },
      [{ tenant, index, version, chunks, vectors }],
    );
    if (found.kind === 'complete') return found.vectors;
    if (round > repairs)
      throw ApplicationFailure.nonRetryable(
        `${index}@${version}: rows of shards ${found.shards.join(', ')} are still missing ` +
          `after ${repairs} repairs; check the index storage`,
        'IndexIncomplete',
      );
    for (const shard of found.shards) await embedShard({ input, progress }, shard, round + 1);
    return indexRound(round + 1);
  }
}

function toIndexReport({
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

/** Compares the search results, then the answers if requested and the results are not worse. */
async function compare(build: Build): Promise<ComparedIndexes> {
  const { verdict: found, champion } = await compareFound(build);
  const { answers } = build.input;
  if (!answers || found?.kind === 'failed') return { verdict: found, champion };
  const answered = await compareAnswers(build, answers, champion);
  return { verdict: found ? combineVerdicts([found, answered]) : answered, champion };
}

/**
 * Asks the same application the same questions over both versions, one after the other: if the
 * first spends the budget, the second asks nothing.
 */
async function compareAnswers(
  { input, progress: { version }, show }: Build,
  rule: AnswersRule,
  champion: ComparedIndexes['champion'],
): Promise<Verdict> {
  const { tenant, index, budgets = [] } = input;
  if (champion === null || champion.version === version)
    return answersVerdict('passed', 'answers.first', 'the index has no champion to compare with');
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

/** False when another version became champion meanwhile, because the comparison was not with it. */
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

/** The undo of a build: deletes table and plan, and records the cause. Not cancellable. */
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
    // The first failure is the one to report. The row still says `building`, or the version is
    // the champion already.
    log.error('could not delete the table of a failed index build', {
      index,
      version,
      error: readMessage(error),
    });
  }
}

function isContinue(error: unknown): boolean {
  return error instanceof Error && error.name === 'ContinueAsNew';
}

import { computeDigest } from '../../../data/digest';
import type { ArtifactStore } from '../../../data/artifact/store';
import type { Registry } from '../../../db/registry';
import { failure } from '../../../domain/failure';
import type { IdempotencyKey, Tenant } from '../../../domain/ids';
import { buildHolder, type AnswersRule } from '../../../domain/index-version/answers';
import type { BuildOrder } from '../../../domain/index-version/build-order.schema';
import { invalidInput } from '../../../domain/document/issue-text';
import { type ReleaseBundle } from '../../../domain/bundle/bundle';
import { readCaseSet } from '../../../domain/language/cases/case-set-document';
import { evaluationProblems } from '../../../domain/language/dimension/checks';
import { runLimits } from '../../../domain/budget/run-budget';
import type { IndexBuildInput, IndexBuildRef } from '../../../workflows/index-version/messages';
import type { IndexClient } from '../../temporal-clients/index-client';

interface IndexBuildDeps {
  readonly registry: Pick<Registry, 'datasets' | 'models' | 'aliases' | 'artifacts'>;
  readonly artifacts: Pick<ArtifactStore, 'putBytes' | 'getJson'>;
  readonly indexes: Pick<IndexClient, 'build'>;
}

export interface IndexBuildRequest {
  readonly tenant: Tenant;
  readonly actor: string;
  readonly index: string;
  readonly key: string;
  readonly order: BuildOrder;
}

const shardDocuments = 500;

/**
 * Starts the build or finds the one of the same key. It reports errors that are known now, so that
 * the workflow does not fail later.
 */
export async function startIndexBuild(
  deps: IndexBuildDeps,
  wish: IndexBuildRequest,
): Promise<IndexBuildRef> {
  const { tenant, actor, index, key, order } = wish;
  const build = `build_${computeDigest({ index, key }).slice(7, 31)}`;
  await deps.indexes.build(
    { tenant, index, build },
    { asked: computeDigest({ actor, order }), input: () => buildIndexInput(deps, wish, build) },
  );
  return { tenant, index, build };
}

async function buildIndexInput(
  deps: IndexBuildDeps,
  { tenant, actor, index, order }: IndexBuildRequest,
  build: string,
): Promise<IndexBuildInput> {
  const {
    chunking,
    embedder,
    vectors,
    maxDocument,
    maxRejectedShare,
    mode,
    parity,
    after,
    budget,
  } = order;
  const documents = await requireDataset(deps, tenant, order.documents);
  const questions = parity && (await requireDataset(deps, tenant, parity.questions));
  const answers =
    order.answers && (await answersRule(deps, { tenant, index, build }, order.answers));
  const scope = `index-build/${build}`;
  const limits = runLimits(budget).map((limit) => ({ scope, ...limit }));
  return {
    tenant,
    index,
    key: build as IdempotencyKey,
    runId: null,
    actor,
    embedder,
    chunking,
    shardDocuments,
    parallel: 2,
    maxRejectedShare,
    after,
    dataset: { name: documents.name, version: documents.version },
    vectors: { kind: vectors },
    maxDocumentBytes: maxDocument,
    parity: parity &&
      questions && {
        rule: toParityRule(parity),
        questions: { name: questions.name, version: questions.version },
        mode,
      },
    answers,
    budgets: limits.map(({ unit }) => ({ scope, unit })),
    limits,
    shardsPerExecution: null,
    progress: null,
  };
}

function toParityRule({
  metric,
  margin,
  confidence,
  minQuestions,
}: NonNullable<BuildOrder['parity']>) {
  return { metric, margin, confidence, minQuestions };
}

async function requireDataset(
  { registry: { datasets } }: IndexBuildDeps,
  tenant: Tenant,
  ref: string,
) {
  const [name = '', number] = ref.split('@');
  const found =
    number === undefined
      ? (await datasets.versions({ tenant, dataset: name, pageSize: 1 })).items[0]
      : await datasets.get({ tenant, dataset: name, version: Number(number) });
  if (!found)
    throw failure('NotFound', `there is no dataset ${ref}`, { next: 'perennial dataset list' });
  return { name, version: found.version };
}

async function answersRule(
  { registry, artifacts }: IndexBuildDeps,
  { tenant, index, build }: IndexBuildRef,
  { model, cases: text, ...rule }: NonNullable<BuildOrder['answers']>,
): Promise<AnswersRule> {
  const { cases, issues } = readCaseSet(text, 'answers.cases');
  if (issues.length > 0) throw invalidInput('answers.cases', issues);
  if (cases.length < rule.minCases)
    throw failure(
      'InvalidInput',
      `answers.cases has ${cases.length} cases, fewer than answers.minCases (${rule.minCases})`,
    );
  const [wrong] = evaluationProblems(rule.dimensions, []);
  if (wrong) throw failure('InvalidInput', `answers.dimensions: ${wrong.detail}`);
  if (!rule.dimensions.some(({ name }) => name === rule.quality))
    throw failure('InvalidInput', `answers.quality: there is no dimension ${rule.quality}`);
  const judge = rule.dimensions.find(({ kind }) => kind === 'judge');
  if (judge)
    throw failure(
      'NotInThisVersion',
      `${judge.name}: a judge can be used only within a lifecycle, where it is calibrated`,
    );
  const { champion } = await registry.aliases.get({ tenant, model });
  const version =
    champion && (await registry.models.get({ tenant, model, version: champion.version }));
  if (!version)
    throw failure('NotFound', `${model} has no champion to evaluate`, {
      next: `perennial model show ${model}`,
    });
  const bundle = await artifacts.getJson<Partial<ReleaseBundle>>(version.manifest);
  if (bundle.kind !== 'bundle' || (bundle as ReleaseBundle).index?.name !== index)
    throw failure(
      'InvalidInput',
      `${model}@${version.version} does not use ${index}, so its answers cannot evaluate it`,
      {
        next: `perennial model explain ${model}`,
      },
    );
  const file = await artifacts.putBytes({
    tenant,
    bytes: Buffer.from(text),
    mediaType: 'application/x-ndjson',
  });
  await registry.artifacts.reference({ tenant, digest: file.digest, by: buildHolder(build) });
  return {
    ...rule,
    bundle: { model, version: version.version },
    manifest: version.manifest,
    cases: file,
  };
}

import type { ModelAccess } from '../../../data/language/model-access';
import type { ModelTarget } from '../../../data/language/attempt';
import type { IndexReader } from '../../../data/index/query-index';
import type { Detectors } from '../../../data/safety/open-detectors';
import type { ArtifactRef, Digest } from '../../../domain/artifact';
import { failure, failureTypes, isPerennialError } from '../../../domain/failure';
import type { Tenant } from '../../../domain/ids';
import {
  type BundleBase,
  type BundleIndex,
  type BundleReranker,
  type ReleaseBundle,
} from '../../../domain/bundle/bundle';
import type { PromptTemplate } from '../../../domain/prompt/prompt';
import { listVariables } from '../../../domain/prompt/render';
import type { SafetyPolicy, Side } from '../../../domain/safety/policy';
import {
  screen,
  type TextContext,
  type Detect,
  type Screening,
} from '../../../domain/safety/screen';
import type { MeasuredModel } from './measured-model';
import { verifiedBytes, type VersionArtifacts } from './verified-bytes';

/** A language application that is ready to answer. */
export interface LoadedBundle {
  readonly kind: 'bundle';
  readonly tenant: Tenant;
  readonly digest: Digest;
  readonly bundle: ReleaseBundle;
  readonly prompt: PromptTemplate;
  readonly policy: SafetyPolicy | null;
  /** Screens by the bundle's policy; without a policy everything passes. */
  readonly screen: (side: Side, text: string, about?: TextContext) => Promise<Screening>;
  readonly index: BundleIndex | null;
  readonly route: readonly ModelTarget[];
  readonly bytes: number;
  close(): Promise<void>;
}

export interface BundleLoaderOptions {
  readonly artifacts: VersionArtifacts;
  readonly access: Pick<ModelAccess, 'models' | 'requireProvider'>;
  readonly indexes: Pick<IndexReader, 'check'>;
  readonly detectors: Detectors;
  readonly probeTimeoutMs: number;
  /** Receives every screening, because detectors that ask a model take time and cost money. */
  readonly onLooked: OnDetected;
}

export type OnDetected = (
  look: MeasuredModel & {
    readonly kind: string;
    readonly outcome: string;
    readonly seconds: number;
  },
) => void;

const maxPartBytes = 4 * 1024 * 1024;
/** Memory per byte of templates and phrases, as text and as objects; the model runs elsewhere. */
const memoryPerPartByte = 4;

/**
 * Load what the bundle names, and check its model and its index, so that no bundle is routed that
 * could not answer.
 */
export async function loadBundle(
  bundle: ReleaseBundle,
  { tenant, digest }: { readonly tenant: Tenant; readonly digest: Digest },
  options: BundleLoaderOptions,
): Promise<LoadedBundle> {
  const { model, base } = bundle;
  const prompt = await readPart<PromptTemplate>(
    options.artifacts,
    bundle.prompt.artifact,
    `the prompt of ${model}`,
  );
  const policy =
    bundle.safety &&
    (await readPart<SafetyPolicy>(
      options.artifacts,
      bundle.safety.artifact,
      `the safety policy of ${model}`,
    ));
  const index = bundle.index;
  if (index?.rerank) checkReranker(model, index.rerank, options);
  checkVariables(bundle, prompt, index);
  await Promise.all([
    probe(model, base, options),
    index && checkIndex(tenant, model, index, options),
    policy && prepareDetectors(model, policy, options),
  ]);
  const detect = timeDetection(
    options.detectors.detectFor(tenant),
    { tenant, model },
    options.onLooked,
  );
  return {
    kind: 'bundle',
    tenant,
    digest,
    bundle,
    prompt,
    policy,
    screen: (side, text, about) =>
      policy
        ? screen(policy, side, text, detect, about)
        : Promise.resolve({ outcome: 'passed', text, findings: [] }),
    index,
    route: [{ provider: base.provider, model: base.model, adapter: base.adapter }, ...base.standby],
    bytes:
      (bundle.prompt.artifact.bytes + (bundle.safety?.artifact.bytes ?? 0)) * memoryPerPartByte,
    close: () => Promise.resolve(),
  };
}

function timeDetection(detect: Detect, model: MeasuredModel, onLooked: OnDetected): Detect {
  return async (spec, ...text) => {
    const startedAt = performance.now();
    const reportDetection = (outcome: string) =>
      onLooked({
        ...model,
        kind: spec.kind,
        outcome,
        seconds: (performance.now() - startedAt) / 1000,
      });
    try {
      const findings = await detect(spec, ...text);
      reportDetection(findings.length > 0 ? 'found' : 'passed');
      return findings;
    } catch (error) {
      reportDetection(isPerennialError(error) ? error.type : 'failed');
      throw error;
    }
  };
}

function checkVariables(
  { model, signature: { input } }: ReleaseBundle,
  prompt: PromptTemplate,
  index: BundleIndex | null,
): void {
  const wanted = listVariables(prompt);
  const given = [input, ...(index ? [index.variable] : [])];
  const open = wanted.filter((name) => !given.includes(name));
  const unused = given.filter((name) => !wanted.includes(name));
  if (open.length === 0 && unused.length === 0) return;
  const said =
    open.length > 0
      ? `also needs ${open.join(', ')}`
      : `has no variable ${unused.join(', ')}, so the user’s text or the passages would not reach the model`;
  throw failure('ModelUnloadable', `the prompt ${prompt.name} of ${model} ${said}`);
}

async function prepareDetectors(
  model: string,
  policy: SafetyPolicy,
  { detectors }: Pick<BundleLoaderOptions, 'detectors'>,
): Promise<void> {
  try {
    await detectors.prepare(policy);
  } catch (cause) {
    unlessAway(cause);
    const said = isPerennialError(cause) ? cause.message : 'its detectors could not be loaded';
    const next = isPerennialError(cause) ? cause.next : undefined;
    throw failure(
      'ModelUnloadable',
      `${model} cannot be served with its safety policy ${policy.name}: ${said}`,
      {
        ...(next && { next }),
        cause,
      },
    );
  }
}

/** Check that the index serves the evaluated version and that its embedder matches. */
async function checkIndex(
  tenant: Tenant,
  model: string,
  { name: index, version, digest, mode }: BundleIndex,
  { indexes }: Pick<BundleLoaderOptions, 'indexes'>,
): Promise<void> {
  const found = await indexes.check({ tenant, index, version, mode }).catch((cause: unknown) => {
    unlessAway(cause);
    const said = isPerennialError(cause) ? cause.message : `${index}@${version} is not available`;
    throw failure('ModelUnloadable', `${model} cannot be served without its index: ${said}`, {
      cause,
    });
  });
  if (found.digest === digest) return;
  throw failure(
    'ModelUnloadable',
    `${model} was evaluated with another ${index}@${version} (${digest}) than this one (${found.digest})`,
  );
}

/**
 * Check the settings of the reranker. Whether it is available is a matter of each question, as for
 * a standby.
 */
function checkReranker(
  model: string,
  { provider }: BundleReranker,
  { access }: Pick<BundleLoaderOptions, 'access'>,
): void {
  try {
    access.requireProvider(provider, { reranking: true });
  } catch (cause) {
    const [said, next] = isPerennialError(cause)
      ? [cause.message, cause.next]
      : [`${provider} is not available`, undefined];
    throw failure('ModelUnloadable', `${model} cannot be served without its reranker: ${said}`, {
      ...(next && { next }),
      cause,
    });
  }
}

/**
 * Something that is not available now, or a spent budget, does not refuse a bundle; the promotion
 * tries again.
 */
function unlessAway(cause: unknown): void {
  if (!isPerennialError(cause)) return;
  if (cause.type === 'BudgetSpent')
    throw failure('ProviderUnavailable', cause.message, {
      ...(cause.next && { next: cause.next }),
      cause,
    });
  if (failureTypes[cause.type].retryable) throw cause;
}

async function readPart<T>(
  artifacts: VersionArtifacts,
  ref: ArtifactRef,
  what: string,
): Promise<T> {
  return JSON.parse(
    new TextDecoder().decode(await verifiedBytes(artifacts, ref, maxPartBytes, what)),
  ) as T;
}

/** A standby need not be available when the bundle is loaded. */
async function probe(
  model: string,
  base: BundleBase,
  { access, probeTimeoutMs }: Pick<BundleLoaderOptions, 'access' | 'probeTimeoutMs'>,
): Promise<void> {
  const signal = AbortSignal.timeout(probeTimeoutMs);
  let names: readonly string[];
  try {
    names = await access.models(base.provider, { signal });
  } catch (cause) {
    unlessAway(cause);
    if (signal.aborted)
      throw failure(
        'ProviderTimeout',
        `${base.provider} did not list its models within ${probeTimeoutMs} ms`,
        { cause },
      );
    const said = isPerennialError(cause)
      ? cause.message
      : `${base.provider} did not list its models`;
    throw failure('ModelUnloadable', `${model} failed its probe: ${said}`, { cause });
  }
  if (!names.includes(base.model)) {
    throw failure(
      'ModelUnloadable',
      `${base.provider} has no model ${base.model}; it has ${names.slice(0, 10).join(', ') || 'none'}`,
    );
  }
}

import type { ModelAccess, ModelTarget } from '../../data/llm/model-access';
import type { ArtifactRef, Digest } from '../../domain/artifact';
import { failure, isPerennialError } from '../../domain/failure';
import type { BundleBase, ReleaseBundle } from '../../domain/llm/bundle';
import type { PromptTemplate } from '../../domain/llm/prompt';
import { variablesOf } from '../../domain/llm/prompt-render';
import type { SafetyPolicy } from '../../domain/llm/safety/policy';
import { verifiedBytes, type VersionArtifacts } from './verified-bytes';

/** A language application whose model is there to be asked. */
export interface LoadedBundle {
  readonly kind: 'bundle';
  readonly digest: Digest;
  readonly bundle: ReleaseBundle;
  readonly prompt: PromptTemplate;
  readonly policy: SafetyPolicy | null;
  readonly route: readonly ModelTarget[];
  readonly bytes: number;
  close(): Promise<void>;
}

export interface BundleLoaderOptions {
  readonly artifacts: VersionArtifacts;
  readonly access: Pick<ModelAccess, 'models'>;
  readonly probeTimeoutMs: number;
}

const maxPartBytes = 4 * 1024 * 1024;
/** Templates and phrases as text and as objects; the model is elsewhere. */
const memoryPerPartByte = 4;

/** Reads what the bundle names and asks its provider for the model, so that no bundle is routed to whose every answer would be an error. */
export async function loadBundle(bundle: ReleaseBundle, digest: Digest, options: BundleLoaderOptions): Promise<LoadedBundle> {
  const { model, base, signature } = bundle;
  const prompt = await readPart<PromptTemplate>(options.artifacts, bundle.prompt.artifact, `the prompt of ${model}`);
  const policy =
    bundle.safety && (await readPart<SafetyPolicy>(options.artifacts, bundle.safety.artifact, `the safety policy of ${model}`));
  const open = variablesOf(prompt).filter((name) => name !== signature.input);
  if (open.length > 0 || !variablesOf(prompt).includes(signature.input)) {
    const said = open.length > 0 ? `also wants ${open.join(', ')}` : `has no variable ${signature.input} for what the user writes`;
    throw failure('ModelUnloadable', `the prompt ${prompt.name} of ${model} ${said}`);
  }
  await probe(model, base, options);
  return {
    kind: 'bundle',
    digest,
    bundle,
    prompt,
    policy,
    route: [{ provider: base.provider, model: base.model, adapter: base.adapter?.digest ?? null }, ...base.standby],
    bytes: (bundle.prompt.artifact.bytes + (bundle.safety?.artifact.bytes ?? 0)) * memoryPerPartByte,
    close: () => Promise.resolve(),
  };
}

async function readPart<T>(artifacts: VersionArtifacts, ref: ArtifactRef, what: string): Promise<T> {
  return JSON.parse(new TextDecoder().decode(await verifiedBytes(artifacts, ref, maxPartBytes, what))) as T;
}

/** A standby need not be there: it is for when the first is away. */
async function probe(
  model: string,
  base: BundleBase,
  { access, probeTimeoutMs }: Pick<BundleLoaderOptions, 'access' | 'probeTimeoutMs'>,
): Promise<void> {
  let names: readonly string[];
  try {
    names = await access.models(base.provider, { signal: AbortSignal.timeout(probeTimeoutMs) });
  } catch (cause) {
    const said = isPerennialError(cause) ? cause.message : `${base.provider} did not list its models`;
    throw failure('ModelUnloadable', `${model} did not answer its probe: ${said}`, { cause });
  }
  if (!names.includes(base.model)) {
    throw failure('ModelUnloadable', `${base.provider} has no model ${base.model}; it has ${names.slice(0, 10).join(', ') || 'none'}`);
  }
}

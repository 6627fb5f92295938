import type { ModelProvider } from '../../data/llm/provider';
import type { Digest } from '../../domain/artifact';
import { failure, isPerennialError } from '../../domain/failure';
import type { BundleBase, ReleaseBundle } from '../../domain/llm/bundle';
import type { PromptTemplate } from '../../domain/llm/prompt';
import { variablesOf } from '../../domain/llm/prompt-render';
import { verifiedBytes, type VersionArtifacts } from './verified-bytes';

/** A language application whose model is there to be asked. */
export interface LoadedBundle {
  readonly kind: 'bundle';
  readonly digest: Digest;
  readonly bundle: ReleaseBundle;
  readonly prompt: PromptTemplate;
  readonly provider: ModelProvider;
  readonly bytes: number;
  close(): Promise<void>;
}

export interface BundleLoaderOptions {
  readonly artifacts: VersionArtifacts;
  /** Who answers for the base here. Throws NotFound where this gateway knows no such provider. */
  readonly providerFor: (base: BundleBase) => ModelProvider;
  readonly probeTimeoutMs: number;
}

const maxPromptBytes = 4 * 1024 * 1024;
/** The template as text and as objects; the model is elsewhere. */
const memoryPerPromptByte = 4;

/** Reads the prompt and asks the provider for its model, so that no bundle is routed to whose every answer would be an error. */
export async function loadBundle(
  bundle: ReleaseBundle,
  digest: Digest,
  { artifacts, providerFor, probeTimeoutMs }: BundleLoaderOptions,
): Promise<LoadedBundle> {
  const { model, base, signature } = bundle;
  const bytes = await verifiedBytes(artifacts, bundle.prompt.artifact, maxPromptBytes, `the prompt of ${model}`);
  const prompt = JSON.parse(new TextDecoder().decode(bytes)) as PromptTemplate;
  if (!variablesOf(prompt).includes(signature.input)) {
    throw failure('ModelUnloadable', `the prompt ${prompt.name} of ${model} has no variable ${signature.input} for what the user writes`);
  }
  const provider = providerFor(base);
  await probe(model, base, provider, probeTimeoutMs);
  return {
    kind: 'bundle',
    digest,
    bundle,
    prompt,
    provider,
    bytes: bytes.byteLength * memoryPerPromptByte,
    close: () => Promise.resolve(),
  };
}

async function probe(model: string, base: BundleBase, provider: ModelProvider, timeoutMs: number): Promise<void> {
  let names: readonly string[];
  try {
    names = await provider.models({ signal: AbortSignal.timeout(timeoutMs) });
  } catch (cause) {
    const said = isPerennialError(cause) ? cause.message : `${provider.name} did not list its models`;
    throw failure('ModelUnloadable', `${model} did not answer its probe: ${said}`, { cause });
  }
  if (!names.includes(base.model)) {
    throw failure('ModelUnloadable', `${base.provider} has no model ${base.model}; it has ${names.slice(0, 10).join(', ') || 'none'}`);
  }
}

import type { ArtifactRef, Digest } from '../../domain/artifact';
import { failure } from '../../domain/failure';
import { invalidInput } from '../../domain/document/issue-text';
import type { IdempotencyKey } from '../../domain/ids';
import type { BundleIndex, ReleaseBundle } from '../../domain/bundle/bundle';
import { withStandbys, type StandbyModel } from '../../domain/bundle/standby';
import type { LlmLifecycleSpec } from '../../domain/lifecycle/llm/llm-lifecycle';
import type { PromptTemplate } from '../../domain/prompt/prompt';
import { readStoredPrompt } from '../../domain/prompt/document';
import { listVariables } from '../../domain/prompt/render';
import { readSafetyPolicy } from '../../domain/safety/policy-document';
import type { ModelVersionRef } from '../../domain/model/model';
import type { RunRef } from '../../domain/run/run';
import type { ParseResult } from '../../domain/document/schema-issues.schema';
import type { ArtifactStore } from '../../data/artifact/store';
import { computeDigest } from '../../data/digest';
import type { Registry } from '../../db/registry';
import type { LineageNode } from '../../db/lineage/repository';

export interface BundleVersionDeps {
  readonly registry: Pick<Registry, 'models' | 'artifacts' | 'lineage' | 'indexes' | 'prompts'>;
  readonly artifacts: Pick<ArtifactStore, 'getJson' | 'putJson' | 'getBytes'>;
}

export interface WriteBundlesInput extends RunRef {
  readonly model: string;
  readonly spec: Pick<LlmLifecycleSpec, 'model' | 'sampling' | 'prompt' | 'safety' | 'index'>;
  /** The index version that passages come from. */
  readonly index: { readonly name: string; readonly version: number } | null;
  readonly files: Readonly<Record<string, ArtifactRef>>;
}

/** A prompt with everything else of the lifecycle, so that what is compared is what would serve. */
export interface WrittenBundle {
  /** Path of the prompt, or `prompt://name@ref`. */
  readonly path: string;
  readonly prompt: { readonly name: string; readonly digest: Digest };
  /** Manifest without standbys, which are known only after they are measured. */
  readonly manifest: ArtifactRef;
  /** Digest of the manifest if all configured standbys qualify; absent without standbys. */
  readonly withStandbys?: Digest;
  /** Whether its prompt quotes passages. */
  readonly retrieves: boolean;
  /**
   * The last applied change of documents in its index version; absent before the first. The
   * manifest names only the version, which stays the same when its documents change.
   */
  readonly indexChanges?: number;
}

export interface RegisterBundleInput extends RunRef {
  readonly key: IdempotencyKey;
  readonly manifest: ArtifactRef;
}

export function createBundleVersionActivities({ registry, artifacts }: BundleVersionDeps) {
  return {
    /**
     * Writes one bundle per candidate, in their order. Content-addressed: a retry returns the same
     * references, unless a label moved in between. Prompts from files become versions on a branch
     * with the name of the lifecycle, where people find and compare them.
     */
    async writeBundles(input: WriteBundlesInput): Promise<readonly WrittenBundle[]> {
      const { tenant, runId, model, spec, files } = input;
      const { candidates, input: variable } = spec.prompt;
      const storeJson = (value: unknown) => artifacts.putJson({ tenant, runId, value });
      const safety = spec.safety === null ? null : await policyPart(spec.safety, files);
      const found = await indexPart(input);
      const index = found?.part ?? null;
      const indexChanges = found?.applied ?? 0;
      const written: WrittenBundle[] = [];
      // One by one, because two prompts with one name become two versions in this order.
      for (const path of candidates) {
        const template = await readTemplate(input, path);
        const artifact = await storeJson(template);
        const prompt = { name: template.name, digest: artifact.digest, artifact };
        const { provider, name, standby } = spec.model;
        const bundle: ReleaseBundle = {
          kind: 'bundle',
          model,
          signature: { task: 'chat', input: variable },
          base: { provider, model: name, adapter: null, standby: [] },
          prompt,
          safety,
          sampling: spec.sampling,
          // A prompt that quotes no passages makes a bundle without retrieval. Compared with the
          // others, it shows what retrieval is worth.
          index: index && listVariables(template).includes(index.variable) ? index : null,
        };
        const manifest = await storeJson(bundle);
        const retrieves = bundle.index !== null;
        const changed = retrieves && indexChanges > 0 ? { indexChanges } : {};
        const whole =
          standby.length > 0 ? { withStandbys: computeDigest(withStandbys(bundle, standby)) } : {};
        written.push({
          path,
          prompt: { name: prompt.name, digest: prompt.digest },
          manifest,
          retrieves,
          ...whole,
          ...changed,
        });
      }
      return written;

      async function policyPart(path: string, of: typeof files): Promise<ReleaseBundle['safety']> {
        const policy = read(readSafetyPolicy(await readText(path, of), path), path);
        const artifact = await storeJson(policy);
        return { name: policy.name, digest: artifact.digest, artifact };
      }
    },

    /**
     * The same bundle with another model: one that the provider fine-tuned, or a standby. It has no
     * standbys itself.
     */
    async rebaseBundle({
      tenant,
      runId,
      bundle: ref,
      model,
      provider,
    }: RunRef & {
      readonly bundle: ArtifactRef;
      readonly model: string;
      readonly provider?: string;
    }): Promise<ArtifactRef> {
      const bundle = await artifacts.getJson<ReleaseBundle>(ref);
      const base = {
        ...bundle.base,
        ...(provider !== undefined && { provider }),
        model,
        standby: [],
      };
      return artifacts.putJson({
        tenant,
        runId,
        value: { ...bundle, base } satisfies ReleaseBundle,
      });
    },

    /** The bundle of the decision, with the qualified standbys. Content-addressed. */
    async nameStandbys({
      tenant,
      runId,
      bundle: ref,
      standbys,
    }: RunRef & {
      readonly bundle: ArtifactRef;
      readonly standbys: readonly StandbyModel[];
    }): Promise<ArtifactRef> {
      const bundle = await artifacts.getJson<ReleaseBundle>(ref);
      if (bundle.base.adapter !== null && standbys.length > 0)
        throw failure(
          'InvalidInput',
          `${bundle.model} uses a fine-tuned adapter, so it cannot have a standby`,
        );
      return artifacts.putJson({ tenant, runId, value: withStandbys(bundle, standbys) });
    },

    /** The same bundle with an adapter. Without standbys, which do not have the adapter. */
    async adaptBundle({
      tenant,
      runId,
      bundle: ref,
      adapter,
    }: RunRef & {
      readonly bundle: ArtifactRef;
      readonly adapter: ArtifactRef;
    }): Promise<ArtifactRef> {
      const bundle = await artifacts.getJson<ReleaseBundle>(ref);
      const base = { ...bundle.base, adapter, standby: [] };
      return artifacts.putJson({
        tenant,
        runId,
        value: { ...bundle, base } satisfies ReleaseBundle,
      });
    },

    /** Registers one version per key; a retry returns it. `withdrawVersion` undoes it. */
    async registerBundle({
      tenant,
      runId,
      key,
      manifest: ref,
    }: RegisterBundleInput): Promise<ModelVersionRef> {
      const bundle = await artifacts.getJson<ReleaseBundle>(ref);
      const { model, signature } = bundle;
      const version = await registry.models.register({
        tenant,
        model,
        runId,
        manifest: ref,
        signature,
        idempotencyKey: key,
      });
      const by = `model:${model}@${version.version}`;
      for (const { digest } of [ref, ...listParts(bundle)])
        await registry.artifacts.reference({ tenant, digest, by });
      const to = {
        kind: 'model',
        name: model,
        version: version.version,
        digest: ref.digest,
      } as const;
      const index = bundle.index;
      const origins: readonly LineageNode[] = [
        { kind: 'run', name: runId },
        ...(index
          ? [
              {
                kind: 'index',
                name: index.name,
                version: index.version,
                digest: index.digest,
              } as const,
            ]
          : []),
      ];
      await registry.lineage.add({ tenant, edges: origins.map((from) => ({ from, to, runId })) });
      return version;
    },
  };

  async function readTemplate(
    { tenant, runId, model, files, spec }: WriteBundlesInput,
    path: string,
  ): Promise<PromptTemplate> {
    const [, name = '', ref = ''] = /^prompt:\/\/([^@]+)@(.+)$/.exec(path) ?? [];
    if (name === '') {
      const template = read(readStoredPrompt(await readText(path, files), path), path);
      const cause = `${path} of ${model}`;
      const idempotencyKey = `${runId}/prompt/${path}`;
      await registry.prompts.put({
        tenant,
        prompt: template.name,
        template,
        branch: model,
        actor: `run:${runId}`,
        cause,
        idempotencyKey,
      });
      return template;
    }
    const found = await registry.prompts.resolve({ tenant, prompt: name, ref });
    if (!found)
      throw failure('NotFound', `prompt ${name}@${ref} does not exist`, {
        next: `perennial prompt show ${name}`,
      });
    const wanted = listVariables(found.template);
    const brought = [spec.prompt.input, ...(spec.index ? [spec.index.variable] : [])];
    const others = wanted.filter((each) => !brought.includes(each));
    if (others.length === 0 && wanted.includes(spec.prompt.input)) return found.template;
    const problem =
      others.length > 0
        ? `uses the variables ${others.join(', ')}`
        : `does not use the variable ${spec.prompt.input}`;
    throw failure(
      'InvalidInput',
      `${path} ${problem}, but a request provides ${brought.join(' and ')}`,
    );
  }

  async function indexPart({
    tenant,
    spec,
    index,
  }: WriteBundlesInput): Promise<{ readonly part: BundleIndex; readonly applied: number } | null> {
    if (spec.index === null || index === null) return null;
    const { variable, k, mode, rerank } = spec.index;
    const { name, version } = index;
    const found = await registry.indexes.get({ tenant, index: name, version });
    if (found?.state === 'ready')
      return {
        part: { name, version, digest: found.digest, variable, k, mode, ...(rerank && { rerank }) },
        applied: found.applied,
      };
    throw failure(
      'Conflict',
      `this bundle needs ${name}@${version}, which is ${found?.state ?? 'deleted'}`,
      {
        next: 'run with cache: false',
      },
    );
  }

  async function readText(
    path: string,
    files: Readonly<Record<string, ArtifactRef>>,
  ): Promise<string> {
    const ref = files[path];
    // `apply` refuses a revision that lacks a file it names.
    if (!ref) throw new Error(`the lifecycle revision has no file ${path}`);
    return new TextDecoder().decode(await artifacts.getBytes(ref));
  }
}

function listParts({ prompt, safety, base }: ReleaseBundle): readonly ArtifactRef[] {
  return [
    prompt.artifact,
    ...(safety ? [safety.artifact] : []),
    ...(base.adapter ? [base.adapter] : []),
  ];
}

/** `apply` has accepted this document, so an error here is unexpected. */
function read<T>(result: ParseResult<T>, path: string): T {
  if (!result.ok) throw invalidInput(path, result.issues);
  return result.value;
}

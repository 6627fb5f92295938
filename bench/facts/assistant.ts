/**
 * The sample wiki-assistant from its files, so that the measured bundle is the one of its
 * lifecycle.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { bundleAnswerer } from '../../data/language/evaluation/bundle-answerer';
import { type Answerer, bundleRetrieval } from '../../data/language/evaluation/answerer';
import type { LedgerAccess } from '../../data/language/reranker';
import { openRetrieval } from '../../data/language/retrieval';
import type { Detectors } from '../../data/safety/open-detectors';
import { computeDigest } from '../../data/digest';
import type { ArtifactRef, Digest } from '../../domain/artifact';
import type { IndexSpec } from '../../domain/index/index.schema';
import type { EvaluationCase } from '../../domain/language/cases/case';
import { readCaseSet } from '../../domain/language/cases/case-set-document';
import { parseLifecycle } from '../../domain/lifecycle/document';
import type { ReleaseBundle } from '../../domain/bundle/bundle';
import type { LlmLifecycleSpec } from '../../domain/lifecycle/llm/llm-lifecycle';
import type { PromptTemplate } from '../../domain/prompt/prompt';
import { readPrompt } from '../../domain/prompt/document';
import { listVariables } from '../../domain/prompt/render';
import type { SafetyPolicy } from '../../domain/safety/policy';
import { readSafetyPolicy } from '../../domain/safety/policy-document';
import type { ParseResult } from '../../domain/document/schema-issues.schema';
import type { WikiIndex } from './wiki-index';

export const bundleNames = ['plain', 'cited', 'passages'] as const;
export type AssistantName = (typeof bundleNames)[number];

export interface Assistant {
  readonly spec: LlmLifecycleSpec & { readonly index: IndexSpec };
  readonly prompts: Readonly<Record<AssistantName, PromptTemplate>>;
  readonly policy: SafetyPolicy;
  /** NDJSON. */
  readonly cases: string;
}

const folder = resolve(__dirname, '..', '..', 'samples', 'wiki-assistant');

export function readAssistant(): Assistant {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) =>
    /\.(yaml|ndjson)$/.test(path),
  );
  const files = Object.fromEntries(
    paths.map((path) => [path, readFileSync(join(folder, path), 'utf8')]),
  );
  const file = 'lifecycle.yaml';
  const parsed = parseLifecycle({ document: files[file], fileName: file, files, folder });
  if (!parsed.ok) throw new Error(`${file}: ${JSON.stringify(parsed.issues)}`);
  const { spec } = parsed;
  if (spec.kind !== 'LlmLifecycle' || spec.index === null || spec.safety === null)
    throw new Error(`${file} names no index or no policy`);
  const prompt = (name: AssistantName): PromptTemplate => {
    const path = `prompts/${name}.yaml`;
    return read(readPrompt(files[path], path), path);
  };
  return {
    spec: { ...spec, index: spec.index },
    prompts: { plain: prompt('plain'), cited: prompt('cited'), passages: prompt('passages') },
    policy: read(readSafetyPolicy(files[spec.safety] ?? '', spec.safety), spec.safety),
    cases: files[spec.cases.file] ?? '',
  };
}

/** Questions whose whole right answer is in the summary of their article. */
export function readSampleCases({ spec, cases: lines }: Assistant): readonly EvaluationCase[] {
  const { cases, issues } = readCaseSet(lines, spec.cases.file);
  if (issues.length > 0) throw new Error(`${spec.cases.file}: ${JSON.stringify(issues)}`);
  return cases;
}

/**
 * A prompt with the sample's model, sampling and policy, and with its index if the prompt has
 * passages.
 */
export function buildAnswerer(
  name: AssistantName,
  {
    assistant: { spec, prompts, policy },
    index,
    detectors,
    asking,
  }: {
    readonly assistant: Assistant;
    readonly index: WikiIndex;
    readonly detectors: Detectors;
    readonly asking: LedgerAccess;
  },
): Answerer {
  const prompt = prompts[name];
  const { variable, k, mode } = spec.index;
  const asked = listVariables(prompt).includes(variable)
    ? { name: index.name, version: index.version, digest: index.digest, variable, k, mode }
    : null;
  const bundle: ReleaseBundle = {
    kind: 'bundle',
    model: spec.name,
    signature: { task: 'chat', input: spec.prompt.input },
    base: { provider: spec.model.provider, model: spec.model.name, adapter: null, standby: [] },
    prompt: { name: prompt.name, ...stored(prompt) },
    safety: { name: policy.name, ...stored(policy) },
    sampling: spec.sampling,
    index: asked,
  };
  const retrieval =
    asked &&
    bundleRetrieval({
      retrieve: openRetrieval(index.reader),
      paying: asking,
      index: asked,
      input: spec.prompt.input,
    });
  return bundleAnswerer({ asking, bundle, prompt, policy, detectors, guarding: asking, retrieval });
}

/** A reference as for an artifact, although the bench reads the files. */
function stored(value: object): { readonly digest: Digest; readonly artifact: ArtifactRef } {
  const digest = computeDigest(value);
  return {
    digest,
    artifact: {
      uri: `file://${folder}`,
      digest,
      bytes: JSON.stringify(value).length,
      mediaType: 'application/json',
    },
  };
}

function read<T>(result: ParseResult<T>, path: string): T {
  if (result.ok) return result.value;
  throw new Error(`${path}: ${JSON.stringify(result.issues)}`);
}

import { formatByteSize } from '../../byte-size';
import { formatSeconds } from '../../duration';
import { apiVersion } from '../../lifecycle/lifecycle.schema';
import {
  computeDocument,
  computeOf,
  promoteDocument,
  promoteOf,
  scheduleDocument,
  scheduleOf,
  sourceOf,
  sourcesDocument,
} from '../../lifecycle/spec';
import { llmCanaryDocument, llmCanaryOf } from '../canary/canary';
import type { LlmLifecycleSpec } from './llm-lifecycle';
import type { CompleteLlmLifecycle } from './llm-lifecycle.schema';

/** The spec of a checked document. */
export function llmSpecOf({ metadata, spec }: CompleteLlmLifecycle): LlmLifecycleSpec {
  const {
    model,
    sampling,
    prompt,
    cases,
    data,
    index,
    fineTune,
    promptEval,
    evaluate,
    canary,
    safety,
    budget,
    promote,
    schedule,
    notify,
  } = spec;
  return {
    kind: 'LlmLifecycle',
    name: metadata.name,
    owner: metadata.owner,
    labels: metadata.labels,
    model,
    sampling,
    prompt,
    cases,
    data: data
      ? {
          sources: Object.entries(data.sources).map(([name, source]) => sourceOf(name, source)),
          maxBytes: data.limits.size,
          timeoutSeconds: data.limits.timeout,
        }
      : null,
    index: index ?? null,
    fineTune: fineTune ? { ...fineTune, compute: computeOf(fineTune.compute) } : null,
    promptEval: promptEval ?? null,
    evaluate: { ...evaluate, ungated: evaluate.ungated ?? null },
    canary: canary ? llmCanaryOf(canary) : null,
    safety: safety ?? null,
    budget,
    promote: promoteOf(promote),
    schedule: schedule === undefined ? null : scheduleOf(schedule),
    notify,
  };
}

/** The inverse of `llmSpecOf`: a document with every default written out. */
export function llmDocumentOf({ kind, name, owner, labels, ...spec }: LlmLifecycleSpec) {
  const {
    data,
    index,
    fineTune,
    promptEval,
    evaluate,
    canary,
    safety,
    promote,
    schedule,
    notify,
    ...parts
  } = spec;
  const { ungated, ...judged } = evaluate;
  return {
    apiVersion,
    kind,
    metadata: { name, owner, labels },
    spec: {
      ...parts,
      ...(data && {
        data: {
          sources: sourcesDocument(data.sources),
          limits: {
            size: formatByteSize(data.maxBytes),
            timeout: formatSeconds(data.timeoutSeconds),
          },
        },
      }),
      ...(index && { index: { ...index, maxDocument: formatByteSize(index.maxDocument) } }),
      ...(fineTune && { fineTune: { ...fineTune, compute: computeDocument(fineTune.compute) } }),
      ...(promptEval && { promptEval }),
      evaluate: { ...judged, ...(ungated !== null && { ungated }) },
      ...(canary && { canary: llmCanaryDocument(canary) }),
      ...(safety !== null && { safety }),
      promote: promoteDocument(promote),
      ...(schedule && { schedule: scheduleDocument(schedule) }),
      ...(notify.length > 0 && { notify }),
    },
  };
}

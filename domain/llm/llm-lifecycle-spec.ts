import { apiVersion } from '../lifecycle.schema';
import { promoteDocument, promoteOf, scheduleDocument, scheduleOf } from '../lifecycle-spec';
import type { LlmLifecycleSpec } from './llm-lifecycle';
import type { CompleteLlmLifecycle } from './llm-lifecycle.schema';

/** The checked document in the words that the rest of the platform uses. */
export function llmSpecOf({ metadata, spec }: CompleteLlmLifecycle): LlmLifecycleSpec {
  const { model, sampling, prompt, cases, promptEval, evaluate, safety, budget, promote, schedule, notify } = spec;
  return {
    kind: 'LlmLifecycle',
    name: metadata.name,
    owner: metadata.owner,
    labels: metadata.labels,
    model,
    sampling,
    prompt,
    cases,
    promptEval: promptEval ?? null,
    evaluate: { ...evaluate, ungated: evaluate.ungated ?? null },
    safety: safety ?? null,
    budget,
    promote: promoteOf(promote),
    schedule: schedule === undefined ? null : scheduleOf(schedule),
    notify,
  };
}

/** The way back: a document, every default written out, that reads as this spec. */
export function llmDocumentOf({ kind, name, owner, labels, ...spec }: LlmLifecycleSpec) {
  const { promptEval, evaluate, safety, promote, schedule, notify, ...parts } = spec;
  const { ungated, ...judged } = evaluate;
  return {
    apiVersion,
    kind,
    metadata: { name, owner, labels },
    spec: {
      ...parts,
      ...(promptEval && { promptEval }),
      evaluate: { ...judged, ...(ungated !== null && { ungated }) },
      ...(safety !== null && { safety }),
      promote: promoteDocument(promote),
      ...(schedule && { schedule: scheduleDocument(schedule) }),
      ...(notify.length > 0 && { notify }),
    },
  };
}

import type { IssueAt } from '../../../domain/document/document';
import { formatIssue } from '../../../domain/document/issue-text';
import type { Issue } from '../../../domain/failure';
import type { LifecycleSpec } from '../../../domain/lifecycle/revision';
import { backendAdvice } from '../../../domain/training/backend-settings';
import { findShortage, type ComputeOffer } from '../../../domain/training/compute-offer';
import { toJobResources, type ComputeSpec } from '../../../domain/training/job';

interface CheckedCompute {
  readonly issues: readonly Issue[];
  /** One per line. */
  readonly notes: readonly string[];
}

/**
 * Refuses a backend that no worker has, and a job that no node of it can run. The workers report
 * what they have every minute, because the API cannot reach the engines. Without any report, as when
 * all workers are stopped, only a note tells that nothing was checked.
 */
export function checkCompute(
  offers: readonly ComputeOffer[],
  spec: LifecycleSpec,
  issueAt: IssueAt,
): CheckedCompute {
  const used = findCompute(spec);
  if (used === null) return { issues: [], notes: [] };
  const { path, compute } = used;
  const { backend } = compute;
  const place = [...path, 'backend'];
  if (offers.length === 0) {
    if (backend === 'local') return { issues: [], notes: [] };
    const detail = `no worker is running, so backend ${backend} was not checked`;
    const note = issueAt(place, detail, { expected: `perennial compute check ${backend}` });
    return { issues: [], notes: [formatIssue(note)] };
  }
  const offered = offers.filter((offer) => offer.backend === backend);
  if (offered.length === 0) {
    const known = [...new Set(offers.map((offer) => offer.backend))].join(', ');
    const detail = `no worker has the backend ${backend}, only ${known}; ${backendAdvice(backend)}`;
    return { issues: [issueAt(place, detail, { expected: `one of ${known}` })], notes: [] };
  }
  // Workers may have different machines, and see different states of an engine.
  const shortages = offered.map((offer) => findShortage(offer, toJobResources(compute)));
  const [first] = shortages;
  if (!first || shortages.includes(null)) return { issues: [], notes: [] };
  const { key, detail, expected } = first;
  return { issues: [issueAt([...path, key], detail, { expected })], notes: [] };
}

interface UsedCompute {
  readonly path: readonly string[];
  readonly compute: ComputeSpec;
}

/** Null where only code decides, whose jobs are refused when they start. */
function findCompute(spec: LifecycleSpec): UsedCompute | null {
  switch (spec.kind) {
    case 'ModelLifecycle':
      return { path: ['spec', 'train', 'compute'], compute: spec.train.compute };
    case 'LlmLifecycle':
      return spec.fineTune?.by === 'job'
        ? { path: ['spec', 'fineTune', 'compute'], compute: spec.fineTune.compute }
        : null;
    case 'DataLifecycle':
      return null;
  }
}

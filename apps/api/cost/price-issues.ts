import type { ComputePrices } from '../../../domain/cost/price';
import type { IssueAt } from '../../../domain/document/document';
import type { Issue } from '../../../domain/failure';
import type { LifecycleSpec } from '../../../domain/lifecycle/revision';
import type { ComputeKind } from '../../../domain/training/job';

/** A cap in money needs a price for the backend of the jobs. */
export function priceIssues(
  prices: ComputePrices,
  spec: LifecycleSpec,
  issueAt: IssueAt,
): readonly Issue[] {
  const backend = findBackend(spec);
  if (backend === null || prices[backend]) return [];
  const { usd, model } = spec.budget ?? {};
  // The money of a run of a language application is also that of its questions.
  const places = [
    ...((usd ?? null) === null || spec.kind === 'LlmLifecycle' ? [] : [['spec', 'budget', 'usd']]),
    ...((model?.usd ?? null) === null ? [] : [['spec', 'budget', 'model', 'usd']]),
  ];
  return places.map((place) =>
    issueAt(place, `there is no price for backend ${backend}`, {
      expected: `${backend} in the file of PERENNIAL_PRICES_FILE, or a cap in cpuHours`,
    }),
  );
}

/** Null where only code decides, whose jobs are refused when they start. */
function findBackend(spec: LifecycleSpec): ComputeKind | null {
  switch (spec.kind) {
    case 'ModelLifecycle':
      return spec.train.compute.backend;
    case 'LlmLifecycle':
      return spec.fineTune?.by === 'job' ? spec.fineTune.compute.backend : null;
    case 'DataLifecycle':
      return null;
  }
}

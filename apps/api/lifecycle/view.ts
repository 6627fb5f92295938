import { z } from 'zod';
import { artifact, document, instant } from '../fields';
import { plannedStage } from '../run/planned-stage';

export const lifecycleSummary = z
  .object({
    name: z.string(),
    kind: z.string(),
    owner: z.string(),
    revision: z.number().describe('revision that new runs use'),
    digest: z.string(),
    createdAt: instant,
    updatedAt: instant,
    archivedAt: instant
      .nullable()
      .describe('since when no run may begin; null while the lifecycle is in use'),
  })
  .meta({ id: 'LifecycleSummary' });

const archived = z
  .object({ at: instant, by: z.string(), reason: z.string() })
  .nullable()
  .describe('since when, by whom and why the lifecycle is archived; null while it is in use');

export const lifecycleArchive = z
  .object({
    lifecycle: z.string(),
    archived,
    deletedAt: instant.nullable(),
    champion: z
      .number()
      .nullable()
      .describe('champion, which continues to serve; null without one'),
    openRuns: z
      .array(z.string())
      .readonly()
      .describe('runs that started before archiving and continue to their end, at most 20'),
  })
  .meta({ id: 'LifecycleArchive' });

const loosening = z.object({
  what: z.string(),
  before: z.unknown().optional(),
  after: z.unknown().optional(),
  why: z.string(),
});

const fileDiff = z.object({ path: z.string(), lines: z.array(z.string()).readonly() });
const fileDiffList = z
  .array(fileDiff)
  .readonly()
  .describe('changed lines of the files that differ from the revision in force');

const pendingRevision = z
  .object({
    revision: z.number(),
    digest: z.string(),
    baseRevision: z.number().describe('revision in force until this one is approved'),
    loosenings: z.array(loosening).readonly(),
    diffs: fileDiffList,
    proposedBy: z.string(),
    proposedAt: instant,
    required: z.number().describe('people who must approve it, by the policy in force'),
    role: z.enum(['approver', 'admin']).describe('scope that an approval needs'),
    approvals: z
      .array(
        z.object({
          by: z.string(),
          reason: z.string(),
          approvedAt: instant,
          isAuthor: z.boolean().describe('approved by its author, with selfApprove'),
        }),
      )
      .readonly(),
  })
  .meta({ id: 'PendingRevision' });

export const lifecycleRevision = z
  .object({
    lifecycle: z.string(),
    revision: z.number(),
    digest: z.string(),
    spec: document.describe(
      'complete spec with all defaults, durations in seconds, sizes in bytes',
    ),
    files: z.record(z.string(), artifact),
    contracts: z
      .record(z.string(), document)
      .describe('parsed contract file of each source that has one, by source name'),
    archived,
    pending: pendingRevision
      .nullable()
      .describe(
        'revision that loosens the policy or changes the judged rows, and waits for approvers',
      ),
  })
  .meta({ id: 'LifecycleRevision' });

export const lifecycleFiles = z
  .object({
    digest: z.string().describe('digest of the revision'),
    files: z.record(z.string(), z.string()).describe('path → text'),
  })
  .meta({ id: 'LifecycleFiles' });

export const revisionSummary = z
  .object({ revision: z.number(), digest: z.string(), appliedBy: z.string(), appliedAt: instant })
  .meta({ id: 'RevisionSummary' });

const warnings = z
  .array(z.string())
  .readonly()
  .describe(
    'sources that cannot be read, and providers and models that are not available, as far as the API can tell; a run would fail on them',
  );

export const applied = z
  .object({
    lifecycle: z.string(),
    revision: z.number(),
    digest: z.string(),
    changed: z.boolean().describe('whether new runs use another revision than before'),
    state: z
      .enum(['inForce', 'pending'])
      .describe('pending: it loosens the policy and waits for an approver other than its author'),
    loosenings: z.array(loosening).readonly(),
    diffs: fileDiffList,
    warnings,
  })
  .meta({ id: 'Applied' });

export const plan = z
  .object({
    lifecycle: z.string(),
    changed: z.boolean(),
    current: z.object({ revision: z.number(), digest: z.string() }).nullable(),
    next: z.string(),
    changes: z
      .array(
        z.object({
          what: z.string(),
          before: z.unknown().optional(),
          after: z.unknown().optional(),
        }),
      )
      .readonly(),
    stages: z.array(plannedStage).readonly(),
    loosenings: z
      .array(loosening)
      .readonly()
      .describe(
        'rules that are less strict than before, and changes of the judged rows if approvals are required',
      ),
    diffs: fileDiffList,
    lines: z.array(z.string()).readonly().describe('the same as text'),
    warnings,
  })
  .meta({ id: 'LifecyclePlan' });

export type LifecycleJson = z.output<typeof lifecycleSummary>;
export type ArchivedJson = z.output<typeof archived>;
export type ArchiveJson = z.output<typeof lifecycleArchive>;
export type PendingJson = z.output<typeof pendingRevision>;

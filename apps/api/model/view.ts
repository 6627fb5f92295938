import { z } from 'zod';
import type { ApprovalRecord } from '../../../db/decision/approval-repository';
import { importedFormats, tasks } from '../../../domain/model/model';
import { artifact, instant, verdict } from '../fields';
import { contractResults } from '../dataset/contract-view';
import { comparedEvaluation, trainingDataView } from './compare-view';
import { decisionWithEvidence } from '../decision/view';
import { lineageEdge } from '../lineage/view';
import { rolloutSummary } from '../rollout/view';
import { rolloutJudge } from '../rollout/judge-view';
import { runComparison, runView } from '../run/view';

const column = z.object({ name: z.string(), type: z.string() });

export const modelSummary = z
  .object({
    name: z.string(),
    versions: z.number(),
    champion: z.number().nullable(),
    createdAt: instant,
  })
  .meta({ id: 'ModelSummary' });

export const modelVersion = z
  .object({
    model: z.string(),
    version: z.number(),
    manifest: artifact.describe(
      'digest of the manifest, which identifies the version in evaluation, promotion and serving',
    ),
    status: z.enum(['candidate', 'promoted', 'rejected', 'withdrawn']),
    signature: z
      .union([
        z.object({
          task: z.literal('chat'),
          input: z.string().describe('prompt variable that receives the user’s text'),
        }),
        z.object({
          task: z.enum(tasks),
          request: z.array(column).readonly(),
          features: z.array(column).readonly(),
          output: z.literal('score'),
          classes: z
            .array(z.string())
            .readonly()
            .optional()
            .describe('classes of a multiclass model, in the order of its probabilities'),
          entity: z.string().nullable(),
          time: z.string().nullable(),
        }),
      ])
      .describe('required request columns'),
    metrics: z.record(z.string(), z.number()).describe('metrics that its trainer measured'),
    runId: z.string(),
    imported: z
      .object({
        format: z.enum(importedFormats),
        fileName: z.string(),
        digest: z.string(),
        actor: z.string().describe('name of the key that imported it'),
      })
      .nullable()
      .describe('the file that was imported; null for a model that its run trained'),
    createdAt: instant,
    updatedAt: instant,
  })
  .meta({ id: 'ModelVersion' });

const aliasState = z
  .object({ version: z.number(), fencing: z.number(), movedAt: instant })
  .meta({ id: 'AliasState' });

export const modelView = z
  .object({
    name: z.string(),
    aliases: z.object({
      champion: aliasState.nullable(),
      challenger: aliasState.nullable(),
      previous: aliasState.nullable(),
    }),
    versions: z.array(modelVersion).readonly().describe('the newest 20 versions'),
    inferUrl: z.string().nullable(),
  })
  .meta({ id: 'Model' });

export const championView = z
  .object({
    model: z.string(),
    alias: z.literal('champion'),
    version: z.number().nullable(),
    fencing: z.number(),
    movedAt: instant.nullable(),
  })
  .meta({ id: 'Champion' });

export const aliasMove = z
  .object({
    id: z.string(),
    kind: z.enum(['promote', 'rollback', 'withdraw']),
    alias: z.literal('champion'),
    from: z.number().nullable(),
    to: z.number().nullable(),
    fencing: z.number(),
    actor: z.string(),
    cause: z.string(),
    runId: z.string().nullable(),
    decisionId: z.string().nullable(),
    override: z
      .object({
        reason: z.string(),
        unmet: z.array(z.object({ code: z.string(), detail: z.string() })).readonly(),
        selfApproved: z.boolean().describe('by the person who started the run'),
      })
      .nullable()
      .describe(
        'override of a promotion by hand that did not meet the requirements of its revision',
      ),
    movedAt: instant,
  })
  .meta({ id: 'AliasMove' });

export const rolledBack = z
  .object({
    model: z.string(),
    from: z.number().nullable(),
    to: z.number(),
    fencing: z.number(),
    index: z
      .discriminatedUnion('kind', [
        z.object({ kind: z.literal('moved'), index: z.string(), from: z.number(), to: z.number() }),
        z.object({
          kind: z.literal('stays'),
          index: z.string(),
          at: z.number().nullable(),
          why: z.string(),
        }),
      ])
      .nullish()
      .describe(
        'index alias of a language application; it follows where a promotion of the application moved it',
      ),
    gateways: z
      .array(z.object({ id: z.string(), url: z.string(), epoch: z.number() }))
      .readonly()
      .describe('gateways with a lease, and the routing epoch that each has confirmed'),
  })
  .meta({ id: 'RolledBack' });

const approvalView = z
  .object({
    id: z.string(),
    runId: z.string(),
    vote: z.enum(['approve', 'reject']),
    keyId: z.string(),
    keyName: z.string(),
    scope: z.string(),
    comment: z.string().nullable(),
    createdAt: instant,
  })
  .meta({ id: 'Approval' });

export function approvalToJson(approval: ApprovalRecord): z.output<typeof approvalView> {
  const { id, runId, vote, keyId, keyName, scope, comment, createdAt } = approval;
  return { id, runId, vote, keyId, keyName, scope, comment, createdAt };
}

export const explanation = z
  .object({
    model: z.string(),
    version: z.number(),
    serves: z.boolean(),
    record: modelVersion,
    run: runView.nullable(),
    stages: z
      .array(
        z.object({
          name: z.string(),
          status: z.string(),
          seconds: z.number(),
          reusedFrom: z.string().nullable(),
          contracts: contractResults.nullable(),
        }),
      )
      .readonly(),
    rollout: rolloutSummary
      .extend({ judge: rolloutJudge.nullable() })
      .nullable()
      .describe('rollout in which it was the challenger'),
    decisions: z.array(decisionWithEvidence).readonly(),
    approvals: z.array(approvalView).readonly().describe('votes on its promotion, oldest first'),
    digests: z
      .array(
        z.object({
          what: z.string(),
          digest: z.string(),
          outcome: z.enum(['matches', 'differs', 'gone', 'unknown']),
          detail: z.string().nullable(),
        }),
      )
      .readonly()
      .describe('manifest, policies and evidence, verified now against their digests'),
    moves: z.array(aliasMove).readonly(),
    lineage: z.array(lineageEdge).readonly(),
  })
  .meta({ id: 'Explanation' });

export const versionComparison = z
  .object({
    versions: z.array(modelVersion.extend({ verdict: verdict.nullable() })).readonly(),
    evaluations: z
      .array(comparedEvaluation.nullable())
      .readonly()
      .describe('for each version; null without a stored evaluation'),
    trainedOn: z
      .array(z.array(trainingDataView).readonly())
      .readonly()
      .describe('datasets that each version was trained on'),
    runs: runComparison,
  })
  .meta({ id: 'VersionComparison' });

export type ModelJson = z.output<typeof modelView>;
export type ExplanationView = z.output<typeof explanation>;
export type AliasMoveJson = z.output<typeof aliasMove>;
export type ApprovalJson = z.output<typeof approvalView>;

import { z } from 'zod';
import { document, instant } from '../fields';

const promptRef = z
  .object({
    ref: z.string(),
    kind: z.enum(['branch', 'label']),
    version: z.number(),
    fencing: z.number(),
    movedAt: instant,
  })
  .meta({ id: 'PromptRef' });

export const promptSummary = z
  .object({
    name: z.string(),
    versions: z.number(),
    refs: z.array(promptRef).readonly(),
    createdAt: instant,
  })
  .meta({ id: 'PromptSummary' });

export const promptVersion = z
  .object({
    prompt: z.string(),
    version: z.number(),
    digest: z.string().describe('digest of the template’s canonical JSON, used in release bundles'),
    template: document.describe('messages, variables, few-shot sets, answer schema'),
    parent: z.number().nullable().describe('version that its author started from'),
    author: z.string(),
    cause: z.string(),
    createdAt: instant,
    approvals: z
      .array(
        z.object({
          actor: z.string(),
          selfApproved: z.boolean(),
          cause: z.string(),
          approvedAt: instant,
        }),
      )
      .readonly(),
  })
  .meta({ id: 'PromptVersion' });

export const promptView = z
  .object({
    name: z.string(),
    refs: z.array(promptRef).readonly(),
    versions: z.array(promptVersion).readonly().describe('the newest 20 versions'),
  })
  .meta({ id: 'Prompt' });

export const promptWritten = z
  .object({
    prompt: z.string(),
    branch: z.string(),
    version: z.number(),
    digest: z.string(),
    changed: z.boolean(),
  })
  .meta({ id: 'PromptWritten' });

export const promptMove = z
  .object({
    id: z.string(),
    ref: z.string(),
    kind: z.enum(['set', 'rollback']),
    from: z.number().nullable(),
    to: z.number(),
    fencing: z.number(),
    actor: z.string(),
    cause: z.string(),
    movedAt: instant,
  })
  .meta({ id: 'PromptMove' });

export const promptLabel = z
  .object({
    prompt: z.string(),
    label: z.string(),
    version: z.number().nullable(),
    fencing: z.number(),
  })
  .meta({ id: 'PromptLabel' });

export const promptDiff = z
  .object({
    prompt: z.string(),
    from: z.number(),
    to: z.number(),
    changes: z
      .array(
        z.object({
          place: z.string(),
          lines: z.array(z.object({ sign: z.enum([' ', '+', '-']), text: z.string() })).readonly(),
        }),
      )
      .readonly(),
  })
  .meta({ id: 'PromptDiff' });

export const promptRolledBack = z
  .object({
    prompt: z.string(),
    label: z.string(),
    from: z.number(),
    to: z.number(),
    fencing: z.number(),
  })
  .meta({ id: 'PromptRolledBack' });

export type PromptJson = z.output<typeof promptView>;
export type PromptWrittenJson = z.output<typeof promptWritten>;

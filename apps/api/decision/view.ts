import { z } from 'zod';
import { document, instant, verdict } from '../fields';

const fields = z.object({
  id: z.string(),
  policy: z.string(),
  evidence: z.string(),
  verdict,
  runId: z.string(),
  stage: z.string(),
  createdAt: instant,
});

const judgedGate = z.object({
  gate: z.string(),
  kind: z.string(),
  outcome: z.enum(['passed', 'failed', 'inconclusive', 'notApplicable', 'noted']),
  code: z.string(),
  message: z.string(),
  details: z
    .array(z.string())
    .readonly()
    .optional()
    .describe('further facts, one per line; absent if there are none'),
});

export const decisionWithEvidence = fields
  .extend({
    policyBody: document.describe('gates in force'),
    evidenceBody: document.describe('measurements'),
  })
  .meta({ id: 'Decision' });

export const whatIfView = z
  .object({
    was: verdict,
    wouldBe: verdict,
    gates: z.array(judgedGate).readonly().describe('outcomes under the other rules'),
  })
  .meta({ id: 'WhatIf' });

export type DecisionView = z.output<typeof decisionWithEvidence>;
export type WhatIfJson = z.output<typeof whatIfView>;

import { z } from 'zod';
import {
  incidentKinds,
  incidentSeverities,
  incidentStatuses,
} from '../../../domain/incident/incident';
import { instant } from '../fields';

const story = z.object({
  what: z.string().describe('what changed'),
  since: instant.nullable(),
  howLarge: z.string().nullable(),
  features: z
    .array(
      z.object({
        name: z.string(),
        effect: z
          .number()
          .nullable()
          .describe('total variation distance from the reference, 0 to 1; null if not measured'),
      }),
    )
    .readonly()
    .describe('affected features, the largest effect first'),
  slice: z.string().nullable(),
  dataVersion: z
    .string()
    .nullable()
    .describe(
      'dataset versions of the training and, if the alarm is about recent data, the newest',
    ),
  engineDid: z.string().describe('what Perennial has done'),
  waitsFor: z.string().nullable().describe('what a person must do; null if nothing'),
});

export const incidentView = z
  .object({
    id: z.string(),
    model: z.string().nullable().describe('null for an incident of the installation'),
    version: z.number().nullable(),
    kind: z.enum(incidentKinds),
    key: z.string().describe('at most one incident of a model with this key is not resolved'),
    severity: z.enum(incidentSeverities),
    status: z.enum(incidentStatuses),
    title: z.string(),
    story,
    link: z
      .string()
      .nullable()
      .describe('page with more details; null if PERENNIAL_PAGES_URL is not set'),
    updates: z.number().describe('how often the story was updated'),
    openedAt: instant,
    updatedAt: instant,
    acknowledgedBy: z.string().nullable(),
    acknowledgedAt: instant.nullable(),
    resolvedBy: z.string().nullable(),
    resolvedAt: instant.nullable(),
    because: z.string().nullable().describe('why it was resolved'),
    escalatedSeconds: z
      .number()
      .describe('the longest waiting time after which it was escalated; 0 if it was not'),
  })
  .meta({ id: 'Incident' });

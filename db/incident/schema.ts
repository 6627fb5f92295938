import { sql } from 'drizzle-orm';
import {
  check,
  foreignKey,
  index,
  integer,
  pgTable,
  primaryKey,
  text,
  uniqueIndex,
} from 'drizzle-orm/pg-core';
import {
  incidentKinds,
  incidentSeverities,
  incidentStatuses,
  type IncidentKind,
  type IncidentSeverity,
  type IncidentStatus,
  type IncidentStory,
} from '../../domain/incident/incident';
import { tenants } from '../tenant/schema';
import { bytewise, document, instant, restrictTo, tenantId } from '../columns';

export const incidents = pgTable(
  'incidents',
  {
    tenantId: tenantId(),
    id: bytewise('id').notNull(),
    /** Empty for an incident of the installation. */
    model: text('model').notNull(),
    version: integer('version'),
    kind: text('kind').$type<IncidentKind>().notNull(),
    key: text('key').notNull(),
    severity: text('severity').$type<IncidentSeverity>().notNull(),
    status: text('status').$type<IncidentStatus>().notNull().default('open'),
    title: text('title').notNull(),
    story: document<IncidentStory>('story').notNull(),
    updates: integer('updates').notNull().default(0),
    openedAt: instant('opened_at').notNull().defaultNow(),
    updatedAt: instant('updated_at').notNull().defaultNow(),
    acknowledgedBy: text('acknowledged_by'),
    acknowledgedAt: instant('acknowledged_at'),
    resolvedBy: text('resolved_by'),
    resolvedAt: instant('resolved_at'),
    because: text('because'),
    /** The longest `escalateAfter` that was applied, in seconds. */
    escalatedSeconds: integer('escalated_seconds').notNull().default(0),
  },
  (t) => [
    primaryKey({ name: 'incidents_pk', columns: [t.tenantId, t.id] }),
    foreignKey({
      name: 'incidents_tenant_fk',
      columns: [t.tenantId],
      foreignColumns: [tenants.id],
    }),
    uniqueIndex('incidents_one_open')
      .on(t.tenantId, t.model, t.key)
      .where(sql`${t.status} <> 'resolved'`),
    index('incidents_by_model').on(t.tenantId, t.model, t.id),
    index('incidents_to_escalate')
      .on(t.openedAt)
      .where(sql`${t.status} = 'open'`),
    restrictTo('incidents_kind_check', t.kind, incidentKinds),
    restrictTo('incidents_severity_check', t.severity, incidentSeverities),
    restrictTo('incidents_status_check', t.status, incidentStatuses),
    check('incidents_resolved_check', sql`(${t.resolvedAt} is null) = (${t.status} <> 'resolved')`),
  ],
);

import type { Tenant } from '../../domain/ids';
import type { Incident, IncidentStatus } from '../../domain/incident/incident';
import type { Database } from '../connection';
import type { Page, PageRequest } from '../page';
import { afterKey, rowsToAsk, toPage } from '../page';
import {
  changeRow,
  lockIncident,
  monitorActor,
  raiseIncident,
  resolveIncident,
  toIncident,
  type IncidentChange,
  type IncidentRow,
  type RaisedIncident,
} from './change';
import { followBlockedVersions } from './blocked-versions';
import { followDiskFailures } from './disk-failures';
import { escalateIncidents, followApprovals } from './escalation';

interface AlarmRaise {
  readonly fencing: number;
  /** False: only an incident that is open is updated, so one that a person resolved stays so. */
  readonly mayOpen: boolean;
}

/** Incidents that are not resolved, by model, kind and severity. */
export interface OpenIncidents extends Pick<Incident, 'kind' | 'severity'> {
  readonly tenant: Tenant;
  /** Empty for incidents of the installation. */
  readonly model: string;
  readonly incidents: number;
}

/** Every change writes its audit row and its deliveries in the same transaction. */
export interface IncidentRepository {
  /** Opens an incident, or updates the story of the one that is open under the same key. */
  raise(input: RaisedIncident): Promise<{ readonly incident: Incident; readonly isNew: boolean }>;
  /** The same for an alarm, while the monitor watches the champion with this fencing number. */
  raiseAlarm(input: RaisedIncident & AlarmRaise): Promise<void>;
  /**
   * Stops the escalation. A repetition changes nothing.
   * @throws NotFound, or Conflict for a resolved incident
   */
  acknowledge(input: IncidentChange): Promise<Incident>;
  /**
   * Resolves an incident by its id. A repetition changes nothing.
   * @throws NotFound
   */
  resolveById(input: IncidentChange): Promise<Incident>;
  /** Resolves the open incident of this key; null if there is none. */
  resolve(input: {
    readonly tenant: Tenant;
    readonly model: string;
    readonly key: string;
    readonly because: string;
    readonly actor?: string;
  }): Promise<Incident | null>;
  /** Escalates incidents without a timely acknowledgement. Returns how many it escalated. */
  escalate(input: { readonly limit: number }): Promise<number>;
  /** Opens and resolves the incidents of versions that gateways cannot load. */
  followBlockedVersions(input: { readonly startSeconds: number }): Promise<void>;
  /** Opens, updates and resolves the incident of gateways that cannot write to their disks. */
  followDiskFailures(input: { readonly startSeconds: number }): Promise<void>;
  get(input: { readonly tenant: Tenant; readonly id: string }): Promise<Incident | null>;
  /** The incident of this key that is not resolved; null if there is none. */
  open(input: {
    readonly tenant: Tenant;
    readonly model: string | null;
    readonly key: string;
  }): Promise<Incident | null>;
  /** Counts of all tenants. */
  openCounts(): Promise<readonly OpenIncidents[]>;
  /** Newest first. */
  list(
    input: {
      readonly tenant: Tenant;
      readonly model?: string | undefined;
      readonly status?: IncidentStatus | undefined;
    } & PageRequest,
  ): Promise<Page<Incident>>;
}

export function createIncidentRepository(database: Database): IncidentRepository {
  const { sql } = database;
  return {
    async escalate(input) {
      await followApprovals(database, input);
      return escalateIncidents(database, input);
    },

    followBlockedVersions: (input) => followBlockedVersions(database, input),

    followDiskFailures: (input) => followDiskFailures(database, input),

    async openCounts() {
      return sql<OpenIncidents[]>`
        select tenant_id as tenant, model, kind, severity, count(*)::float8 as incidents from incidents
        where status <> 'resolved' group by 1, 2, 3, 4 order by 1, 2, 3, 4`;
    },

    raise: (input) => sql.begin((tx) => raiseIncident(tx, input)),

    raiseAlarm: ({ fencing, mayOpen, ...input }) =>
      sql.begin(async (tx) => {
        const { tenant, model, key } = input;
        // The lock keeps the monitor from starting anew before this incident is stored.
        const [watching] = await tx`
          select from monitors where tenant_id = ${tenant} and model = ${model} and fencing = ${fencing} and status = 'watching' for share`;
        if (!watching) return;
        if (!mayOpen) {
          const [open] = await tx`
            select from incidents where tenant_id = ${tenant} and model = ${model} and key = ${key} and status <> 'resolved' for update`;
          if (!open) return;
        }
        await raiseIncident(tx, input);
      }),

    acknowledge: ({ reason, ...input }) =>
      sql.begin(async (tx) => {
        const row = await lockIncident(tx, input);
        return changeRow(tx, row, {
          event: { kind: 'acknowledged' },
          actor: input.actor,
          cause: reason,
        });
      }),

    resolveById: ({ reason, ...input }) =>
      sql.begin(async (tx) => {
        const row = await lockIncident(tx, input);
        return changeRow(tx, row, {
          event: { kind: 'resolved' },
          actor: input.actor,
          cause: reason,
        });
      }),

    resolve: ({ because, actor = monitorActor, ...of }) =>
      sql.begin((tx) => resolveIncident(tx, { ...of, because, actor })),

    async get({ tenant, id }) {
      const [row] = await sql<
        IncidentRow[]
      >`select * from incidents where tenant_id = ${tenant} and id = ${id}`;
      return row ? toIncident(row) : null;
    },

    async open({ tenant, model, key }) {
      const [row] = await sql<IncidentRow[]>`
        select * from incidents where tenant_id = ${tenant} and model = ${model ?? ''} and key = ${key} and status <> 'resolved'`;
      return row ? toIncident(row) : null;
    },

    async list({ tenant, model, status, ...page }) {
      const after = afterKey(page);
      const rows = await sql<IncidentRow[]>`
        select * from incidents where tenant_id = ${tenant}
          and ${model === undefined ? sql`true` : sql`model = ${model}`}
          and ${status === undefined ? sql`true` : sql`status = ${status}`}
          and ${after === null ? sql`true` : sql`id < ${after}`}
        order by id desc limit ${rowsToAsk(page)}`;
      return toPage(rows, page, (row) => row.id, toIncident);
    },
  };
}

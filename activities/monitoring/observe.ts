import { setTimeout as pause } from 'node:timers/promises';
import type { ArtifactRef, Digest } from '../../domain/artifact';
import { isPerennialError } from '../../domain/failure';
import type { Tenant } from '../../domain/ids';
import type { ChampionReference } from '../../domain/monitoring/observation/champion-reference';
import { isFallbackDue } from '../../domain/monitoring/observation/fallback-state';
import { nextMonitorStep } from '../../domain/monitoring/observation/monitor-step';
import { alarmKinds } from '../../domain/monitoring/observation/monitor-results';
import { uncheckedDrift } from '../../domain/monitoring/alarm/unchecked-drift';
import { observe } from '../../domain/monitoring/observation/observe';
import type { ArtifactStore } from '../../data/artifact/store';
import type { MonitorLook } from '../../db/monitoring/records';
import type { Registry } from '../../db/registry';
import { observeRetraining, raiseAlarms, resolveAlarms } from './raise';
import { withHeartbeat } from '../run/heartbeat';

export interface ObserveModelDeps {
  readonly registry: Pick<
    Registry,
    'monitors' | 'incidents' | 'retrainings' | 'lineage' | 'datasets'
  >;
  readonly artifacts: Pick<ArtifactStore, 'getJson'>;
}

export type ObserveResult =
  | { readonly kind: 'off'; readonly why: string }
  | { readonly kind: 'prepare'; readonly version: number }
  | {
      readonly kind: 'observed';
      readonly version: number;
      readonly rows: number;
      readonly alarms: number;
      /** Whether the former champion is to be compared (`compareFormer`). */
      readonly comparesFormer: boolean;
      /** Whether a run waits until a new sample was computed again (`measureSkew`). */
      readonly needsSkew: boolean;
      /** False after a long turn: call again at once. */
      readonly isDrained: boolean;
    };

/** Milliseconds of one turn; well within the activity's timeout. */
const turnMs = 300_000;
/** Rows and labels of one transaction: some 50 ms of counting. */
const batch = 2_000;
/** Time for labels to arrive: a replay sends them when due, 500 per call. */
const settleMs = 2_000;
/**
 * The pause after a batch, as a multiple of its time. Without pauses, a look would take a core for
 * a second or more, and requests would wait for it.
 */
const pausePerBatch = 3;
/** A look that is far behind hurries: after this time it makes no pause. */
const pausesMs = 10_000;
const longestPauseMs = 1_000;
/** References in memory. */
const maxCached = 50;

export function createObserveModelActivities({ registry, artifacts }: ObserveModelDeps) {
  const references = new Map<Digest, ChampionReference>();

  /** Artifacts never change, so a reference is read once in this process. */
  async function referenceAt(ref: ArtifactRef): Promise<ChampionReference> {
    const known = references.get(ref.digest);
    if (known) return known;
    const read = await artifacts.getJson<ChampionReference>(ref);
    const [oldest] = references.keys();
    if (references.size >= maxCached && oldest !== undefined) references.delete(oldest);
    references.set(ref.digest, read);
    return read;
  }

  return {
    /**
     * Counts what was logged since the last look. A retry continues after the last transaction, and
     * every row and label counts once.
     */
    observeModel(input: {
      readonly tenant: Tenant;
      readonly model: string;
    }): Promise<ObserveResult> {
      return withHeartbeat(async ({ signal, report }) => {
        const until = Date.now() + turnMs;
        for (;;) {
          const step = nextMonitorStep(await registry.monitors.facts(input));
          if (step.kind === 'off') {
            await turnOff(input, step.why);
            return { kind: 'off', why: step.why };
          }
          if (step.kind === 'prepare') return { kind: 'prepare', version: step.version };
          const { fencing, revision, settings: current } = step;
          await registry.monitors.keep({ ...input, fencing, revision, settings: current });
          const reference = await loadReference(input);
          const seen = await drain(input, { fencing, reference, until, signal, report });
          if (seen.kind === 'changed') continue;
          await raiseAlarms(registry, seen.monitor);
          const { version, state, results, settings } = seen.monitor;
          const alarms = results?.alarms ?? [];
          return {
            kind: 'observed',
            version,
            rows: state.rows,
            alarms: alarms.length,
            comparesFormer: settings !== null && isFallbackDue(settings, alarms),
            needsSkew:
              settings?.onAlarm === 'retrain' &&
              results !== null &&
              uncheckedDrift(results, state.eventNow)?.waitsForSkew === true,
            isDrained: seen.isDrained,
          };
        }
      });
    },
  };

  /** From then on no attempt opens an incident. A retry resolves what is still open. */
  async function turnOff(
    input: { readonly tenant: Tenant; readonly model: string },
    why: string,
  ): Promise<void> {
    await registry.monitors.turnOff({ ...input, why });
    const because = `the monitor is off: ${why}`;
    await resolveAlarms(registry, { ...input, kinds: alarmKinds, because });
    await observeRetraining(registry, { ...input, callsForRun: false, isBroken: false });
  }

  async function loadReference(input: {
    readonly tenant: Tenant;
    readonly model: string;
  }): Promise<ChampionReference | null> {
    const ref = (await registry.monitors.get(input))?.reference ?? null;
    if (ref === null) return null;
    try {
      return await referenceAt(ref);
    } catch (error) {
      if (!isPerennialError(error) || error.type !== 'ArtifactMissing') throw error;
      await registry.monitors.loseReference({ ...input, digest: ref.digest });
      return null;
    }
  }

  async function drain(
    input: { readonly tenant: Tenant; readonly model: string },
    {
      fencing,
      reference,
      until,
      signal,
      report,
    }: {
      readonly fencing: number;
      readonly reference: ChampionReference | null;
      readonly until: number;
      readonly signal: AbortSignal;
      readonly report: (details: unknown) => void;
    },
  ): Promise<MonitorLook> {
    const pausesUntil = Date.now() + pausesMs;
    for (;;) {
      signal.throwIfAborted();
      const batchedAt = Date.now();
      const seen = await registry.monitors.fold({
        ...input,
        fencing,
        limit: batch,
        settleMs,
        fold: (state, observation, settings) =>
          observe(state, observation, { settings, reference }),
      });
      if (seen.kind === 'changed' || seen.isDrained || Date.now() > until) return seen;
      report({ rows: seen.monitor.state.rows, labels: seen.monitor.state.labels });
      const now = Date.now();
      if (now < pausesUntil)
        await pause(Math.min((now - batchedAt) * pausePerBatch, longestPauseMs));
    }
  }
}

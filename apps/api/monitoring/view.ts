import { z } from 'zod';
import { binProblems } from '../../../domain/monitoring/bins';
import { driftRoles } from '../../../domain/monitoring/drift-results';
import { jumpSpans } from '../../../domain/monitoring/jump/jump-test';
import type { JumpResult } from '../../../domain/monitoring/jump/jump-results';
import type { LabelFeedResult } from '../../../domain/monitoring/labels/label-feed-result';
import { monitorActions, monitorFallbacks } from '../../../domain/lifecycle/sections/monitor-spec';
import { monitorStatuses } from '../../../domain/monitoring/monitor';
import { listTriggers } from '../../../domain/monitoring/alarm/alarm-triggers';
import {
  unknownLabels,
  type ContradictedLabels,
} from '../../../domain/monitoring/observation/contradicted-labels';
import {
  alarmKinds,
  type RefusedRequests,
} from '../../../domain/monitoring/observation/monitor-results';
import { refusalReasons } from '../../../domain/serving/refusal';
import type { RunOutlook } from '../../../domain/retraining/outlook';
import type { MonitorRecord, MonitorWindow } from '../../../db/monitoring/records';
import { instant } from '../fields';

const blockScale = z.enum(['hour', 'day', 'week']);

const monitorAlarm = z.object({
  key: z.string(),
  kind: z.enum(alarmKinds),
  feature: z.string().nullable(),
  title: z.string(),
  since: instant.describe(
    'event time of the first block that shows it; of the volume, the time of receipt',
  ),
  effect: z
    .number()
    .describe(
      'total variation distance; of a jump, the change of the mean as a share of the range of the ' +
        'reference; of quality, the increase of the loss; of the volume, the distance from the ' +
        'nearest usual number of requests as a share of it; of labels, the decrease of the share of ' +
        'predictions with a label',
    ),
  triggers: z.string().describe('what the alarm triggers, by the settings and the brakes of runs'),
});

const summary = z.object({
  model: z.string(),
  version: z.number().describe('the watched version; 0 without a champion'),
  status: z.enum(monitorStatuses),
  waitingFor: z.string().nullable().describe('why it is off, or what it measures nothing without'),
  rows: z.number().describe('requests that were counted since the version serves'),
  labels: z.number().describe('due labels that were counted since the version serves'),
  alarms: z.array(monitorAlarm).readonly(),
  eventNow: instant.nullable().describe('latest event time'),
  lookedAt: instant.nullable(),
  startedAt: instant,
});

export const monitorSummary = summary.meta({ id: 'MonitorSummary' });

const signal = z.object({
  kind: z
    .enum(['distribution', 'missing', 'unusual'])
    .describe('unusual: out of the range of the reference, or a value that it does not hold'),
  scale: blockScale,
  effect: z.number(),
  rows: z.number(),
  tolerance: z.number().nullable().describe('null if the scale is not tested'),
  reason: z.string().nullable().describe('why it is not tested'),
  logEvidence: z.number().describe('log-evidence of the newest block'),
  threshold: z.number().describe('the log-evidence that raises an alarm'),
  since: instant.nullable(),
  raisedAt: instant.nullable(),
});

const jump = z.object({
  limits: z
    .array(
      z.object({
        span: z
          .enum(jumpSpans)
          .describe('near: hours at most two apart; far: at most twelve, over a gap'),
        tolerance: z.number().nullable().describe('null if it is not tested'),
        reason: z.string().nullable().describe('why it is not tested'),
        largest: z.number().nullable().describe('the largest change in the reference'),
      }),
    )
    .readonly(),
  alarm: z
    .object({
      before: z.number(),
      after: z.number(),
      hours: z.number().describe('hours from the mean before to the mean after'),
      effect: z.number().describe('the change as a share of the range of the reference'),
      since: instant.describe('start of the hour that raised the alarm'),
    })
    .nullable(),
});

const featureDrift = z.object({
  feature: z.string(),
  role: z.enum(driftRoles).describe('pair: how usual the values of two features are together'),
  scale: blockScale.describe('of effect, rows, meanShift and bins'),
  effect: z
    .number()
    .describe('total variation distance from the reference, less what chance alone gives'),
  tolerance: z.number().nullable(),
  rows: z.number(),
  meanShift: z.number().nullable().describe('in standard deviations of the reference'),
  bins: z
    .array(
      z.object({
        bin: z.string(),
        problem: z.enum(binProblems).nullable().describe('null for usual values'),
        reference: z.number(),
        current: z.number(),
      }),
    )
    .readonly(),
  signals: z.array(signal).readonly(),
  jump: jump
    .nullable()
    .describe(
      'sudden changes of the mean of a number, in its units; null if they are not tested at all',
    ),
});

const quality = z.object({
  metric: z.string(),
  n: z.number().describe('labelled requests of the current four weeks of event time'),
  total: z.number().describe('labelled requests since the version serves'),
  since: instant.describe('start of the four weeks'),
  estimate: z.number(),
  lower: z.number(),
  upper: z.number(),
  reference: z.number().nullable().describe('mean loss on the holdout'),
  limit: z.number().nullable().describe('the loss on the holdout plus maxDrop'),
  bias: z.number().nullable().describe('mean prediction minus mean label'),
  slices: z
    .array(
      z.object({
        slice: z.string(),
        n: z.number(),
        estimate: z.number(),
        lower: z.number().nullable().describe('band of this slice alone'),
        upper: z.number().nullable(),
      }),
    )
    .readonly()
    .describe('mean loss of the current four weeks; limits are in tests'),
  tests: z
    .array(
      z.object({
        slice: z.string().describe('all, or column=value'),
        measure: z.enum(['loss', 'bias']),
        scale: z.enum(['day', 'week', 'fourWeeks']),
        value: z.number().nullable().describe('mean of the last whole block'),
        rows: z.number(),
        reference: z.number(),
        limit: z.number().nullable().describe('null if it is not tested'),
        reason: z.string().nullable().describe('why it is not tested'),
        since: instant.nullable().describe('start of the block that raised the open alarm'),
      }),
    )
    .readonly(),
  history: z
    .array(
      z.object({
        n: z.number(),
        eventTime: instant,
        estimate: z.number(),
        lower: z.number().nullable(),
        upper: z.number().nullable(),
      }),
    )
    .readonly(),
});

const service = z.object({
  rows: z.number().describe('requests of the last 24 hours with requests'),
  p50Ms: z.number().nullable().describe('an upper bound of the median latency in milliseconds'),
  p97Ms: z.number().nullable(),
  lastReceivedAt: instant.nullable(),
  failed: z.number().describe('requests of these hours that got no answer'),
  interrupted: z
    .number()
    .describe('requests of these hours in gateways that were killed, at most; not in `failed`'),
  hours: z.array(z.object({ hour: instant, rows: z.number(), failed: z.number() })).readonly(),
  tests: z
    .array(
      z.object({
        measure: z.enum(['failed', 'slow']),
        requests: z.number().describe('requests that were tested together'),
        hours: z.number().describe('hours that hold them; several if hours have few requests'),
        share: z.number().nullable().describe('null while fewer than 20 requests keep the limit'),
        lower: z.number().nullable(),
        limit: z.number(),
        maxMs: z.number().nullable().describe('the latency that counts as slow'),
        since: instant.nullable().describe('the first hour since which the limit is exceeded'),
      }),
    )
    .readonly(),
});

const refused = z.object({
  rows: z.number().describe('refused requests of the last 24 hours with requests'),
  requests: z
    .number()
    .describe('answered, failed and refused rows of these hours; a refused request is one row'),
  causes: z
    .array(
      z.object({
        reason: z.enum(refusalReasons),
        column: z.string().nullable().describe('null for an unknown column or a malformed body'),
        rows: z.number().describe('refused requests; one may have several causes'),
      }),
    )
    .readonly()
    .describe('since the alarm began, or in these hours; the most frequent first'),
  limit: z.number().describe('monitor.data.maxRefused'),
  share: z.number().nullable().describe('null while fewer than 20 requests keep the limit'),
  lower: z.number().nullable(),
  since: instant.nullable().describe('the first hour since which the limit is exceeded'),
});

const volumeBlock = z.object({
  from: instant,
  until: instant,
  requests: z.number().describe('of all versions of the model, also those without an answer'),
  lowest: z.number().describe('the smallest number of the same blocks in the weeks before'),
  highest: z.number(),
  weeks: z.number().describe('weeks before that were counted, at most four'),
  limits: z
    .object({ fewer: z.number().nullable(), more: z.number().nullable() })
    .describe('the largest number that is too low and the smallest too high; null: not tested'),
});

const volumeAlarm = z
  .object({ since: instant, block: volumeBlock.describe('the newest block that shows it') })
  .nullable();

const volume = z.object({
  countedFrom: instant.nullable().describe('the first whole hour that was counted'),
  judgedUntil: instant,
  scales: z
    .array(
      z.object({
        scale: blockScale,
        newest: volumeBlock,
        alarms: z.object({ fewer: volumeAlarm, more: volumeAlarm }),
      }),
    )
    .readonly()
    .describe('those with three weeks or more before the newest block'),
});

const labelFeed = z.object({
  newest: z
    .object({
      day: z.string().describe('UTC day of event time'),
      predictions: z.number(),
      labelled: z.number().describe('those with a label within a day after it was due'),
    })
    .describe('the newest day whose labels are due'),
  reference: z
    .object({
      limit: z.number().describe('the least share of labelled predictions to expect on average'),
      usual: z.number().nullable().describe('mean share of the days before; null: maxMissing'),
      days: z.number().describe('the days before; 0: the limit is 1 − maxMissing'),
    })
    .nullable()
    .describe('null while no day can be tested'),
  alarm: z
    .object({
      since: z.string().describe('the first UTC day of event time that shows it'),
      until: z.string(),
      predictions: z.number(),
      labelled: z.number(),
    })
    .nullable(),
});

const skew = z.object({
  measuredAt: instant,
  rows: z.number(),
  compared: z.number().describe('requests with a logged score'),
  agreeing: z.number().describe('those that differ by at most 0.005'),
  maxDifference: z.number(),
  failure: z.string().nullable().describe('why nothing was compared'),
});

const fallback = z.object({
  former: z.number().describe('the version before the champion'),
  since: instant.describe('event time from which labels count'),
  n: z.number().describe('labelled requests that both versions scored'),
  difference: z.number().nullable().describe('mean loss of the champion minus that of the former'),
  lower: z.number().nullable(),
  needed: z.number().nullable().describe('the former serves again once `lower` is above it'),
  isBetter: z.boolean(),
  failure: z.string().nullable().describe('why nothing more is compared'),
});

export const monitorView = summary
  .extend({
    revision: z.number().describe('lifecycle revision of the settings'),
    settings: z
      .object({
        everySeconds: z.number(),
        metric: z.string(),
        maxDrop: z.number(),
        minEffect: z.number(),
        falseAlarmsPerYear: z.number(),
        maxRefused: z.number(),
        volumeTolerance: z.number().nullable().describe('null if the volume is not tested'),
        onAlarm: z.enum(monitorActions),
        fallback: z.enum(monitorFallbacks),
        timezone: z.string(),
        availableAfterSeconds: z.number(),
      })
      .nullable(),
    reference: z.string().nullable().describe('digest of the reference'),
    drift: z.array(featureDrift).readonly(),
    quality: quality.nullable(),
    estimate: z
      .object({
        metric: z.string(),
        rows: z.number(),
        loss: z.number(),
        from: z.string(),
        until: z.string(),
      })
      .nullable()
      .describe('estimate of the loss from calibrated scores, without labels; raises no alarm'),
    service: service.nullable(),
    refused: refused
      .nullable()
      .describe('requests that do not fit the signature of the model; null without any'),
    volume: volume
      .nullable()
      .describe('requests by the wall clock beside the weeks before; null until judged'),
    labelFeed: labelFeed
      .nullable()
      .describe('whether labels stop or thin; null until the labels of a day are due'),
    skew: skew.nullable().describe('training-serving skew of a sample of requests'),
    fallback: fallback
      .nullable()
      .describe('the comparison with the former champion while an alarm of quality is open'),
    contradicted: z
      .object({
        since: instant.describe('start of the last four weeks of event time'),
        labels: z.number().describe('due labels since then'),
        contradicted: z
          .number()
          .describe('those whose prediction got several labels with different values'),
      })
      .nullable()
      .describe('null while event time is not known'),
    unknown: z
      .array(z.object({ what: z.string(), why: z.string(), until: z.string().nullable() }))
      .readonly()
      .describe('what the monitor cannot tell, why, and when it will'),
    windows: z
      .array(
        z.object({
          hour: instant,
          rows: z.number(),
          labels: z.number(),
          loss: z.number().nullable().describe('mean loss of the labels'),
          features: z
            .record(z.string(), z.array(z.number()).readonly())
            .describe('rows by bin; the bins are those of drift'),
        }),
      )
      .readonly()
      .describe('the newest hours of event time, oldest first, at most a week'),
  })
  .meta({ id: 'Monitor' });

export type MonitorSummaryJson = z.output<typeof monitorSummary>;
export type MonitorJson = z.output<typeof monitorView>;

/** @param outlook what a request for an automatic run would meet; null only without alarms */
export function monitorSummaryToJson(
  monitor: MonitorRecord,
  outlook: RunOutlook | null,
): MonitorSummaryJson {
  const {
    model,
    version,
    status,
    waitingFor,
    state: { rows, labels, eventNow },
    results,
    lookedAt,
    startedAt,
    settings,
  } = monitor;
  const situation = settings &&
    results &&
    outlook && { model, settings, results, eventNow, outlook };
  const alarms =
    status === 'off' || !situation
      ? []
      : situation.results.alarms.map((each) => ({
          ...each,
          triggers: listTriggers(each.kind, situation),
        }));
  return {
    model,
    version,
    status,
    waitingFor,
    rows,
    labels,
    alarms,
    eventNow,
    lookedAt,
    startedAt,
  };
}

export function monitorToJson(
  monitor: MonitorRecord,
  {
    windows,
    contradicted,
    outlook,
  }: {
    readonly windows: readonly MonitorWindow[];
    readonly contradicted: ContradictedLabels | null;
    readonly outlook: RunOutlook;
  },
): MonitorJson {
  const { revision, settings, reference, results, status } = monitor;
  const shown = status === 'off' ? null : results;
  return {
    ...monitorSummaryToJson(monitor, outlook),
    revision,
    settings: settings && {
      everySeconds: settings.everySeconds,
      metric: settings.metric,
      maxDrop: settings.quality.maxDrop,
      ...settings.drift,
      ...settings.data,
      volumeTolerance: settings.volume.enabled ? settings.volume.tolerance : null,
      onAlarm: settings.onAlarm,
      fallback: settings.fallback,
      timezone: settings.timezone,
      availableAfterSeconds: settings.availableAfterSeconds,
    },
    reference: reference?.digest ?? null,
    drift: (shown?.drift ?? []).map(({ alarm: _, signals, bins, jump: jumps = null, ...each }) => ({
      ...each,
      bins: bins.map(({ problem = null, ...bin }) => ({ ...bin, problem })),
      jump: jumps && jumpToJson(jumps),
      signals: signals.map(
        ({
          kind,
          scale,
          effect,
          rows,
          tolerance,
          reason,
          logEvidence,
          threshold,
          since,
          raisedAt,
        }) => ({
          kind,
          scale,
          effect,
          rows,
          tolerance,
          reason,
          logEvidence,
          threshold,
          since,
          raisedAt,
        }),
      ),
    })),
    quality: shown?.quality ?? null,
    estimate: shown?.estimate ?? null,
    service: shown?.service ?? null,
    refused: shown?.refused ? refusedToJson(shown.refused) : null,
    volume: shown?.volume ?? null,
    labelFeed: shown?.labelFeed ? labelFeedToJson(shown.labelFeed) : null,
    skew: shown?.skew ?? null,
    fallback: shown?.fallback ?? null,
    contradicted: shown && contradicted,
    unknown: [
      ...(shown?.unknown ?? []),
      ...(shown && contradicted ? unknownLabels(contradicted) : []),
    ],
    windows: windows.map(({ hour, counts: { rows, labels, loss, features } }) => ({
      hour,
      rows,
      labels,
      loss: labels === 0 ? null : loss / labels,
      features,
    })),
  };
}

function refusedToJson({ rows, requests, causes, test }: RefusedRequests): MonitorJson['refused'] {
  const { limit, share, lower, since } = test;
  return {
    rows,
    requests,
    causes: causes.flatMap(({ reason, ...each }) =>
      reason === 'refused' ? [] : [{ reason, ...each }],
    ),
    limit,
    share,
    lower,
    since,
  };
}

function labelFeedToJson({ reference, ...rest }: LabelFeedResult): MonitorJson['labelFeed'] {
  if (reference === null) return { ...rest, reference };
  const { limit, usual, days } = reference;
  return { ...rest, reference: { limit, usual, days } };
}

function jumpToJson({ limits, alarm }: JumpResult): MonitorJson['drift'][number]['jump'] {
  if (alarm === null) return { limits, alarm };
  const { before, after, hours, effect, since } = alarm;
  return { limits, alarm: { before, after, hours, effect, since } };
}

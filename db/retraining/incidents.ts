/** The incidents that tell people of the brakes of automatic and scheduled runs. */
import { brokenText } from '../../domain/retraining/broken-data';
import { retrainingIncidents, type DataHold } from '../../domain/retraining/retraining';
import type { RetrainingEffect } from '../../domain/retraining/transition';
import { triggersOnNewData } from '../../domain/lifecycle/sections/triggers';
import type { RaisedIncident } from '../incident/change';
import type { CurrentSpec, LifecycleName } from './records';

export const retrainingActor = 'retraining';

const incidentDefaults = { version: null, severity: 'warning' } as const;

/** Names the data, and what ends the hold. */
export function holdIncident(
  { tenant, lifecycle: model }: LifecycleName,
  hold: DataHold,
  { spec }: CurrentSpec,
): RaisedIncident {
  const { name, problem, shownBy, isSuspected, until } = hold;
  const trigger =
    spec.kind === 'ModelLifecycle'
      ? triggersOnNewData(spec.triggers, Boolean(spec.schedule))
      : null;
  // A scheduled run checks the contract again, so a contract holds only automatic runs.
  const isAlarm = shownBy === 'alarm';
  const held = isAlarm ? 'automatic and scheduled runs' : 'automatic runs';
  return {
    ...incidentDefaults,
    tenant,
    model,
    kind: 'data',
    key: retrainingIncidents.held,
    title: `no automatic ${isAlarm ? 'or scheduled run' : 'run'}: ${brokenText(hold)}`,
    story: {
      ...emptyStory,
      what: problem,
      dataVersion: name,
      engineDid: `It holds ${held}, because a model trained on broken data would be worse.${endText(until)}`,
      waitsFor: isSuspected
        ? `Somebody may check the source of ${name}. If the change is real, perennial run start ${model} retrains at once.`
        : isAlarm
          ? `Somebody must repair ${name}. Automatic and scheduled runs go on when the alarm of the monitor ends.`
          : trigger === null
            ? `Somebody must repair ${name}, then resolve this incident.`
            : `Somebody must repair ${name}. Automatic runs go on with ${trigger}, or when a person resolves this incident.`,
    },
    actor: retrainingActor,
  };
}

/** Calls a person after too many fruitless runs. */
export function stopIncident(
  { tenant, lifecycle: model }: LifecycleName,
  { of, fruitless }: Extract<RetrainingEffect, { readonly kind: 'stop' }>,
): RaisedIncident {
  if (of === 'alarms')
    return {
      ...incidentDefaults,
      tenant,
      model,
      kind: 'retraining',
      key: retrainingIncidents.alarmsStopped,
      title: `runs for alarms stopped after ${fruitless} that found no better model`,
      story: {
        ...emptyStory,
        what: `${fruitless} runs that alarms started found no better model, without a release between them.`,
        engineDid:
          'It starts no run for an alarm. The schedule, events and new data still start runs. The champion continues to serve.',
        waitsFor:
          'A release of another run ends this stop. A person who resolves this incident ends it too.',
      },
      actor: retrainingActor,
    };
  return {
    ...incidentDefaults,
    tenant,
    model,
    kind: 'retraining',
    key: retrainingIncidents.stopped,
    severity: 'critical',
    title: `automatic and scheduled runs stopped after ${fruitless} fruitless ones`,
    story: {
      ...emptyStory,
      what: `${fruitless} automatic or scheduled runs were fruitless, without a release between them.`,
      engineDid: 'It stopped automatic and scheduled runs. The champion continues to serve.',
      waitsFor: 'A person must find the cause and resolve this incident; then these runs go on.',
    },
    actor: retrainingActor,
  };
}

function endText(until: string | undefined): string {
  return until === undefined ? '' : ` The hold ends at ${until} at the latest.`;
}

const emptyStory = {
  since: null,
  howLarge: null,
  features: [],
  slice: null,
  dataVersion: null,
} as const;

/** The triggers and brakes of a lifecycle as the API returns them, as text for a terminal. */
import { formatSeconds } from '../../../domain/duration';
import { figure } from '../../../domain/format';
import { triggersOnNewData } from '../../../domain/lifecycle/sections/triggers';
import type { RetrainingJson } from '../../api/retraining/view';
import type { Paint } from '../terminal';

export function describeRetraining(shown: RetrainingJson, paint: Paint): string {
  const { lifecycle, status, run, queued, fruitless, alarmRuns, maxFailures, budget } = shown;
  const isFree = status === 'ready' || status === 'running';
  return [
    `${paint.bold(lifecycle)}  ${isFree ? words[status] : paint.yellow(words[status])}`,
    ...brakeLines(shown).map((line) => `  ${line}`),
    ...(queued === null ? [] : [`waits: a run for ${queued.reason}`]),
    ...(run === null ? [] : [`open run: ${run}`]),
    `triggers: ${triggersText(shown)}`,
    `rules: ${rulesText(shown)}`,
    `fruitless runs since the last release: ${fruitless} of ${maxFailures}`,
    `runs for alarms without a better model: ${alarmRuns.fruitless} of ${maxFailures}`,
    budget === null ? 'budget: no cap for the runs of this lifecycle' : budgetText(budget),
  ].join('\n');
}

const words: Readonly<Record<RetrainingJson['status'], string>> = {
  ready: 'ready: the next trigger starts a run',
  running: 'an automatic or scheduled run is open',
  coolingDown: 'cooling down',
  held: 'held by broken data or a fresh jump',
  stopped: 'stopped after fruitless runs',
};

function brakeLines(shown: RetrainingJson): string[] {
  const { status, hold, stop, notBefore, fruitless, triggers, alarmRuns } = shown;
  const lines: string[] = [];
  if (stop !== null)
    lines.push(`find the cause, then: ${resolve(stop.incident, 'the cause is repaired')}`);
  if (alarmRuns.stop !== null)
    lines.push(
      'alarms start no run until another run releases a version, or: ' +
        resolve(alarmRuns.stop.incident, 'alarms may start runs again'),
    );
  if (hold !== null) {
    lines.push(`${hold.data}: ${hold.problem}`);
    lines.push(
      hold.shownBy === 'alarm'
        ? `ends by itself ${alarmHoldEnd(hold, 'when')}`
        : contractHoldText(
            triggersOnNewData(triggers, triggers.schedule !== null),
            resolve(hold.incident, 'the data are right'),
          ),
    );
    if (hold.alarm !== null) {
      lines.push(`${hold.alarm.data}: ${hold.alarm.problem}`);
      lines.push(`also holds the runs ${alarmHoldEnd(hold.alarm, 'until')}`);
    }
  }
  if (hold?.until != null) lines.push(`ends at ${hold.until} at the latest`);
  if (notBefore !== null && status === 'coolingDown')
    lines.push(`the next automatic run starts at ${notBefore} or later${backOff(fruitless)}`);
  if (status !== 'ready' && status !== 'running')
    lines.push('perennial run start and schedule trigger are not subject to these brakes');
  return lines;
}

/** The alarm of a jump can stay open for longer than the hold. */
function alarmHoldEnd(
  { isSuspected }: Pick<NonNullable<RetrainingJson['hold']>, 'isSuspected'>,
  when: 'when' | 'until',
): string {
  const end = isSuspected
    ? `the jump has lasted for a day, or ${when} its alarm ends`
    : 'the alarm of the monitor ends';
  return `${when} ${end} (perennial monitor show)`;
}

function contractHoldText(trigger: string | null, release: string): string {
  return trigger === null
    ? `nothing starts a run on new data; repair them, then: ${release}`
    : `ends with ${trigger}, or: ${release}`;
}

function backOff(fruitless: number): string {
  return fruitless < 2 ? '' : `; the wait doubled after ${fruitless} fruitless runs`;
}

function resolve(incident: string | null, reason: string): string {
  return incident === null
    ? 'its incident is resolved, so the next look ends it'
    : `perennial incident resolve ${incident} --reason "${reason}"`;
}

function triggersText({ triggers }: RetrainingJson): string {
  const { onAlarm, events, newData, schedule } = triggers;
  const all = [
    ...(onAlarm === 'retrain' ? ['alarms of the monitor'] : []),
    ...events.map((type) => `event ${type}`),
    ...(newData ? ['new data'] : []),
    ...(schedule === null ? [] : [`schedule ${schedule} (without cool-down)`]),
  ];
  return all.length === 0 ? 'none; only people start runs' : all.join(', ');
}

function rulesText({ cooldownSeconds, runStrategy }: RetrainingJson): string {
  return `cool-down ${formatSeconds(cooldownSeconds)}, run strategy ${runStrategy}`;
}

function budgetText({ period, limits }: NonNullable<RetrainingJson['budget']>): string {
  const parts = limits.map(
    ({ unit, limit, spent }) => `${figure(spent)} of ${figure(limit)} ${unitNames[unit] ?? unit}`,
  );
  return `budget of this ${period}: ${parts.length === 0 ? 'no cap' : parts.join(', ')}`;
}

const unitNames: Readonly<Record<string, string>> = { cpuHours: 'CPU-hours', usd: 'US dollars' };

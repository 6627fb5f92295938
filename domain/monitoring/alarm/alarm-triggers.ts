/** What an open alarm triggers, by the settings, the alarms beside it, and the brakes. */
import type { RunOutlook } from '../../retraining/outlook';
import { brokenText } from '../../retraining/broken-data';
import { earliestStart } from '../../retraining/transition';
import { listFreshJumps } from '../jump/fresh-jumps';
import type { MonitorSettings } from '../monitor';
import { isFallbackDue } from '../observation/fallback-state';
import type { MonitorAlarm, MonitorResults } from '../observation/monitor-results';
import { uncheckedDrift, type UncheckedDrift } from './unchecked-drift';

/** Everything that decides whether an alarm can start a run. */
export interface AlarmSituation {
  readonly model: string;
  readonly settings: MonitorSettings;
  readonly results: Pick<MonitorResults, 'alarms' | 'drift' | 'skew'>;
  /** Event time that the monitor has reached. */
  readonly eventNow: string | null;
  readonly outlook: RunOutlook;
}

/** Whether a run starts for an alarm, in words. */
interface RunProspect {
  /** `and …` if a run starts now or later; otherwise why none can. */
  readonly text: string;
  /** What a person must do; null if nothing. */
  readonly waitsFor: string | null;
}

export function listTriggers(kind: MonitorAlarm['kind'], situation: AlarmSituation): string {
  const { settings } = situation;
  const runs = `an incident${runsText(kind, situation)}`;
  return isFallbackDue(settings, [{ kind }])
    ? `${runs}; the former champion serves again if it is shown to be better (fallback: previous)`
    : runs;
}

function runsText(kind: MonitorAlarm['kind'], situation: AlarmSituation): string {
  if (situation.settings.onAlarm === 'notify') return '; no run starts (onAlarm: notify)';
  if (kind === 'service') return '; another version would not serve better';
  if (kind === 'volume') return '; no run starts, because another version gets the same requests';
  if (kind === 'labels') return '; no run starts, because another version gets the same labels';
  if (kind === 'data' || kind === 'skew')
    return situation.outlook.state.isAlarmHoldOver
      ? '; it no longer holds retraining, because it has lasted for a week'
      : '; retraining waits until this is repaired, for a week at most';
  return findProspect(situation).text;
}

export function describeWait(kind: MonitorAlarm['kind'], situation: AlarmSituation): string | null {
  if (kind === 'service') return 'a person who looks at the gateways and what they call';
  if (kind === 'volume')
    return 'a person who checks what the gateways refuse (429, 503), and asks the callers what changed';
  if (kind === 'labels') return 'a person who repairs what sends the labels';
  if (kind === 'data') return 'a person who repairs the data that callers send';
  if (kind === 'skew') return 'a person who finds why serving and training differ';
  return situation.settings.onAlarm === 'retrain'
    ? findProspect(situation).waitsFor
    : `a person who decides whether to retrain: perennial monitor show ${situation.model}`;
}

function uncheckedText({ checkedFrom, waitsForHours }: UncheckedDrift): string {
  return waitsForHours
    ? `, and a retraining run once requests until ${checkedFrom} show no broken data`
    : ', and a retraining run once a sample of these requests shows no training-serving skew';
}

/** The strongest brake comes first. */
function findProspect(situation: AlarmSituation): RunProspect {
  const { model, results, eventNow, outlook } = situation;
  const { state, otherRun, refused, now } = outlook;
  const { stopped, hold, run, lastRun = null, fruitless, alarmRuns } = state;
  const notBefore = earliestStart(state, 'drift');
  const brakes = `perennial retraining show ${model}`;
  if (stopped)
    return {
      text: `; no run starts, because automatic and scheduled runs stopped after ${fruitless} fruitless ones`,
      waitsFor: `a person who finds the cause and resolves the incident of the stop: ${brakes}`,
    };
  if (hold !== null && !hold.isSuspected)
    return {
      text: `; no run starts while ${brokenText(hold)}`,
      waitsFor: `a person who repairs ${hold.name}: ${brakes}`,
    };
  if (alarmRuns?.stopped)
    return {
      text: `; no run starts for it, because ${alarmRuns.fruitless} runs for alarms found no better model`,
      waitsFor: `a release of another run, or a person who resolves the incident of the stop: ${brakes}`,
    };
  const isHeldByAlarm = !state.isAlarmHoldOver;
  if (isHeldByAlarm && results.alarms.some(({ kind }) => kind === 'data' || kind === 'skew'))
    return {
      text: '; no run starts until the alarms of request data and of skew have ended, for a week at most',
      waitsFor: describeWait(
        results.alarms.some(({ kind }) => kind === 'data') ? 'data' : 'skew',
        situation,
      ),
    };
  const jumps = listFreshJumps(results).map(({ feature }) => feature);
  if (isHeldByAlarm && jumps.length > 0)
    return {
      text: ', and a retraining run once the jump has lasted for a day (onAlarm: retrain)',
      waitsFor:
        `a person who checks the source of ${jumps.join(', ')}, or the end of a day; if the change ` +
        `is real: perennial run start ${model}`,
    };
  if (run !== null) return { text: `; ${run} retrains the model`, waitsFor: null };
  // The request is queued, or repeated at every look while the alarm is open.
  if (otherRun !== null)
    return { text: `, and a retraining run once ${otherRun} has ended`, waitsFor: null };
  if (refused !== null)
    return {
      text: `; no run starts: ${refused}`,
      waitsFor: `a person who removes the cause: ${brakes}`,
    };
  const unchecked = uncheckedDrift(results, eventNow);
  if (unchecked !== null) return { text: uncheckedText(unchecked), waitsFor: null };
  if (notBefore !== null && Date.parse(notBefore) > Date.parse(now)) {
    const after = lastRun === null ? '' : ` after ${lastRun}`;
    const inRow = Math.max(fruitless, alarmRuns?.fruitless ?? 0);
    const why = inRow > 0 ? `back-off${after}: ${inRow} fruitless` : `cool-down${after}`;
    return { text: `, and a retraining run at ${notBefore} or later (${why})`, waitsFor: null };
  }
  return { text: ' and a retraining run (onAlarm: retrain)', waitsFor: null };
}

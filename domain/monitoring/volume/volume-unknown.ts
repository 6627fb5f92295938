/** What is not known of the volume, why, and when it will be. */
import { formatSeconds } from '../../duration';
import { count } from '../../format';
import { blockScales, type BlockScale } from '../blocks';
import type { UnknownResult } from '../observation/monitor-results';
import { minWeeks, type VolumeResult } from './volume';
import { hourMs } from './volume-blocks';
import { graceMs, lostGatewaySeconds, type VolumeState, type VolumeWait } from './volume-state';

const hoursOf: Readonly<Record<BlockScale, number>> = { hour: 1, day: 24, week: 168 };

const what = 'whether requests stop or double';

export function unknownVolume(state: VolumeState | null): readonly UnknownResult[] {
  return [...notJudged(state), ...notComparable(state?.result ?? null)];
}

/** A judgement that is late by less is no news: gateways end and start again. */
const lateMs = 2 * hourMs;

function notJudged(state: VolumeState | null): readonly UnknownResult[] {
  if (state === null || state.waitsFor === null) return [];
  const since = state.result === null ? state.resumedMs : Date.parse(state.result.judgedUntil);
  if (state.lookedMs - since < lateMs) return [];
  const { why, until } = waitText(state.waitsFor);
  return [{ what: `${what} since ${new Date(since).toISOString()}`, why, until }];
}

function waitText(wait: VolumeWait): { readonly why: string; readonly until: string } {
  const { kind, gateway } = wait;
  switch (kind) {
    case 'holds-predictions':
      return {
        why: `the gateway ${gateway} has predictions that PostgreSQL lacks`,
        until: 'it has written them',
      };
    case 'lost':
      return {
        why: `the gateway ${gateway} ended without deregistering, and may have left predictions on its disk`,
        until: `${formatSeconds(lostGatewaySeconds)} after it ended, unless another one ends in the same way`,
      };
    case 'clock': {
      const off = formatSeconds(Math.abs(wait.aheadSeconds));
      return {
        why: `the clock of the gateway ${gateway} is ${off} ${wait.aheadSeconds > 0 ? 'ahead of' : 'behind'} PostgreSQL's, so its requests count in other hours`,
        until: 'the clock is right',
      };
    }
  }
}

function notComparable(volume: VolumeResult | null): readonly UnknownResult[] {
  if (volume?.countedFrom == null)
    return [
      {
        what,
        why: 'no whole hour of requests was judged',
        until: `requests have been counted for ${minWeeks} weeks`,
      },
    ];
  const { countedFrom, scales } = volume;
  const missing = blockScales.filter((scale) => scales.every((each) => each.scale !== scale));
  const [next] = missing;
  if (next === undefined) return tooFewRequests(volume);
  return [
    {
      what: `${what}, by the ${missing.join(', the ')}`,
      why: `requests have been counted since ${countedFrom}; the ${next} needs ${minWeeks} weeks before it`,
      until: `the first ${next} that can be compared was judged, at ${knownAt(countedFrom, next)} or later`,
    },
  ];
}

/** The earliest time; a day or a week that begins later is over later. */
function knownAt(countedFrom: string, scale: BlockScale): string {
  // The hour before the same hour is compared too.
  const before = minWeeks * 168 + (scale === 'hour' ? 1 : 0);
  const ms = Date.parse(countedFrom) + (before + hoursOf[scale]) * hourMs + graceMs;
  return new Date(ms).toISOString();
}

/** The shorter scales at which even no request at all is not unusual. */
function tooFewRequests({ scales }: VolumeResult): readonly UnknownResult[] {
  return scales.flatMap(({ scale, newest, alarms }) =>
    newest.limits.fewer !== null || alarms.fewer !== null
      ? []
      : [
          {
            what: `whether requests stop, by the ${scale} from ${newest.from}`,
            why: `the same ${scale}s of ${newest.weeks} weeks had as few as ${count(newest.lowest)}`,
            until: null,
          },
        ],
  );
}

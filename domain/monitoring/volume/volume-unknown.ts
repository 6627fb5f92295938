/** What is not known of the volume, why, and when it will be. */
import { count } from '../../format';
import { blockScales, type BlockScale } from '../blocks';
import type { UnknownResult } from '../observation/monitor-results';
import { fewestWeeks, type VolumeResult } from './volume';
import { hourMs } from './volume-blocks';
import { graceMs } from './volume-state';

const hoursOf: Readonly<Record<BlockScale, number>> = { hour: 1, day: 24, week: 168 };

export function unknownVolume(volume: VolumeResult | null): readonly UnknownResult[] {
  const what = 'whether requests stop or double';
  if (volume?.countedFrom == null)
    return [
      {
        what,
        why: 'no whole hour of requests was counted',
        until: `requests have been counted for ${fewestWeeks} weeks`,
      },
    ];
  const { countedFrom, scales } = volume;
  const missing = blockScales.filter((scale) => scales.every((each) => each.scale !== scale));
  const [next] = missing;
  if (next === undefined) return tooFewRequests(volume);
  return [
    {
      what: `${what}, by the ${missing.join(', the ')}`,
      why: `requests have been counted since ${countedFrom}, and it takes ${fewestWeeks} weeks before the ${next}`,
      until: `${next === 'hour' ? 'an' : 'a'} ${next} is over at ${knownAt(countedFrom, next)} or later`,
    },
  ];
}

/** The earliest time; a day or a week that begins later is over later. */
function knownAt(countedFrom: string, scale: BlockScale): string {
  // The hour before the same hour is compared too.
  const before = fewestWeeks * 168 + (scale === 'hour' ? 1 : 0);
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

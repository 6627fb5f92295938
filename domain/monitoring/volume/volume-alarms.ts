/** Open alarms of the volume in words. */
import { count } from '../../format';
import type { BlockScale } from '../blocks';
import type { MonitorAlarm } from '../observation/monitor-results';
import { volumeSides, type VolumeAlarm, type VolumeResult, type VolumeSide } from './volume';

export function volumeAlarms(
  { scales }: Pick<VolumeResult, 'scales'>,
  timezone: string,
): readonly MonitorAlarm[] {
  return scales.flatMap(({ scale, alarms }) =>
    volumeSides.flatMap((side) => {
      const alarm = alarms[side];
      return alarm === null ? [] : [volumeAlarm(alarm, { scale, side, timezone })];
    }),
  );
}

function volumeAlarm(
  { since, block }: VolumeAlarm,
  at: { readonly scale: BlockScale; readonly side: VolumeSide; readonly timezone: string },
): MonitorAlarm {
  const { scale, side, timezone } = at;
  const { requests, lowest, highest, weeks, limits } = block;
  const when = blockText(block.from, scale, timezone);
  const usual = `the same ${scale}s of ${weeks} weeks had ${rangeText(lowest, highest)}`;
  const limit = limits[side] ?? 0;
  return {
    key: `volume:${scale}:${side}`,
    kind: 'volume',
    feature: null,
    title: `${count(requests)} requests in ${when}; ${usual}`,
    since,
    effect: side === 'fewer' ? 1 - requests / lowest : requests / highest - 1,
    size:
      `${count(requests)} requests in ${when}; ${usual}; ` +
      `limit ${count(limit)} or ${side === 'fewer' ? 'fewer' : 'more'}`,
    slice: null,
  };
}

function rangeText(lowest: number, highest: number): string {
  return lowest === highest ? count(lowest) : `${count(lowest)} to ${count(highest)}`;
}

/** Such as "the hour from 2024-04-01 14:00 (Europe/Berlin)". */
export function blockText(from: string, scale: BlockScale, timezone: string): string {
  // This locale writes times as RFC 3339 does.
  const [date = '', time = ''] = new Intl.DateTimeFormat('sv-SE', {
    timeZone: timezone,
    dateStyle: 'short',
    timeStyle: 'short',
  })
    .format(Date.parse(from))
    .split(' ');
  return `the ${scale} from ${scale === 'hour' ? `${date} ${time}` : date} (${timezone})`;
}

/** Requests of the newest hour, day and week beside those of the weeks before, for a terminal. */
import { count } from '../../../domain/format';
import { blockText } from '../../../domain/monitoring/volume/volume-alarms';
import type { MonitorJson } from '../../api/monitoring/view';
import type { Paint } from '../terminal';
import { alarmTable } from './alarm-table';

export function volumeLines({ volume, settings }: MonitorJson, paint: Paint): readonly string[] {
  if (volume === null || settings === null || volume.scales.length === 0) return [];
  const rows = volume.scales.map(({ scale, newest, alarms }) => {
    const { requests, lowest, highest, weeks, limits } = newest;
    const isOpen = alarms.fewer !== null || alarms.more !== null;
    return [
      blockText(newest.from, scale, settings.timezone),
      count(requests),
      `${count(lowest)} to ${count(highest)} in ${weeks} weeks`,
      limits.fewer === null ? 'not tested' : `≤ ${count(limits.fewer)}`,
      limits.more === null ? 'not tested' : `≥ ${count(limits.more)}`,
      isOpen ? 'ALARM' : '',
    ];
  });
  return alarmTable(['VOLUME OF', 'REQUESTS', 'USUAL', 'TOO FEW', 'TOO MANY', ''], rows, paint);
}

import type { AnswerOf } from '../../../client/operation';
import { dateTime, figure } from '../parts/format';
import { Table } from '../parts/table';

/** Requests of the newest hour, day and week beside those of the weeks before. */
export function Volume({
  of,
}: {
  readonly of: NonNullable<AnswerOf<'GET /monitors/{model}'>['volume']>;
}) {
  return (
    <Table
      caption="Requests beside the weeks before"
      head={['Newest', 'From', 'Requests', 'Usual', 'Too few', 'Too many', 'Alarm since']}
      rows={of.scales.map(({ scale, newest, alarms }) => ({
        key: scale,
        cells: [
          scale,
          dateTime(newest.from),
          figure(newest.requests),
          `${figure(newest.lowest)} to ${figure(newest.highest)} in ${newest.weeks} weeks`,
          limitText(newest.limits.fewer),
          limitText(newest.limits.more),
          dateTime((alarms.fewer ?? alarms.more)?.since ?? null),
        ],
      }))}
    />
  );
}

function limitText(limit: number | null): string {
  return limit === null ? 'not tested' : figure(limit);
}

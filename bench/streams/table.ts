import type { CompletionFigures } from './completions';
import { maxAddedMs, type PointFigures } from './point';
import type { UptimeFigures } from './uptime';

type PointRow = readonly [string, string];

export function pointRows(point: PointFigures): readonly PointRow[] {
  const {
    streams,
    everyMs,
    open,
    tokensPerSecond,
    failures,
    first,
    token,
    cores,
    memoryBytes,
    bytesPerStream,
  } = point;
  const failed = Object.entries(failures).map(([what, count]) => `${count} × ${what}`);
  return [
    [
      `${streams} streams, a token every ${everyMs} ms`,
      `${open} open, ${tokensPerSecond} tokens/s: ${point.holds ? 'holds' : 'does not hold'}`,
    ],
    [
      '  added to a token, 97 %',
      `${point.addedTokenMs} ms of ${maxAddedMs} (through p50 ${token.gateway.p50Ms}, straight p50 ${token.straight.p50Ms}, p97 ${token.straight.p97Ms})`,
    ],
    [
      '  added to the first token, 97 %',
      `${point.addedFirstMs} ms (${first.gateway.count} streams; through p50 ${first.gateway.p50Ms}, straight p50 ${first.straight.p50Ms}, p97 ${first.straight.p97Ms})`,
    ],
    [
      '  memory',
      `${Math.round(memoryBytes / 2 ** 20)} MiB of all gateways${bytesPerStream === null ? '' : `, ${Math.round(bytesPerStream / 1024)} KiB a stream`}`,
    ],
    [
      '  cores',
      `gateways ${cores.gateways}, upstreams ${cores.upstreams}, clients ${cores.clients}`,
    ],
    ['  failures', failed.length === 0 ? 'none' : failed.join(', ')],
  ];
}

export function completionRows({
  gateway,
  straight,
  gatewayPerDay,
  connections,
}: CompletionFigures): readonly PointRow[] {
  return [
    [
      'whole answers a second',
      `${gateway.perSecond}, p50 ${gateway.p50Ms} ms, p97 ${gateway.p97Ms} ms, ${gateway.failures} failures (${connections} connections)`,
    ],
    ['  the same load straight', `${straight.perSecond}`],
    [
      '  a day',
      `${(gatewayPerDay / 1e6).toFixed(1)} million; the paper's 3.7 million are ${Math.round(3.7e6 / 86_400)} a second`,
    ],
  ];
}

export function uptimeRows({
  seconds,
  faults,
  requests,
  answered,
  answeredAtOnce,
  answeredShare,
  cleanSecondsShare,
  streams,
}: UptimeFigures): readonly PointRow[] {
  const struck = Object.entries(faults).map(([what, count]) => `${count} ${what}`);
  return [
    [
      'uptime under faults',
      `${(answeredShare * 100).toFixed(3)} % of ${requests} requests answered, ${answeredAtOnce} at once, ${requests - answered} given up`,
    ],
    [
      '  seconds without one given up',
      `${(cleanSecondsShare * 100).toFixed(1)} % of ${seconds}; gateways: ${struck.join(', ')}`,
    ],
    [
      '  streams',
      `${streams.begun} begun, ${streams.whole} whole, ${streams.toldWhy} told why, ${streams.cut} cut`,
    ],
  ];
}

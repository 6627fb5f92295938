import { loadavg } from 'node:os';
import { median, rounded } from '../figures';
import { output, startTyped } from '../inference/rig';
import type { SteadyFigures, SteadyPlan } from './steady-load';

export async function measure(plan: SteadyPlan): Promise<SteadyFigures> {
  const load = startTyped('bench/gateway-load/steady-load.ts', [JSON.stringify(plan)]);
  return JSON.parse(await output(load)) as SteadyFigures;
}

/** The rounds of one server; `failed` is the sum. */
export type MiddleFigures = Omit<SteadyFigures, 'answered'>;

export function takeMiddle(rounds: readonly SteadyFigures[]): MiddleFigures {
  const of = (read: (figures: SteadyFigures) => number) => rounded(median(rounds.map(read)), 2);
  return {
    perSecond: of((each) => each.perSecond),
    p50Ms: of((each) => each.p50Ms),
    p97Ms: of((each) => each.p97Ms),
    p99Ms: of((each) => each.p99Ms),
    failed: rounds.reduce((sum, each) => sum + each.failed, 0),
  };
}

/** Median over rounds in turns, so that other load affects both servers equally. */
export function addedP97(
  gateway: readonly SteadyFigures[],
  bare: readonly SteadyFigures[],
): number {
  return rounded(median(gateway.map((each, round) => each.p97Ms - (bare[round]?.p97Ms ?? NaN))), 2);
}

export function shown(of: MiddleFigures): string {
  return `${of.perSecond} a second, p50 ${of.p50Ms} ms, p97 ${of.p97Ms} ms, p99 ${of.p99Ms} ms, ${of.failed} failed`;
}

export function loadOfMachine(): number {
  return rounded(loadavg()[0] ?? 0);
}

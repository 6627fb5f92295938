import type { Reason } from '../../../../domain/verdict';
import { figure, percent } from '../parts/format';
import { boundsText } from './bounds-text';
import type { ShownRollout } from './shown';

/** A version of an A/B rollout as its row in the table of arms. */
interface ShownArm {
  readonly version: number;
  readonly marks: readonly ('champion' | 'winner' | 'stopped')[];
  /** Planned share and real share of entities, then the number of entities. */
  readonly shares: readonly [planned: string, real: string, entities: string];
  /** Requests of the entities of this arm; empty once the counts are deleted. */
  readonly requests: string;
  readonly labels: string;
  readonly difference: string;
  /** Of its quality, then of each guardrail. Empty for the champion. */
  readonly outcomes: readonly { readonly name: string; readonly outcome: string }[];
}

/** The challengers, then the champion. Empty for other methods, and before any traffic. */
export function armRows({
  arms,
  winner,
  guardrails,
  quality: { metric },
}: Pick<ShownRollout, 'arms' | 'winner' | 'guardrails'> & {
  readonly quality: Pick<ShownRollout['quality'], 'metric'>;
}): readonly ShownArm[] {
  const total = (arms ?? []).reduce((sum, { entities }) => sum + entities, 0);
  return (arms ?? []).map(
    ({ version, role, share, entities, requests, stopped, outcome, n, ...bounds }) => {
      const isChampion = role === 'champion';
      const own = guardrails.filter((each) => each.version === version);
      return {
        version,
        marks: [
          ...(isChampion ? (['champion'] as const) : []),
          ...(version === winner ? (['winner'] as const) : []),
          ...(stopped ? (['stopped'] as const) : []),
        ],
        shares: [percent(share), percent(total === 0 ? null : entities / total), figure(entities)],
        requests: figure(requests),
        labels: isChampion ? '—' : figure(n),
        difference: isChampion ? '—' : boundsText(bounds),
        outcomes: [
          ...(outcome === null ? [] : [{ name: metric, outcome }]),
          ...own.map((each) => ({ name: each.metric, outcome: each.outcome })),
        ],
      };
    },
  );
}

/** The result of the sample-ratio test: whether entities are divided as planned. */
export function sharesReason({
  reasons,
}: {
  readonly reasons: readonly Reason[];
}): Reason | undefined {
  return reasons.find(({ gate }) => gate === 'shares');
}

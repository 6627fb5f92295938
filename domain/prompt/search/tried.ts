import type { MutateSpec, ProposerSpec, SearchSpec } from './search';
import type { Variant } from './variant';

/** Places that are kept for what is proposed on the way: all that can come, and half at most. */
export function roomForMutations({ proposers, variants }: SearchSpec, rounds: number): number {
  const each = proposers.reduce(
    (sum, proposer) =>
      sum + (proposer.kind === 'mutate' ? proposer.parents * proposer.children : 0),
    0,
  );
  return Math.min(Math.floor(variants / 2), each * Math.max(0, rounds - 1));
}

/**
 * Why a search tried fewer variants than it was allowed to, a sentence a proposer. Empty where it
 * tried as many.
 */
export function whyFewer(
  spec: SearchSpec,
  variants: readonly Pick<Variant, 'origin'>[],
  rounds: number,
): readonly string[] {
  if (variants.length >= spec.variants) return [];
  const came = (kind: ProposerSpec['kind']) =>
    variants.filter(({ origin }) => origin.kind === kind).length;
  const kept = roomForMutations(spec, rounds);
  return spec.proposers.map((proposer): string => {
    switch (proposer.kind) {
      case 'grid': {
        const combinations = proposer.axes.reduce(
          (product, { options }) => product * options.length,
          1,
        );
        return `the grid has ${count(combinations, 'combination')}, and gave ${count(came('grid'), 'new prompt')}`;
      }
      case 'fewShot':
        return `${count(proposer.sizes.length * proposer.draws, 'draw')} of examples gave ${count(came('fewShot'), 'new prompt')}`;
      case 'mutate':
        return `${count(kept, 'place')} were kept for rewritten prompts, and ${came('mutate')} came: ${rewritingText(proposer, rounds)}`;
    }
  });
}

function rewritingText({ parents, children }: MutateSpec, rounds: number): string {
  if (rounds <= 1)
    return 'the cases are enough for one round, and prompts are rewritten between rounds';
  const times = rounds === 2 ? 'once' : `${rounds - 1} times`;
  return `${rounds} rounds rewrite ${times}, at most ${parents} × ${children} each and no more than go on; repeated and unusable ones are left out`;
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}

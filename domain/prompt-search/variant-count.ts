import { count } from '../format';
import type { MutateSpec, ProposerSpec, SearchSpec } from './search';
import type { Variant } from './variant';

/** The number of variants reserved for rewritten prompts, at most half of all. */
export function reservedMutations({ proposers, variants }: SearchSpec, rounds: number): number {
  const each = proposers.reduce(
    (sum, proposer) =>
      sum + (proposer.kind === 'mutate' ? proposer.parents * proposer.children : 0),
    0,
  );
  return Math.min(Math.floor(variants / 2), each * Math.max(0, rounds - 1));
}

/** Why a search tried fewer variants than allowed, one line per proposer; empty if it did not. */
export function missingVariantReasons(
  spec: SearchSpec,
  variants: readonly Pick<Variant, 'origin'>[],
  rounds: number,
): readonly string[] {
  if (variants.length >= spec.variants) return [];
  const countProposed = (kind: ProposerSpec['kind']) =>
    countNoun(variants.filter(({ origin }) => origin.kind === kind).length, 'new prompt');
  const reserved = reservedMutations(spec, rounds);
  return spec.proposers.map((proposer): string => {
    switch (proposer.kind) {
      case 'grid': {
        const combinations = proposer.axes.reduce(
          (product, { options }) => product * options.length,
          1,
        );
        return `grid: ${countProposed('grid')} from ${countNoun(combinations, 'combination')}`;
      }
      case 'fewShot': {
        const draws = countNoun(proposer.sizes.length * proposer.draws, 'draw');
        return `few-shot: ${countProposed('fewShot')} from ${draws} of examples`;
      }
      case 'mutate':
        return (
          `rewriting: ${countProposed('mutate')}, at most ${reserved} allowed; ` +
          rewritingText(proposer, rounds)
        );
    }
  });
}

function rewritingText({ parents, children }: MutateSpec, rounds: number): string {
  if (rounds <= 1)
    return 'prompts are rewritten between rounds, but the cases allow only one round';
  const times = rounds === 2 ? 'once' : `${rounds - 1} times`;
  return (
    `${rounds} rounds rewrite ${times}, at most ${parents} × ${children} prompts each time and no ` +
    'more than continue; repeated and invalid ones are left out'
  );
}

function countNoun(number: number, what: string): string {
  return `${count(number)} ${what}${number === 1 ? '' : 's'}`;
}

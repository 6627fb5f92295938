import { seededRandom, type Seed } from '../../statistics/random';
import { shownText, type Passage } from '../passages';
import { perturbItems, type DrawnPerturbation } from './perturb';

/**
 * What a robustness does to the passages that an index finds: they are known when they are found,
 * and the change is drawn from `seed` alone.
 */
export interface PassageChange {
  readonly perturbation: DrawnPerturbation;
  readonly seed: Seed;
}

export interface ChangedPassages {
  /**
   * The least near last, as it is the first to be left out for want of room; what was put in comes
   * first.
   */
  readonly passages: readonly Passage[];
  /** As they stand in the prompt, by `chunkId`. */
  readonly arranged: readonly string[];
}

/**
 * Found passages with a change under which the right answer stays the same; null when it changes
 * nothing of them: nothing was found, or there is one passage to order. That the place of a passage
 * changes answers: N. F. Liu et al., "Lost in the middle: how language models use long contexts",
 * TACL 12 (2024). What is put in is of no document, so that citing it is wrong, and stands as a
 * passage of the index would.
 */
export function perturbPassages(
  found: readonly Passage[],
  { perturbation, seed }: PassageChange,
): ChangedPassages | null {
  if (found.length === 0) return null;
  const arranged = perturbItems(found, {
    perturbation,
    random: seededRandom(seed),
    item: {
      textOf: ({ text }) => text,
      withText: (passage, text) => ({ ...passage, text }),
      made: putIn,
    },
  });
  if (
    arranged.length === found.length &&
    arranged.every(({ text }, place) => text === found[place]?.text)
  )
    return null;
  const near = new Map(found.map(({ chunkId }, place) => [chunkId, place]));
  const nearness = ({ chunkId }: Passage) => near.get(chunkId) ?? -1;
  return {
    passages: [...arranged].sort((a, b) => nearness(a) - nearness(b)),
    arranged: arranged.map(({ chunkId }) => chunkId),
  };
}

/** Whatever is left of them, in their order of the prompt. */
export function arrangedBy(
  arranged: readonly string[],
  passages: readonly Passage[],
): readonly Passage[] {
  const place = new Map(arranged.map((chunkId, index) => [chunkId, index]));
  return [...passages].sort((a, b) => (place.get(a.chunkId) ?? 0) - (place.get(b.chunkId) ?? 0));
}

function putIn(text: string, place: number): Passage {
  return {
    documentId: '',
    chunkId: `put in ${place}`,
    title: null,
    source: null,
    score: 0,
    text: shownText({ title: null, text }),
  };
}

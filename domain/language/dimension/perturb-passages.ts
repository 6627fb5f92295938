import { seededRandom, type Seed } from '../../statistics/random';
import { passageText, type Passage } from '../../bundle/passages';
import { perturbItems, type RandomPerturbation } from './perturb';

/** How a robustness dimension changes retrieved passages; the change depends only on `seed`. */
export interface PassageChange {
  readonly perturbation: RandomPerturbation;
  readonly seed: Seed;
}

export interface ChangedPassages {
  /** Added passages, then the nearest first, because the last are left out if there is no room. */
  readonly passages: readonly Passage[];
  /** The `chunkId`s in the order of the prompt. */
  readonly arranged: readonly string[];
}

/**
 * Changes passages so that the expected answer stays the same; null if nothing changes, as for the
 * order of one passage. The place of a passage can change answers: N. F. Liu et al., "Lost in the
 * middle: how language models use long contexts", TACL 12 (2024). Added passages look like those of
 * the index but belong to no document, so that citing them is wrong.
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
      readText: ({ text }) => text,
      withText: (passage, text) => ({ ...passage, text }),
      made: addedPassage,
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

/** The remaining passages in the order of the prompt. */
export function arrangePassages(
  arranged: readonly string[],
  passages: readonly Passage[],
): readonly Passage[] {
  const place = new Map(arranged.map((chunkId, index) => [chunkId, index]));
  return [...passages].sort((a, b) => (place.get(a.chunkId) ?? 0) - (place.get(b.chunkId) ?? 0));
}

function addedPassage(text: string, place: number): Passage {
  return {
    documentId: '',
    chunkId: `put in ${place}`,
    title: null,
    source: null,
    score: 0,
    text: passageText({ title: null, text }),
  };
}

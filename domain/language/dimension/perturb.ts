import type { Random } from '../../statistics/random';
import type { EvaluationCase } from '../cases/case';
import type { PromptValue } from '../../prompt/prompt';
import type { ParaphraseSpec } from './paraphrase';

/** A perturbation that needs no model. */
export type RandomPerturbation = Exclude<Perturbation, ParaphraseSpec>;

/** A change of the question that keeps the expected answer the same. */
export type Perturbation =
  /** One in `every` words gets a typing error. */
  | { readonly kind: 'typos'; readonly every: number }
  | { readonly kind: 'upperCase' | 'lowerCase' }
  /** The items of a list in another order; no effect on a text. */
  | { readonly kind: 'order' }
  /** One of these texts before the question, or among the items of a list. */
  | { readonly kind: 'distractor'; readonly texts: readonly string[] }
  /** Filler until the variable has `characters`, the question last. */
  | {
      readonly kind: 'longContext';
      readonly filler: readonly string[];
      readonly characters: number;
    }
  | ParaphraseSpec;

/**
 * The case with `variable` perturbed; null if nothing changes, as for the order of one item. The
 * kinds follow M. T. Ribeiro, T. Wu, C. Guestrin and S. Singh, "Beyond accuracy: behavioral testing
 * of NLP models with CheckList", ACL 2020, and F. Shi et al., "Large language models can be easily
 * distracted by irrelevant context", ICML 2023.
 */
export function perturb(
  of: EvaluationCase,
  variable: string,
  {
    perturbation,
    random,
    reworded = null,
  }: {
    readonly perturbation: Perturbation;
    readonly random: Random;
    /** The model's paraphrase; null if there is no valid one. */
    readonly reworded?: string | null;
  },
): EvaluationCase | null {
  const value = Object.hasOwn(of.input, variable) ? of.input[variable] : undefined;
  if (value === undefined || typeof value === 'number') return null;
  const changed =
    perturbation.kind === 'paraphrase'
      ? (reworded ?? value)
      : perturbValue(value, perturbation, random);
  if (JSON.stringify(changed) === JSON.stringify(value)) return null;
  return {
    ...of,
    id: `${of.id}~${perturbation.kind}`,
    input: { ...of.input, [variable]: changed },
  };
}

function perturbValue(
  value: string | readonly string[],
  perturbation: RandomPerturbation,
  random: Random,
): PromptValue {
  if (typeof value !== 'string')
    return perturbItems(value, {
      perturbation,
      random,
      item: { readText: (text) => text, withText: (_, text) => text, made: (text) => text },
    });
  switch (perturbation.kind) {
    case 'typos':
    case 'upperCase':
    case 'lowerCase':
      return perturbText(value, perturbation, random);
    case 'order':
      return value;
    case 'distractor': {
      const text = pick(perturbation.texts, random);
      return text === undefined ? value : `${text}\n\n${value}`;
    }
    case 'longContext':
      return [...chooseFiller(perturbation, value.length, random), value].join('\n\n');
  }
}

/** How to read, replace and create items with a text. */
interface Item<T> {
  readonly readText: (item: T) => string;
  readonly withText: (item: T, text: string) => T;
  readonly made: (text: string, place: number) => T;
}

export function perturbItems<T>(
  items: readonly T[],
  {
    perturbation,
    random,
    item,
  }: { readonly perturbation: RandomPerturbation; readonly random: Random; readonly item: Item<T> },
): readonly T[] {
  switch (perturbation.kind) {
    case 'typos':
    case 'upperCase':
    case 'lowerCase':
      return items.map((each) =>
        item.withText(each, perturbText(item.readText(each), perturbation, random)),
      );
    case 'order':
      return shuffle(items, random);
    case 'distractor': {
      const text = pick(perturbation.texts, random);
      if (text === undefined) return items;
      const at = Math.floor(random() * (items.length + 1));
      return [...items.slice(0, at), item.made(text, 0), ...items.slice(at)];
    }
    case 'longContext': {
      const filler = chooseFiller(
        perturbation,
        items.reduce((sum, each) => sum + item.readText(each).length, 0),
        random,
      );
      return [...filler.map(item.made), ...items];
    }
  }
}

function perturbText(
  text: string,
  perturbation: Extract<RandomPerturbation, { readonly kind: 'typos' | 'upperCase' | 'lowerCase' }>,
  random: Random,
): string {
  switch (perturbation.kind) {
    case 'typos':
      return withTypos(text, perturbation.every, random);
    case 'upperCase':
      return text.toUpperCase();
    case 'lowerCase':
      return text.toLowerCase();
  }
}

/** Swaps, drops or doubles letters. Numbers stay, because they would change the question. */
function withTypos(text: string, every: number, random: Random): string {
  return text.replace(/\p{L}{3,}/gu, (word) => {
    if (random() * every >= 1) return word;
    const letters = Array.from(word);
    const at = Math.floor(random() * (letters.length - 1));
    const [first = '', second = ''] = letters.slice(at, at + 2);
    const slips = [[second, first], [second], [first, first, second]];
    return [...letters.slice(0, at), ...(pick(slips, random) ?? []), ...letters.slice(at + 2)].join(
      '',
    );
  });
}

/** Fisher–Yates shuffle (R. Durstenfeld, CACM 7 (1964)). */
function shuffle<T>(items: readonly T[], random: Random): readonly T[] {
  const order = [...items];
  for (let last = order.length - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    const [a, b] = [order[last], order[other]];
    if (a !== undefined && b !== undefined) [order[last], order[other]] = [b, a];
  }
  return order;
}

function chooseFiller(
  { filler, characters }: { readonly filler: readonly string[]; readonly characters: number },
  had: number,
  random: Random,
): readonly string[] {
  const chosen: string[] = [];
  for (let length = had; length < characters;) {
    const text = pick(filler, random);
    if (text === undefined || text === '') break;
    chosen.push(text);
    length += text.length;
  }
  return chosen;
}

function pick<T>(items: readonly T[], random: Random): T | undefined {
  return items[Math.floor(random() * items.length)];
}

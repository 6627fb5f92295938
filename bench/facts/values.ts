/**
 * The values of a kind that a text states. This depends only on the text and the question, never on
 * the right answer.
 */
import { withoutCitations } from '../../domain/language/citations';
import { countriesIn } from './countries';
import { parseComposition } from './elements';
import type { ValueKind } from './fact';

/** Values with a fixed form, each once and in order. */
type FormalKind = Exclude<ValueKind, 'place' | 'person'>;

export function valuesIn(kind: FormalKind, text: string): readonly string[] {
  return [...new Set(finders[kind](withoutCitations(text)))];
}

const finders: Readonly<Record<FormalKind, (text: string) => readonly string[]>> = {
  year: (text) => all(text, /(?<![\d.,])(?:1\d{3}|20[0-2]\d)(?![\d]|[.,]\d)/g),
  number: (text) => all(text, /(?<![\d.,\p{L}])\d{1,4}(?![\d\p{L}]|[.,]\d)/gu),
  symbol: symbolsIn,
  formula: formulasIn,
  family: (text) => all(text, /\b\p{L}+(?:idae|aceae)\b/giu).map((name) => name.toLowerCase()),
  country: (text) => countriesIn(text).map(({ country }) => country),
};

function all(text: string, pattern: RegExp): readonly string[] {
  return [...text.matchAll(pattern)].map(([value]) => value);
}

/** English words that look like symbols of elements. Before another word they count as words. */
const shortWords = new Set(
  'A I In As At He No Be Am It Is To Of An On If We My So Or By Do Go Me Up Us US UK'.split(' '),
);

/** One or two separate letters, whether or not there is such an element. */
function symbolsIn(text: string): readonly string[] {
  return [...text.matchAll(/(?<![\p{L}\d'’])[A-Z][A-Za-z]?(?![\p{L}\d'’])/gu)].flatMap(
    ({ 0: value, index }) =>
      shortWords.has(value) && /^\s+\p{L}/u.test(text.slice(index + value.length)) ? [] : [value],
  );
}

const subscripts = '₀₁₂₃₄₅₆₇₈₉';

/** By composition. A single element without a number counts as a letter or a word. */
function formulasIn(text: string): readonly string[] {
  const plain = text.replace(/[₀-₉]/g, (digit) => String(subscripts.indexOf(digit)));
  return all(plain, /(?<![\p{L}\d])(?:[A-Z][a-z]?\d*|\((?:[A-Z][a-z]?\d*)+\)\d*)+(?![\p{L}\d])/gu)
    .filter((each) => /\d/.test(each) || (each.match(/[A-Z]/g) ?? []).length > 1)
    .flatMap((each) => parseComposition(each) ?? []);
}

/**
 * Capitalised words that are not names of people or towns: starts of sentences, directions and
 * common nouns.
 */
const common = new Set(
  (
    'the a an it its this that these those he she his her they their there in on at by of for from to with as is was were are and or but not no yes if when while where who which what how why ' +
    'answer question passage passages author writer novelist director painter artist composer poet playwright novel book film movie play poem painting opera story title name system user assistant ' +
    'city town capital province state region country county district republic kingdom empire prefecture island river coast north south east west northern southern eastern western central ' +
    'africa african asia asian europe european america atlantic pacific mediterranean sir saint st january february march april may june july august september october november december ' +
    'one two three first second according here as i'
  ).split(' '),
);

/**
 * Words of names: capitalised, not common, and neither of a country nor of the question. Accents
 * are removed.
 */
export function nameWordsIn(text: string, question: string): readonly string[] {
  const asked = new Set(plainWords(question).map((word) => word.toLowerCase()));
  const countries = new Set(countriesIn(text).flatMap(({ word }) => plainWords(word)));
  return plainWords(withoutCitations(text)).filter(
    (word) =>
      /^\p{Lu}/u.test(word) &&
      !common.has(word.toLowerCase()) &&
      !asked.has(word.toLowerCase()) &&
      !countries.has(word),
  );
}

/** Letters without accents and other marks; `Moby-Dick’s` is two words. */
export function plainWords(text: string): readonly string[] {
  return text
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .replace(/['’]s\b/g, '')
    .replace(/['’.](?=\p{L})/gu, '')
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '');
}

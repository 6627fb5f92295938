import { trimEnd } from '../text';

/**
 * How a document is split into chunks. Sizes are in tokens of the embedder, so that it does not
 * truncate any chunk.
 */
export type ChunkingPlan =
  /** Windows of `size` tokens; each starts `overlap` tokens before the end of the previous one. */
  | { readonly kind: 'tokens'; readonly size: number; readonly overlap: number }
  /** Whole sentences up to `size` tokens; the next chunk repeats the last `overlap` sentences. */
  | { readonly kind: 'sentences'; readonly size: number; readonly overlap: number }
  /**
   * Whole paragraphs up to `size` tokens, never across a heading. The heading of a chunk is
   * embedded before its text and counts toward the size.
   */
  | { readonly kind: 'paragraphs'; readonly size: number };

export interface Chunk {
  readonly ordinal: number;
  /** Offsets in the document's text for citations, in UTF-16 units, `end` exclusive. */
  readonly start: number;
  readonly end: number;
  readonly heading: string | null;
  /** The embedded part of the heading, at most half of the size. */
  readonly embeddedHeading: string | null;
  readonly text: string;
}

/** Number of tokens of one word. */
export type TokenCost = (word: string) => number;

interface Span {
  readonly start: number;
  readonly end: number;
}

interface Unit extends Span {
  readonly cost: number;
}

/**
 * Splits a text into chunks. Every word is in at least one chunk. No chunk with its heading is
 * longer than `size` tokens, unless a single word is.
 */
export function chunkText(text: string, plan: ChunkingPlan, costOf: TokenCost): readonly Chunk[] {
  const cost = (span: Span) => costWithin(text, span, costOf);
  switch (plan.kind) {
    case 'tokens':
      return toChunks(
        text,
        windows(wordsIn(text, { start: 0, end: text.length }, costOf), plan.size, plan.overlap),
        0,
      );
    case 'sentences': {
      const units = sentencesIn(text, { start: 0, end: text.length }).map((span) => ({
        ...span,
        cost: cost(span),
      }));
      return toChunks(text, packUnits(text, units, plan, costOf), 0);
    }
    case 'paragraphs': {
      const chunks: Chunk[] = [];
      for (const { heading, paragraphs } of sectionsIn(text)) {
        const units = paragraphs.map((span) => ({ ...span, cost: cost(span) }));
        const above = shortenHeading(heading, plan.size, costOf);
        const spans = packUnits(text, units, { size: plan.size - above.cost, overlap: 0 }, costOf);
        chunks.push(
          ...toChunks(text, spans, chunks.length, { heading, embeddedHeading: above.embedded }),
        );
      }
      return chunks;
    }
  }
}

/**
 * Runs of letters and digits, single signs, and single characters of scripts without spaces. Runs
 * are limited to 100 characters, the longest word of WordPiece.
 */
const word =
  /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}]|(?:(?![\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}])[\p{L}\p{N}\p{M}]){1,100}|[^\s]/gu;

function wordsIn(text: string, { start, end }: Span, costOf: TokenCost): readonly Unit[] {
  const units: Unit[] = [];
  for (const match of text.slice(start, end).matchAll(word)) {
    const from = start + match.index;
    units.push({ start: from, end: from + match[0].length, cost: costOf(match[0]) });
  }
  return units;
}

/** Number of tokens of a text. Counting stops above `max`. */
export function countTokens(text: string, costOf: TokenCost, max = Infinity): number {
  let sum = 0;
  for (const match of text.matchAll(word)) {
    sum += costOf(match[0]);
    if (sum > max) break;
  }
  return sum;
}

function costWithin(text: string, span: Span, costOf: TokenCost): number {
  let sum = 0;
  for (const match of text.slice(span.start, span.end).matchAll(word)) sum += costOf(match[0]);
  return sum;
}

/**
 * Shortens a heading to half of the size. Retrieval is worse for a text without its heading than
 * for one that is split in two.
 */
function shortenHeading(
  heading: string | null,
  size: number,
  costOf: TokenCost,
): { readonly embedded: string | null; readonly cost: number } {
  if (heading === null) return { embedded: null, cost: 0 };
  const units = wordsIn(heading, { start: 0, end: heading.length }, costOf);
  const whole = countCharacters(units);
  if (whole * 2 <= size) return { embedded: heading, cost: whole };
  let [cost, end] = [0, 0];
  for (const unit of units) {
    if ((cost + unit.cost) * 2 > size) break;
    [cost, end] = [cost + unit.cost, unit.end];
  }
  return { embedded: heading.slice(0, end), cost };
}

function windows(units: readonly Unit[], size: number, overlap: number): readonly Span[] {
  const spans: Span[] = [];
  let from = 0;
  while (from < units.length) {
    let cost = units[from]?.cost ?? 0;
    let until = from + 1;
    for (; until < units.length && cost + (units[until]?.cost ?? 0) <= size; until += 1)
      cost += units[until]?.cost ?? 0;
    spans.push({ start: units[from]?.start ?? 0, end: units[until - 1]?.end ?? 0 });
    if (until >= units.length) break;
    let back = until;
    for (let kept = 0; back - 1 > from && kept + (units[back - 1]?.cost ?? 0) <= overlap; back -= 1)
      kept += units[back - 1]?.cost ?? 0;
    from = back;
  }
  return spans;
}

/**
 * Joins consecutive units up to the size. A larger unit is split at the ends of sentences, and a
 * larger sentence between words.
 */
function packUnits(
  text: string,
  units: readonly Unit[],
  { size, overlap }: { readonly size: number; readonly overlap: number },
  costOf: TokenCost,
): readonly Span[] {
  const spans: Span[] = [];
  let open: Unit[] = [];
  const close = () => {
    const [first] = open;
    const last = open.at(-1);
    if (first && last) spans.push({ start: first.start, end: last.end });
  };
  for (const unit of units) {
    if (unit.cost > size) {
      close();
      open = [];
      spans.push(...cutUnit(text, unit, size, costOf));
      continue;
    }
    if (countCharacters(open) + unit.cost > size) {
      close();
      open = overlap === 0 ? [] : open.slice(-overlap);
      while (open.length > 0 && countCharacters(open) + unit.cost > size) open = open.slice(1);
    }
    open.push(unit);
  }
  close();
  return spans;
}

function cutUnit(text: string, unit: Unit, size: number, costOf: TokenCost): readonly Span[] {
  const sentences = sentencesIn(text, unit).map((span) => ({
    ...span,
    cost: costWithin(text, span, costOf),
  }));
  if (sentences.length > 1) return packUnits(text, sentences, { size, overlap: 0 }, costOf);
  return windows(wordsIn(text, unit, costOf), size, 0);
}

function countCharacters(units: readonly Unit[]): number {
  return units.reduce((sum, { cost }) => sum + cost, 0);
}

/**
 * A sentence ends after `.`, `?` or `!` and closing quotes, before a space and a possible start of
 * a sentence, or at a blank line. Abbreviations and initials do not end one.
 */
const boundary = /(?:[.!?。！？]["'”’)\]]*(?=\s+[\p{Lu}\p{N}"'“‘([])|[。！？])|\n\s*\n/gu;
const abbreviation =
  /(?:^|[\s(])(?:\p{Lu}|Mr|Mrs|Ms|Dr|Prof|St|No|vs|etc|e\.g|i\.e|Jr|Sr|Inc|Ltd|Co|U\.S)\.$/u;

function sentencesIn(text: string, { start, end }: Span): readonly Span[] {
  const part = text.slice(start, end);
  const spans: Span[] = [];
  let from = 0;
  for (const match of part.matchAll(boundary)) {
    const until = match.index + match[0].length;
    if (abbreviation.test(part.slice(Math.max(from, until - 8), until))) continue;
    push(spans, text, { start: start + from, end: start + until });
    from = until;
  }
  push(spans, text, { start: start + from, end });
  return spans;
}

interface Section {
  readonly heading: string | null;
  readonly paragraphs: readonly Span[];
}

/**
 * The text of a heading of Markdown (`# heading`) or of wikis (`== heading ==`); null for another
 * line.
 */
function readHeading(line: string): string | null {
  const [, markdown = null, wiki = ''] =
    /^(?:#{1,6}[ \t]+(\S.*)|={2,6}([^=]+)={2,6})$/u.exec(line.trimEnd()) ?? [];
  if (markdown !== null) return markdown.charAt(0) + trimEnd(markdown.slice(1), ' \t#');
  return wiki === '' ? null : wiki.trim() || ' ';
}

/** Blank lines end paragraphs. A heading without text is a paragraph itself. */

function sectionsIn(text: string): readonly Section[] {
  const sections: { heading: string | null; line: Span | null; paragraphs: Span[] }[] = [
    { heading: null, line: null, paragraphs: [] },
  ];
  let from: number | null = null;
  const closeAt = (end: number) => {
    if (from !== null) push(sections.at(-1)?.paragraphs ?? [], text, { start: from, end });
    from = null;
  };
  for (let at = 0; at < text.length;) {
    const newline = text.indexOf('\n', at);
    const end = newline === -1 ? text.length : newline;
    const line = text.slice(at, end);
    const heading = line.length <= 300 ? readHeading(line) : null;
    if (heading !== null) {
      closeAt(at);
      sections.push({
        heading,
        line: { start: at, end },
        paragraphs: [],
      });
    } else if (line.trim() === '') closeAt(at);
    else from ??= at;
    at = end + 1;
  }
  closeAt(text.length);
  return sections.map(({ heading, line, paragraphs }) =>
    paragraphs.length === 0 && line ? { heading, paragraphs: [line] } : { heading, paragraphs },
  );
}

/** Adds the span without surrounding white space; skips blank ones. */
function push(spans: Span[], text: string, { start, end }: Span): void {
  const part = text.slice(start, end);
  if (!/\S/u.test(part)) return;
  spans.push({
    start: start + part.length - part.trimStart().length,
    end: end - (part.length - part.trimEnd().length),
  });
}

function toChunks(
  text: string,
  spans: readonly Span[],
  first: number,
  above: Pick<Chunk, 'heading' | 'embeddedHeading'> = { heading: null, embeddedHeading: null },
): Chunk[] {
  return spans.map(({ start, end }, index) => ({
    ordinal: first + index,
    start,
    end,
    ...above,
    text: text.slice(start, end),
  }));
}

/** A citation of a passage in an answer: `[1]`, or one of the numbers in `[2, 3]`. */
export interface Citation {
  readonly number: number;
  /** Half-open range in UTF-16 code units, including the brackets. */
  readonly start: number;
  readonly end: number;
}

const mark = /\[(\d{1,3}(?:\s*[,;]\s*\d{1,3})*)\]/g;

export function citationsIn(answer: string): readonly Citation[] {
  return [...answer.matchAll(mark)].flatMap(({ 0: whole, 1: numbers = '', index: start }) =>
    numbers
      .split(/[,;]/)
      .map((number) => ({ number: Number(number), start, end: start + whole.length })),
  );
}

/** Each cited number once, in the order of the answer. */
export function citedNumbers(answer: string): readonly number[] {
  return [...new Set(citationsIn(answer).map(({ number }) => number))];
}

/**
 * The address of a document as a link that is safe to show: `http` or `https` without user name
 * and password; else null. The author of a document controls its source, and a `javascript:` or
 * `data:` address would run in the reader's page.
 */
export function toSafeLink(source: string | null): string | null {
  if (source === null || !URL.canParse(source)) return null;
  const url = new URL(source);
  if (!['http:', 'https:'].includes(url.protocol)) return null;
  return url.username === '' && url.password === '' ? url.href : null;
}

/**
 * Like `toSafeLink`, but also accepts a plain name such as `handbook.pdf, page 3`. Pages may turn any
 * text with a scheme into a link.
 */
export function toSafeSource(source: string | null): string | null {
  if (source === null) return null;
  // Browsers ignore tabs, line ends and characters before the scheme when they parse an address.
  const scheme = /^[a-z][a-z0-9+.-]*:/i.test(source.replace(/[\p{C}\p{Z}]/gu, ''));
  return scheme ? toSafeLink(source) : source;
}

/**
 * The addresses in an answer, each once, in the order of the answer. They include Markdown images,
 * because showing an image requests its address.
 */
export function linksIn(answer: string): readonly string[] {
  const found = answer.matchAll(
    /(?:https?:\/\/|\b(?:javascript|data|vbscript|file|blob):)[^\s<>"'`\]}]+/gi,
  );
  return [...new Set(Array.from(found, ([link]) => withoutEnd(link)))];
}

/** Removes punctuation and brackets after the address that are not part of it. */
function withoutEnd(link: string): string {
  const opened = link.split('(').length - 1;
  let end = link.length;
  for (let closed = link.split(')').length - 1; end > 0; end -= 1) {
    const last = link[end - 1] ?? '';
    if (last === ')' && closed > opened) closed -= 1;
    else if (!'.,;:!?*'.includes(last)) break;
  }
  return link.slice(0, end);
}

/** Addresses in an answer that are not sources: invented, or injected by a passage or caller. */
export function unknownLinks(
  answer: string,
  sources: readonly (string | null)[],
): readonly string[] {
  const known = new Set(sources.map(stripFragment).filter((page) => page !== null));
  return linksIn(answer).filter((link) => !known.has(stripFragment(link) ?? ''));
}

/** The page without the fragment, so that two places on one page are the same source. */
function stripFragment(source: string | null): string | null {
  return toSafeLink(source)?.split('#', 1)[0] ?? null;
}

export function withoutCitations(answer: string): string {
  return answer.replace(mark, ' ');
}

/** A place in an answer that names a passage: `[1]`, or one of the numbers of `[2, 3]`. */
export interface Citation {
  readonly number: number;
  /** Half-open, UTF-16: the whole mark, brackets too. */
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

/** Each number once, in the order in which the answer names them. */
export function citedNumbers(answer: string): readonly number[] {
  return [...new Set(citationsIn(answer).map(({ number }) => number))];
}

/**
 * The address of a document as a link that a page may show: `http` or `https`, without a user name
 * and password in it; else null. What a document calls its source is written by whoever wrote the
 * document, and a `javascript:` or `data:` address would run in the page of whoever clicks it.
 */
export function linkOf(source: string | null): string | null {
  if (source === null || !URL.canParse(source)) return null;
  const url = new URL(source);
  if (!['http:', 'https:'].includes(url.protocol)) return null;
  return url.username === '' && url.password === '' ? url.href : null;
}

/**
 * The same where a source may also be a plain name, such as `handbook.pdf, page 3`. A page may take
 * a text with a scheme for a link, whichever it is.
 */
export function plainSourceOf(source: string | null): string | null {
  if (source === null) return null;
  // Browsers leave out tabs and line ends, and what stands before the scheme, when they read an
  // address.
  const scheme = /^[a-z][a-z0-9+.-]*:/i.test(source.replace(/[\p{C}\p{Z}]/gu, ''));
  return scheme ? linkOf(source) : source;
}

/**
 * Addresses that an answer names, in the order in which it does, each once. A Markdown image is one
 * too: showing it calls the address.
 */
export function linksIn(answer: string): readonly string[] {
  const found = answer.matchAll(
    /(?:https?:\/\/|\b(?:javascript|data|vbscript|file|blob):)[^\s<>"'`\]}]+/gi,
  );
  return [...new Set(Array.from(found, ([link]) => withoutEnd(link)))];
}

/** Without the signs that end a sentence or close a bracket around the address. */
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

/**
 * Of those, the ones that are the address of no source: the model made them up, or a passage or the
 * caller told it to write them.
 */
export function unknownLinks(
  answer: string,
  sources: readonly (string | null)[],
): readonly string[] {
  const known = new Set(sources.map(pageOf).filter((page) => page !== null));
  return linksIn(answer).filter((link) => !known.has(pageOf(link) ?? ''));
}

/** Two places of one page are of the same source. */
function pageOf(source: string | null): string | null {
  return linkOf(source)?.replace(/#.*$/, '') ?? null;
}

export function withoutCitations(answer: string): string {
  return answer.replace(mark, ' ');
}

/**
 * Text with a lone surrogate has no digest (canonical.ts). JSON escapes and truncation can produce
 * one.
 */

/** Replaces each lone surrogate with the replacement character. */
export function replaceLoneSurrogates(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\ufffd');
}

/**
 * The text without the given characters at its end. An expression such as `/\/+$/` takes quadratic
 * time on a text that has many of them elsewhere.
 */
export function trimEnd(text: string, characters: string): string {
  let end = text.length;
  while (end > 0 && characters.includes(text.charAt(end - 1))) end -= 1;
  return text.slice(0, end);
}

/** At most `max` UTF-16 units of the text, without a lone surrogate at the end. */
export function truncateText(text: string, max: number): string {
  return text.slice(0, max).replace(/\p{Surrogate}$/u, '');
}

/** `my-model` → `myModel` */
export function toIdentifier(name: string): string {
  return name.replace(/-+(.)?/g, (_, letter: string = '') => letter.toUpperCase());
}

/**
 * Text with a lone surrogate has no digest (canonical.ts). JSON escapes and truncation can produce
 * one.
 */

/** Replaces each lone surrogate with the replacement character. */
export function replaceLoneSurrogates(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\ufffd');
}

/** At most `max` UTF-16 units of the text, without a lone surrogate at the end. */
export function truncateText(text: string, max: number): string {
  return text.slice(0, max).replace(/\p{Surrogate}$/u, '');
}

import { plainForms } from './plain-forms';

/**
 * Handwritten patterns for injections, from the phrases that articles about them quote. They are
 * the baseline for the classifiers and support them on documents.
 */
const rules: readonly RegExp[] = [
  /\b(?:ignore|disregard|forget|override|bypass)\b.{0,40}\b(?:instructions?|prompts?|rules?|guidelines?|polic(?:y|ies)|directives?|above|previous|prior|filters?|restrictions?)/is,
  /\bdo anything now\b|\bDAN\b|\bjailbr/i,
  /\b(?:system|initial|hidden|original) (?:prompt|instructions?|message)/i,
  /\b(?:developer|debug|god|admin|dan|unrestricted|maintenance) mode\b/i,
  /\b(?:no|without(?: any)?) (?:ethical|moral|restrictions?|limits?|filters?|censor|guidelines?|rules?)/i,
  /\b(?:uncensored|unfiltered|amoral|unrestricted)\b/i,
  /\b(?:never|not|cannot|can't) (?:refuse|say no|decline)/i,
  /\b(?:pretend|act as|you are now|roleplay as|simulate)\b.{0,80}\b(?:no|without|any|free|ignore|evil|unlimited)/is,
  /\b(?:reveal|print|repeat|output|show)\b.{0,40}\b(?:prompt|instructions|above|secret|password|api key|credentials)/is,
];

/** Whether any form of the text has such a phrase. */
export function quotesInjection(text: string): boolean {
  return plainForms(text).some((form) => rules.some((rule) => rule.test(form)));
}

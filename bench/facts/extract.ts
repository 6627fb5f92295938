/**
 * Extracts facts from Wikipedia summaries without a model. Only sentences of a form with one clear
 * meaning are used, because there are enough of them.
 */
import type { IndexDocument } from '../../domain/index/document';
import { countriesIn, namesCountry } from './countries';
import { parseComposition } from './elements';
import type { Fact } from './fact';

export interface Summary extends IndexDocument {
  readonly title: string;
  readonly topic: string;
}

/** In the order of `relations`. Empty if the summary has none of these forms. */
export function factsIn(summary: Summary): readonly Fact[] {
  // Brackets distinguish articles of the same name, so the name alone would be ambiguous.
  if (/[([,]/.test(summary.title)) return [];
  const opening = firstSentence(summary.text);
  return [
    capital,
    country,
    nationality,
    creator,
    year,
    symbol,
    atomicNumber,
    formula,
    family,
  ].flatMap((read) => {
    const found = read(summary, opening);
    return found === null ? [] : [{ ...found, document: summary.id }];
  });
}

type FactReader = (summary: Summary, opening: string) => Omit<Fact, 'document'> | null;

/** A dot after a capital letter belongs to an initial. */
export function firstSentence(text: string): string {
  return /^.*?[\p{Ll}\p{N})\]"”]\.(?=\s|$)/su.exec(text)?.[0] ?? text;
}

/** `Lima is the capital and largest city of Peru, …` */
const capital: FactReader = ({ title }, opening) => {
  const found =
    /^(?<subject>[^.]*?),? is the capital(?: and (?:the )?(?:largest|most populous|largest and most populous) city| city)? of (?<of>(?:the )?\p{Lu}[\p{L}'’-]+(?: \p{Lu}[\p{L}'’-]+| province| prefecture| of)*?)(?=[,.]|$| (?:and|in|with|on|located|situated|as)\b)/u.exec(
      opening,
    );
  const { subject = '', of = '' } = found?.groups ?? {};
  // Two places have this name.
  if (!subject.startsWith(title) || / of$/.test(of) || of === 'Georgia') return null;
  const others = [
    ...subject.matchAll(
      / (?:or|known as|spelled|romanized as|called|in \p{Lu}\p{L}+ as) (?<other>\p{Lu}[\p{L}-]+)/gu,
    ),
  ];
  return {
    relation: 'capital',
    kind: 'place',
    question: `What is the capital of ${of}?`,
    value: title,
    written: [title, ...others.map(({ groups }) => groups?.['other'] ?? title)],
    evidence: found?.[0] ?? '',
  };
};

/** `Basra is a port city in southern Iraq.`: a town, with one country in the sentence. */
const country: FactReader = ({ title, topic }, opening) => {
  const subject = new RegExp(`^${escaped(title)}(?:,| or | \\(|,? is\\b)`);
  if (topic !== 'Geography' || !subject.test(opening)) return null;
  if (
    !/^[^.]*? is (?:a|an|the|one of the)\b[^.,]*? (?:city|town|municipality|village|metropolis|capital)\b/.test(
      opening,
    )
  )
    return null;
  const named = countriesIn(opening);
  const [only] = named;
  if (!only || new Set(named.map((each) => each.country)).size > 1 || !named.some(namesCountry))
    return null;
  return {
    relation: 'country',
    kind: 'country',
    question: `In which country is ${title}?`,
    value: only.country,
    written: [only.country],
    evidence: opening,
  };
};

/** `… was a German mathematician`: one country in the sentence, directly after the verb. */
const nationality: FactReader = ({ title, topic }, opening) => {
  if (topic !== 'People') return null;
  const found =
    /^(?<subject>[^.]*?) (?:is|was) an? (?<words>(?:[\p{Ll}-]+ ){0,2})(?<rest>\p{Lu}.*)$/su.exec(
      opening,
    );
  const named = countriesIn(opening);
  const [only] = named;
  const { subject = '', rest = '' } = found?.groups ?? {};
  if (!only || namesCountry(only) || only.country === 'Soviet Union') return null;
  if (
    new Set(named.map((each) => each.country)).size > 1 ||
    !rest.startsWith(`${only.word} `) ||
    /-born|descent|émigré|naturali/.test(opening)
  )
    return null;
  // The question uses the title, so the sentence must use the same name.
  if (!sharesName(title, subject)) return null;
  return {
    relation: 'nationality',
    kind: 'country',
    question: `What is the nationality of ${title}?`,
    value: only.country,
    written: [only.country],
    evidence: opening.slice(0, 200),
  };
};

const works = {
  wrote: '(?:novel|novella|play|poem|tragedy|comedy|satire|essay|treatise)',
  directed: 'film',
  painted: '(?:painting|fresco|portrait)',
  composed: '(?:opera|ballet|symphony)',
} as const;

/** `… is a 1958 debut novel by Nigerian author Chinua Achebe.` */
const creator: FactReader = ({ title }, opening) => {
  for (const [verb, work] of Object.entries(works)) {
    const says = verb === 'directed' ? '[^.,]*?\\bdirected by' : '[^.,]*?\\bby';
    const sentence = new RegExp(
      `^[^.]*?${escaped(title)}[^.]*? is (?:a|an|the)\\b[^.,]*? ${work}\\b(?:${says}) (?<by>[^;]*)$`,
      'u',
    ).exec(opening);
    const name = sentence && nameIn(sentence.groups?.['by'] ?? '');
    if (!name) continue;
    const kindOfWork =
      new RegExp(`${work}\\b`).exec(sentence[0].slice(sentence[0].indexOf(' is ')))?.[0] ?? '';
    return {
      relation: 'creator',
      kind: 'person',
      question:
        verb === 'painted' ? `Who painted ${title}?` : `Who ${verb} the ${kindOfWork} ${title}?`,
      value: name,
      written: waysToName(name),
      evidence: opening.slice(0, 200),
    };
  }
  return null;
};

/**
 * A person after a profession: `French writer and aviator Antoine de Saint-Exupéry, who …`. Two
 * people do not count.
 */
export function nameIn(text: string): string | null {
  const found =
    /^(?:(?<descriptor>(?:[\p{L}'’-]+ ){0,8}?[\p{Ll}-]+) )??(?<name>(?:\p{Lu}\. ?)*\p{Lu}[\p{L}'’-]+(?: (?:de|da|di|du|van|von|der|den|la|le|ibn|\p{Lu}\.|\p{Lu}[\p{L}'’-]+))*)(?=[,.;]|$| (?:in|and(?= \p{Ll})|with|to|from|between|that|which|who|set|based|published|first|originally|during|about|starring|inspired|probably|for|at)\b)/u.exec(
      text,
    );
  const { descriptor = '', name = '' } = found?.groups ?? {};
  if (
    name === '' ||
    /(?:^| )(?:and|van|von|de|da|di)$/.test(descriptor) ||
    /^(?:and|,) /.test(
      text
        .slice(found?.[0].length)
        .trim()
        .replace(/^and (?=\p{Ll})/u, ''),
    )
  )
    return null;
  if (/^[^,.]*? and \p{Lu}/u.test(text) || countriesIn(name).length > 0) return null;
  return name.replace(/^Sir /, '');
}

/** By surname, and by first name for people who are known by it. */
const firstNames = ['Dante', 'Leonardo', 'Rembrandt', 'Cao'];

function waysToName(name: string): readonly string[] {
  const words = name.split(' ');
  const [first = ''] = words;
  return [...new Set([name, words.at(-1) ?? name, ...(firstNames.includes(first) ? [first] : [])])];
}

/** `… is a 1925 silent film …`, `… novel …, published in 1939` */
const year: FactReader = ({ title }, opening) => {
  if (!new RegExp(`^["“]?(?:The )?${escaped(title)}`).test(opening)) return null;
  const kinds = '(?<work>novel|novella|film|album|song|book|painting|essay|play|opera|poem)';
  const made = new RegExp(
    `^[^.]*? is an? (?<year>1[5-9]\\d\\d|20\\d\\d) [^.,]*?\\b${kinds}\\b`,
  ).exec(opening);
  const published = new RegExp(
    `^[^.]*? is an? [^.,]*?\\b${kinds}\\b[^.]*? (?:published|released) (?:in|on) (?:\\d+ )?(?:[A-Z][a-z]+ )?(?:\\d+, )?(?<year>1[5-9]\\d\\d|20\\d\\d)\\b`,
  ).exec(opening.replaceAll('\u00a0', ' '));
  const { work = '', year: value = '' } = (made ?? published)?.groups ?? {};
  // Two years may be two editions, or the setting of the work.
  const years = new Set(opening.match(/\b(?:1[5-9]\d\d|20\d\d)\b/g));
  if (value === '' || years.size > 1) return null;
  const verb = ['film', 'album', 'song'].includes(work)
    ? 'released'
    : ['painting', 'opera', 'play'].includes(work)
      ? 'made'
      : 'published';
  return {
    relation: 'year',
    kind: 'year',
    question: `In which year was the ${work} ${title} ${verb}?`,
    value,
    written: [value],
    evidence: opening.slice(0, 200),
  };
};

const element =
  /is a(?:n| [\w, -]*?)? chemical element[;,]? (?:it has (?:the )?|with (?:the )?)symbol (?<symbol>[A-Z][a-z]?) and atomic number (?<number>\d+)/;

const symbol: FactReader = ({ title }, opening) => {
  const found = element.exec(opening);
  const { symbol: value } = found?.groups ?? {};
  if (!found || value === undefined || !opening.startsWith(title)) return null;
  const question = `What is the chemical symbol of the element ${title.toLowerCase()}?`;
  return {
    relation: 'symbol',
    kind: 'symbol',
    question,
    value,
    written: [value],
    evidence: found[0],
  };
};

const atomicNumber: FactReader = ({ title }, opening) => {
  const found = element.exec(opening);
  const { number: value } = found?.groups ?? {};
  if (!found || value === undefined || !opening.startsWith(title)) return null;
  const question = `What is the atomic number of the element ${title.toLowerCase()}?`;
  return {
    relation: 'atomicNumber',
    kind: 'number',
    question,
    value,
    written: [value],
    evidence: found[0],
  };
};

/** The first formula of a summary about a compound. */
const formula: FactReader = ({ title, text }, opening) => {
  if (!opening.startsWith(title) || !/\bformulas?\b/.test(opening)) return null;
  const found =
    /\bformula (?<formula>(?:[A-Z][a-z]?\d*|\((?:[A-Z][a-z]?\d*)+\)\d*)+)(?=[\s.,;)]|$)/.exec(
      opening,
    );
  const value = parseComposition(found?.groups?.['formula'] ?? '');
  if (!found || value === null || value === '' || /\bformulas\b/.test(text)) return null;
  const question = `What is the chemical formula of ${title.toLowerCase()}?`;
  return {
    relation: 'formula',
    kind: 'formula',
    question,
    value,
    written: [found.groups?.['formula'] ?? ''],
    evidence: found[0],
  };
};

/** `Skunks are mammals in the family Mephitidae.`: the only family in the summary. */
const family: FactReader = ({ title, text, topic }, opening) => {
  const found =
    /\b(?:in|of|to|within) the (?:[\p{Ll}-]+ ){0,3}family (?<family>\p{Lu}\p{Ll}+(?:idae|aceae))\b/u.exec(
      opening,
    );
  const value = found?.groups?.['family']?.toLowerCase();
  const named = new Set(
    [...text.matchAll(/\b\p{L}+(?:idae|aceae)\b/giu)].map(([name]) => name.toLowerCase()),
  );
  if (!found || value === undefined || named.size > 1 || topic !== 'Biology and health sciences')
    return null;
  if (
    !new RegExp(`^(?:The |An? )?${escaped(title)}`, 'i').test(opening) ||
    / famil(?:y|ies) of\b/.test(opening)
  )
    return null;
  return {
    relation: 'family',
    kind: 'family',
    question: `To which biological family does ${inSentence(title)} belong?`,
    value,
    written: [value],
    evidence: opening.slice(0, 200),
  };
};

function inSentence(title: string): string {
  return /^\p{Lu}\p{Ll}+(?: \p{Ll}+)*$/u.test(title)
    ? title.charAt(0).toLowerCase() + title.slice(1)
    : title;
}

function sharesName(title: string, subject: string): boolean {
  return title.split(' ').some((word) => word.length > 2 && subject.includes(word));
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

import { findPhoneNumbersInText } from 'libphonenumber-js';
import isCreditCard from 'validator/lib/isCreditCard';
import isEmail from 'validator/lib/isEmail';
import isIBAN from 'validator/lib/isIBAN';
import isIP from 'validator/lib/isIP';
import type { Finding, PersonalDataType } from '../../domain/safety/policy';

type Finder = (text: string) => readonly Finding[];

/**
 * Find personal data by its format and its check digits, if it has any. Names and postal addresses
 * have no format and are not found.
 */
export function findPersonalData(
  text: string,
  types: readonly PersonalDataType[],
): readonly Finding[] {
  return types.flatMap((type) => finders[type](text));
}

const finders: Readonly<Record<PersonalDataType, Finder>> = {
  email: byForm(
    'email',
    /[\p{L}\p{N}._%+-]{1,64}@[\p{L}\p{N}-]{1,63}(?:\.[\p{L}\p{N}-]{1,63}){1,8}/gu,
    (found) => isEmail(found),
  ),
  creditCard: byForm('creditCard', /(?<![\d.])\d(?:[ -]?\d){11,18}(?![\d.]\d|\d)/g, (found) =>
    isCreditCard(found.replace(/[ -]/g, '')),
  ),
  iban: byForm('iban', /\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{1,4}){3,8}\b/g, (found) =>
    isIBAN(found.replaceAll(' ', '')),
  ),
  ipAddress: byForm(
    'ipAddress',
    /(?<![\w:.])(?:\d{1,3}(?:\.\d{1,3}){3}|[\da-f]{0,4}(?::[\da-f]{0,4}){2,7})(?![\w:]|\.\d)/gi,
    (found) => isIP(found),
  ),
  // Without numbers that are never assigned (Social Security Administration, 2011): areas 000, 666
  // and 9xx, group 00, serial 0000.
  usSocialSecurity: byForm(
    'usSocialSecurity',
    /(?<![\d-])(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\d-])/g,
    () => true,
  ),
  phone: findPhones,
};

function byForm(
  what: PersonalDataType,
  pattern: RegExp,
  holds: (found: string) => boolean,
): Finder {
  return (text) =>
    [...text.matchAll(pattern)].flatMap(({ 0: found, index }) =>
      holds(found) ? [{ from: index, to: index + found.length, what }] : [],
    );
}

/**
 * Find international phone numbers, and North American ones without a country code. Other national
 * numbers cannot be recognized without knowing the country.
 */
function findPhones(text: string): readonly Finding[] {
  return findPhoneNumbersInText(text, { defaultCountry: 'US' }).map(({ startsAt, endsAt }) => ({
    from: startsAt,
    to: endsAt,
    what: 'phone',
  }));
}

/**
 * Countries by the words for them and for people or things from there. `United Kingdom` includes
 * its parts, because both are right.
 */
const written = `
Afghanistan|Afghan;Albania|Albanian;Algeria|Algerian;Andorra|Andorran;Angola|Angolan;Argentina|Argentine|Argentinian;Armenia|Armenian;Australia|Australian;Austria|Austrian;Azerbaijan|Azerbaijani
Bahamas|Bahamian;Bahrain|Bahraini;Bangladesh|Bangladeshi;Barbados|Barbadian;Belarus|Belarusian;Belgium|Belgian;Belize|Belizean;Benin|Beninese;Bhutan|Bhutanese;Bolivia|Bolivian;Bosnia and Herzegovina|Bosnia|Bosnian
Botswana;Brazil|Brazilian;Brunei;Bulgaria|Bulgarian;Burkina Faso|Burkinabé;Burundi;Cambodia|Cambodian;Cameroon|Cameroonian;Canada|Canadian;Cape Verde;Central African Republic;Chad|Chadian;Chile|Chilean
China|Chinese|People's Republic of China;Colombia|Colombian;Comoros;Costa Rica|Costa Rican;Croatia|Croatian;Cuba|Cuban;Cyprus|Cypriot;Czech Republic|Czechia|Czech;Democratic Republic of the Congo|Democratic Republic of Congo|DRC|DR Congo
Denmark|Danish;Djibouti;Dominican Republic;Ecuador|Ecuadorian;Egypt|Egyptian;El Salvador|Salvadoran;Equatorial Guinea;Eritrea|Eritrean;Estonia|Estonian;Eswatini|Swaziland;Ethiopia|Ethiopian;Fiji|Fijian;Finland|Finnish
France|French;Gabon;Gambia|Gambian;Germany|German;Ghana|Ghanaian;Greece|Greek;Grenada;Guatemala|Guatemalan;Guinea|Guinean;Guinea-Bissau;Guyana|Guyanese;Haiti|Haitian;Honduras|Honduran;Hungary|Hungarian;Iceland|Icelandic
India|Indian;Indonesia|Indonesian;Iran|Iranian;Iraq|Iraqi;Ireland|Irish|Republic of Ireland;Israel|Israeli;Italy|Italian;Ivory Coast|Ivorian|Côte d'Ivoire;Jamaica|Jamaican;Japan|Japanese;Jordan|Jordanian;Kazakhstan|Kazakh
Kenya|Kenyan;Kosovo;Kuwait|Kuwaiti;Kyrgyzstan|Kyrgyz;Laos|Laotian;Latvia|Latvian;Lebanon|Lebanese;Lesotho;Liberia|Liberian;Libya|Libyan;Liechtenstein;Lithuania|Lithuanian;Luxembourg;Madagascar|Malagasy;Malawi|Malawian
Malaysia|Malaysian;Maldives|Maldivian;Mali|Malian;Malta|Maltese;Mauritania|Mauritanian;Mauritius|Mauritian;Mexico|Mexican;Moldova|Moldovan;Monaco;Mongolia|Mongolian;Montenegro|Montenegrin;Morocco|Moroccan
Mozambique|Mozambican;Myanmar|Burmese|Burma;Namibia|Namibian;Nepal|Nepalese|Nepali;Netherlands|Dutch|Holland;New Zealand|New Zealander;Nicaragua|Nicaraguan;Niger|Nigerien;Nigeria|Nigerian;North Korea|North Korean
North Macedonia|Macedonian;Norway|Norwegian;Oman|Omani;Pakistan|Pakistani;Palestine|Palestinian;Panama|Panamanian;Papua New Guinea;Paraguay|Paraguayan;Peru|Peruvian;Philippines|Filipino|Philippine;Poland|Polish
Portugal|Portuguese;Qatar|Qatari;Republic of the Congo;Romania|Romanian;Russia|Russian;Rwanda|Rwandan;Samoa|Samoan;Saudi Arabia|Saudi|Saudi Arabian;Senegal|Senegalese;Serbia|Serbian;Seychelles;Sierra Leone;Singapore|Singaporean
Slovakia|Slovak;Slovenia|Slovenian|Slovene;Solomon Islands;Somalia|Somali;South Africa|South African;South Korea|South Korean|Republic of Korea;South Sudan;Soviet Union|Soviet|USSR;Spain|Spanish;Sri Lanka|Sri Lankan;Sudan|Sudanese
Suriname|Surinamese;Sweden|Swedish;Switzerland|Swiss;Syria|Syrian;Taiwan|Taiwanese;Tajikistan|Tajik;Tanzania|Tanzanian;Thailand|Thai;Togo|Togolese;Tonga|Tongan;Trinidad and Tobago|Trinidadian;Tunisia|Tunisian
Turkey|Turkish|Türkiye;Turkmenistan|Turkmen;Uganda|Ugandan;Ukraine|Ukrainian;United Arab Emirates|Emirati|UAE;United Kingdom|British|Britain|Great Britain|UK|U.K.|England|English|Scotland|Scottish|Wales|Welsh|Northern Ireland|Northern Irish
United States|American|United States of America|USA|US|U.S.|U.S.A.;Uruguay|Uruguayan;Uzbekistan|Uzbek;Vanuatu;Vatican City;Venezuela|Venezuelan;Vietnam|Vietnamese;Yemen|Yemeni;Zambia|Zambian;Zimbabwe|Zimbabwean`;

const countries = written
  .trim()
  .split(/[;\n]/)
  .map((line) => line.split('|'))
  .map(([name = '', ...others]) => ({ name, words: [name, ...others] }));

const nameOf = new Map(
  countries.flatMap(({ name, words }) => words.map((word) => [word, name] as const)),
);

/** Names of other things that contain a country's name. */
const others = [
  ...[
    'New Mexico',
    'Gulf of Mexico',
    'Mexico City',
    'Gulf of Guinea',
    'New England',
    'New South Wales',
    'Prince of Wales',
    'South China Sea',
    'East China Sea',
  ],
  ...[
    'Indian Ocean',
    'American Samoa',
    'Latin American',
    'South American',
    'North American',
    'Central American',
    'Native American',
    'English Channel',
    'French Polynesia',
  ],
  ...[
    'Sea of Japan',
    'East India',
    'West Indian',
    'Lake Chad',
    'Niger River',
    'Niger Delta',
    'Jordan River',
    'Inner Mongolia',
    'British Columbia',
    'French Guiana',
    'Puerto Rican',
  ],
];

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
const pattern = new RegExp(
  `(?<![\\p{L}-])(?:${[...nameOf.keys(), ...others]
    .sort((a, b) => b.length - a.length)
    .map(escaped)
    .join('|')})(?![\\p{L}]|-[\\p{L}])`,
  'gu',
);

export interface NamedCountry {
  readonly country: string;
  /** As written in the text: `Norway` or `Norwegian`. */
  readonly word: string;
}

/**
 * All mentions of countries, in order. The longer name wins, and a hyphenated word (`Anglo-Irish`)
 * does not count.
 */
export function countriesIn(text: string): readonly NamedCountry[] {
  return [...text.matchAll(pattern)].flatMap(([word]) => {
    const country = nameOf.get(word);
    return country === undefined ? [] : [{ country, word }];
  });
}

/** Words for a country itself: the first of each, and the parts of the United Kingdom. */
export function namesCountry({ country, word }: NamedCountry): boolean {
  return word === country || ['England', 'Scotland', 'Wales', 'Northern Ireland'].includes(word);
}

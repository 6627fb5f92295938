import { openEmbedders } from '../../../data/index/embedders/open-embedder';
import { openDetectors } from '../../../data/safety/open-detectors';
import { defaultTenant } from '../../../domain/ids';
import {
  personalDataTypes,
  type DetectorKind,
  type DetectorSpec,
} from '../../../domain/safety/policy';
import { processorTime } from '../../support/time/processor-time';
import { patientThreads } from '../../support/process/patient-threads';

const embedders = openEmbedders();
const detect = openDetectors({ embedders }).detectFor(defaultTenant);
const patient = openDetectors({ embedders, offThread: patientThreads() }).detectFor(defaultTenant);

async function found(kind: DetectorKind, text: string, look = detect): Promise<readonly string[]> {
  const spec: DetectorSpec = {
    name: 'd',
    on: ['input'],
    action: 'flag',
    onError: 'block',
    ...kind,
  };
  return (await look(spec, text, 'input')).map(
    ({ from, to, what }) => `${what}: ${text.slice(from, to)}`,
  );
}

describe('personal data', () => {
  const personal: DetectorKind = { kind: 'personalData', types: personalDataTypes };

  test.each([
    ['Write to ada.lovelace+x@mail.example.org today', 'email: ada.lovelace+x@mail.example.org'],
    ['card 4111 1111 1111 1111, please', 'creditCard: 4111 1111 1111 1111'],
    ['IBAN DE89 3704 0044 0532 0130 00.', 'iban: DE89 3704 0044 0532 0130 00'],
    ['from 203.0.113.7 at noon', 'ipAddress: 203.0.113.7'],
    ['from 2001:db8::ff00:42:8329 at noon', 'ipAddress: 2001:db8::ff00:42:8329'],
    ['SSN 536-90-4399', 'usSocialSecurity: 536-90-4399'],
    ['call +44 20 7946 0958 now', 'phone: +44 20 7946 0958'],
    ['call (212) 555-0198 now', 'phone: (212) 555-0198'],
  ])('%s', async (text, expected) => {
    expect(await found(personal, text)).toContain(expected);
  });

  test.each([
    ['a number that fails the check digits of cards', 'order 4111 1111 1111 1112'],
    ['a price, a year, a version', 'In 1987 it cost 1,299.50 for version 10.2.3'],
    [
      'a social security number that was never given out',
      '000-12-3456 and 666-12-3456 and 912-12-3456',
    ],
    ['a time and a ratio', 'at 12:30:05 with 3:1'],
    ['an IBAN with a wrong check', 'DE88 3704 0044 0532 0130 00'],
    ['code', 'std::vector<int> a; b::c::d()'],
  ])('is not found in %s', async (_what, text) => {
    expect(
      await found(
        { kind: 'personalData', types: personalDataTypes.filter((type) => type !== 'phone') },
        text,
      ),
    ).toEqual([]);
  });
});

describe('secrets', () => {
  const body = (length: number) => 'Ab3'.repeat(100).slice(0, length);
  test.each([
    ['awsAccessKey', 'AKIA' + 'IOSFODNN7EXAMPLE'],
    ['githubToken', `ghp_${body(36)}`],
    ['stripeKey', `sk_live_${body(24)}`],
    ['openaiKey', `sk-proj-${body(48)}`],
    ['anthropicKey', `sk-ant-${body(48)}`],
    ['perennialKey', `pk_${'0a'.repeat(13)}_${'0f'.repeat(32)}`],
    ['jsonWebToken', `eyJ${body(20)}.eyJ${body(40)}.${body(43)}`],
    ['credentialInUrl', 'postgres://app:hunter2@db.example.org'],
    ['privateKey', '-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----'],
  ])('%s', async (what, secret) => {
    expect(await found({ kind: 'secrets' }, `here: ${secret} .`)).toEqual([`${what}: ${secret}`]);
  });

  test('is not found in prose, hashes and addresses without a credential', async () => {
    const text = `sk-8 skis, commit ${'0f'.repeat(20)}, https://example.org/a:b@c, AKIA is a town`;
    expect(await found({ kind: 'secrets' }, text)).toEqual([]);
  });
});

describe('a blocklist', () => {
  const list: DetectorKind = { kind: 'blocklist', phrases: ['Project Phénix', 'bun'] };
  test.each([
    [
      'whatever the case and the accents',
      'about PROJECT phenix today',
      ['blocked phrase: PROJECT phenix'],
    ],
    [
      'whatever stands between the words',
      'project — "Phénix"!',
      ['blocked phrase: project — "Phénix'],
    ],
    [
      'in full width',
      'ｐｒｏｊｅｃｔ ｐｈｅｎｉｘ',
      ['blocked phrase: ｐｒｏｊｅｃｔ ｐｈｅｎｉｘ'],
    ],
    ['as whole words alone', 'a bungalow, a bun', ['blocked phrase: bun']],
    ['each time', 'bun bun', ['blocked phrase: bun', 'blocked phrase: bun']],
    ['not in parts', 'the project of a phoenix', []],
  ])('finds its phrases %s', async (_how, text, expected) => {
    expect(await found(list, text)).toEqual(expected);
  });
});

test('a text that is too long fails instead of passing', async () => {
  await expect(found({ kind: 'secrets' }, 'a'.repeat(1_000_001))).rejects.toThrow(
    'is too long to be screened',
  );
});

test.each<readonly [string, DetectorKind, string]>([
  ['secrets', { kind: 'secrets' }, `${'a:'.repeat(50_000)}//${'-'.repeat(50_000)}`],
  [
    'personal data',
    { kind: 'personalData', types: personalDataTypes },
    `${'1 '.repeat(50_000)}${'a@'.repeat(25_000)}${':'.repeat(50_000)}`,
  ],
  ['a blocklist', { kind: 'blocklist', phrases: ['a a a b'] }, 'a '.repeat(100_000)],
])('no text makes the detection of %s slow', async (_name, kind, text) => {
  // A quadratic algorithm would take minutes.
  expect((await processorTime(() => found(kind, text, patient))).milliseconds).toBeLessThan(10_000);
});

describe('while a detector reads a long text', () => {
  const personal: DetectorKind = { kind: 'personalData', types: personalDataTypes };

  test.each<readonly [string, readonly string[]]>([
    ['one text of a million characters', ['1.'.repeat(500_000)]],
    ['a thousand short texts at once', Array.from({ length: 1_000 }, () => '1.'.repeat(1_000))],
  ])('other requests are served: %s', async (_what, texts) => {
    let turns = 0;
    const others = setInterval(() => (turns += 1), 5);
    const read = await Promise.allSettled(texts.map((text) => found(personal, text)));
    clearInterval(others);
    // Reading on this thread would block all others. How long a turn takes depends on the
    // machine.
    expect(turns).toBeGreaterThan(20);
    // A timeout is a failure, on which the policy decides, and not a pass.
    const late = read.flatMap((each) => (each.status === 'rejected' ? [String(each.reason)] : []));
    for (const error of late)
      expect(error).toMatch(
        /could not be read for 'personalData' within 5 s|tasks wait for a free thread/,
      );
    expect(late.length > 0 || texts.length > 1).toBe(true);
  });
});

import fc from 'fast-check';
import type { DetectorSpec, Finding, SafetyPolicy } from '../../../domain/safety/policy';
import { safetyPolicySchema } from '../../../domain/safety/policy.schema';
import { redact, screen } from '../../../domain/safety/screen';

const detector = (change: Partial<DetectorSpec> & { readonly name: string }): DetectorSpec =>
  ({
    kind: 'secrets',
    on: ['input', 'output'],
    action: 'block',
    onError: 'block',
    ...change,
  }) as DetectorSpec;
const buildPolicy = (...detectors: readonly DetectorSpec[]): SafetyPolicy => ({
  name: 'p',
  detectors,
});

/** Finds each occurrence of the detector's name. */
const detect = (spec: DetectorSpec, text: string): Promise<readonly Finding[]> => {
  if (spec.name === 'broken') return Promise.reject(new TypeError(`cannot read "${text}"`));
  return Promise.resolve(
    [...text.matchAll(new RegExp(spec.name, 'g'))].map(({ index }) => ({
      from: index,
      to: index + spec.name.length,
      what: spec.name,
    })),
  );
};

describe('screening a text', () => {
  test('passes a text without findings', async () => {
    expect(await screen(buildPolicy(detector({ name: 'bomb' })), 'input', 'a bun', detect)).toEqual(
      {
        outcome: 'passed',
        text: 'a bun',
        findings: [],
      },
    );
  });

  test('takes the strictest action, and reports all findings', async () => {
    const policy = buildPolicy(
      detector({ name: 'mail', action: 'redact' }),
      detector({ name: 'bomb' }),
      detector({ name: 'odd', action: 'flag' }),
    );
    expect(await screen(policy, 'input', 'odd bomb mail mail', detect)).toEqual({
      outcome: 'blocked',
      text: null,
      findings: [
        { detector: 'mail', action: 'redact', found: { mail: 2 }, failure: null },
        { detector: 'bomb', action: 'block', found: { bomb: 1 }, failure: null },
        { detector: 'odd', action: 'flag', found: { odd: 1 }, failure: null },
      ],
    });
    expect(await screen(policy, 'input', 'odd mail', detect)).toMatchObject({
      outcome: 'redacted',
      text: 'odd [mail]',
    });
    expect(await screen(policy, 'input', 'odd', detect)).toMatchObject({
      outcome: 'flagged',
      text: 'odd',
    });
  });

  test('runs only the detectors of the side', async () => {
    const policy = buildPolicy(detector({ name: 'bomb', on: ['output'] }));
    expect((await screen(policy, 'input', 'bomb', detect)).outcome).toBe('passed');
    expect((await screen(policy, 'output', 'bomb', detect)).outcome).toBe('blocked');
  });

  test.each([
    ['block', 'blocked', null],
    ['allow', 'flagged', 'a secret'],
  ] as const)(
    'with onError: %s a failing detector gives %s, without quoting the text',
    async (onError, outcome, text) => {
      const said = await screen(
        buildPolicy(detector({ name: 'broken', onError })),
        'input',
        'a secret',
        detect,
      );
      expect(said).toEqual({
        outcome,
        text,
        findings: [
          {
            detector: 'broken',
            action: onError === 'block' ? 'block' : 'flag',
            found: {},
            failure: 'TypeError',
          },
        ],
      });
    },
  );

  test('a redacted text contains no part of a finding, even if findings overlap', () => {
    const findings = fc.array(
      fc
        .tuple(fc.nat(40), fc.integer({ min: 1, max: 12 }))
        .map(([from, length]): Finding => ({ from, to: from + length, what: 'x' })),
      { minLength: 1, maxLength: 6 },
    );
    fc.assert(
      fc.property(findings, (found) => {
        // Each character is unique, so the redacted text shows which ones remain.
        const text = String.fromCodePoint(
          ...Array.from({ length: 60 }, (_, place) => 0x4e00 + place),
        );
        const left = Array.from(
          redact(text, found).replaceAll('[x]', ''),
          (character) => (character.codePointAt(0) ?? 0) - 0x4e00,
        );
        const covered = (place: number) =>
          found.some(({ from, to }) => place >= from && place < to);
        expect(left).toEqual(
          Array.from({ length: 60 }, (_, place) => place).filter((place) => !covered(place)),
        );
      }),
    );
  });
});

describe('a policy document', () => {
  test('has safe defaults', () => {
    const read = safetyPolicySchema.parse({
      detectors: [
        { kind: 'secrets', name: 'keys' },
        { kind: 'personalData', name: 'people' },
      ],
    });
    expect(read.detectors).toMatchObject([
      { on: ['input', 'output'], action: 'block', onError: 'block' },
      { action: 'redact', types: expect.arrayContaining(['email', 'iban']) as string[] },
    ]);
  });

  test.each([
    [{ detectors: [] }, 'detectors'],
    [
      {
        detectors: [
          { kind: 'secrets', name: 'a' },
          { kind: 'secrets', name: 'a' },
        ],
      },
      'detectors.1.name',
    ],
    [{ detectors: [{ kind: 'blocklist', name: 'a', phrases: [] }] }, 'detectors.0.phrases'],
    [{ detectors: [{ kind: 'secrets', name: 'a', phrases: ['x'] }] }, 'detectors.0'],
    [{ detectors: [{ kind: 'telepathy', name: 'a' }] }, 'detectors.0.kind'],
  ])('rejects %j at %s', (document, place) => {
    const read = safetyPolicySchema.safeParse(document);
    expect(read.error?.issues.map(({ path }) => path.join('.'))).toEqual([place]);
  });
});

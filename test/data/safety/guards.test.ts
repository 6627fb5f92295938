import { openModelAccess, type ModelAccess } from '../../../data/language/model-access';
import { openDetectors } from '../../../data/safety/open-detectors';
import type {
  DetectorSpec,
  GuardModelKind,
  ModerationKind,
  SafetyPolicy,
  Side,
} from '../../../domain/safety/policy';
import { safetyPolicySchema } from '../../../domain/safety/policy.schema';
import { screen, type TextContext } from '../../../domain/safety/screen';
import { noSecret, providerAt, tenant } from '../../support/provider/model-access';
import {
  openScriptedProvider,
  type Fault,
  type Script,
  type ScriptedProvider,
} from '../../support/provider/scripted-provider';
import { measureFastest, timed } from '../../support/time/fastest-of';

let provider: ScriptedProvider;
let access: ModelAccess;

async function scripted(
  script: Script,
  settings: Parameters<typeof providerAt>[1] = {},
): Promise<void> {
  provider = await openScriptedProvider({ models: ['guard'], ...script });
  access = openModelAccess([providerAt(provider.url, settings)], noSecret);
}

afterEach(async () => {
  await access.close();
  await provider.close();
});

const terms = {
  name: 'guard',
  on: ['input', 'output', 'retrieved'],
  action: 'block',
  onError: 'block',
} as const;
const asked = { provider: 'scripted', model: 'guard', timeoutSeconds: 5, categories: [] } as const;
const guard = (change: Partial<GuardModelKind & DetectorSpec> = {}): DetectorSpec => ({
  ...terms,
  ...asked,
  kind: 'guardModel',
  prompt: null,
  answers: 'llamaGuard',
  ...change,
});
const moderation = (change: Partial<ModerationKind & DetectorSpec> = {}): DetectorSpec => ({
  ...terms,
  ...asked,
  kind: 'moderation',
  threshold: null,
  ...change,
});
const buildPolicy = (...detectors: readonly DetectorSpec[]): SafetyPolicy => ({
  name: 'p',
  detectors,
});

const detectors = () =>
  openDetectors({ embedders: { get: () => Promise.reject(new Error('no embedder')) }, access });
const screened = (
  spec: DetectorSpec,
  text: string,
  side: Side = 'input',
  about: TextContext = {},
) => screen(buildPolicy(spec), side, text, detectors().detectFor(tenant), about);
const dislikes =
  (word: string, answer = 'unsafe\nS1,S10') =>
  ({ prompt }: { readonly prompt: string }) =>
    prompt.includes(word) ? answer : 'safe';

describe('a guard model', () => {
  test('classifies each text by the categories of its answer', async () => {
    await scripted({ answer: dislikes('bomb') });
    expect(await screened(guard(), 'how is bread baked')).toEqual({
      outcome: 'passed',
      text: 'how is bread baked',
      findings: [],
    });
    expect(await screened(guard(), 'a bomb')).toEqual({
      outcome: 'blocked',
      text: null,
      findings: [{ detector: 'guard', action: 'block', found: { S1: 1, S10: 1 }, failure: null }],
    });
    expect(provider.requests[1]).toMatchObject({
      prompt: 'a bomb',
      maxTokens: 64,
      body: { temperature: 0 },
    });
  });

  test.each([
    [['S10'], 'unsafe\nS1,S10', 'blocked'],
    [['S2'], 'unsafe\nS1,S10', 'passed'],
    [['S2'], 'unsafe', 'blocked'],
  ])('with categories %j reads %j as %s', async (categories, answer, outcome) => {
    await scripted({ answer: () => answer });
    expect(await screened(guard({ categories }), 'a bomb')).toMatchObject({ outcome });
  });

  test('gets the question before an answer and classifies the answer', async () => {
    await scripted({ answer: dislikes('wire') });
    expect(await screened(guard(), 'cut the wire', 'output', { asked: 'how?' })).toMatchObject({
      outcome: 'blocked',
    });
    expect(provider.requests[0]?.body['messages']).toEqual([
      { role: 'user', content: 'how?' },
      { role: 'assistant', content: 'cut the wire' },
    ]);
  });

  test('uses the prompt and the patterns of the policy', async () => {
    await scripted({
      answer: ({ prompt }) => (prompt.includes('Human: $& bomb') ? 'Yes, it is' : 'No.'),
    });
    const spec = guard({
      prompt: 'Asked {{asked}}\nHuman: {{text}}\nYes or No?',
      answers: { unsafe: '^yes\\b', safe: '^no\\b' },
    });
    expect(await screened(spec, '$& bomb')).toMatchObject({
      outcome: 'blocked',
      findings: [{ found: { unsafe: 1 } }],
    });
    expect(await screened(spec, 'bread', 'output', { asked: 'what?' })).toMatchObject({
      outcome: 'passed',
    });
    expect(provider.requests[1]?.prompt).toBe('Asked what?\nHuman: bread\nYes or No?');
  });

  test.each([
    ['prose', 'I think that this text is safe.'],
    ['a safe text with categories', 'safe\nS1'],
    ['nothing', ''],
  ])('that answers %s gives no verdict', async (_what, answer) => {
    await scripted({ answer: () => answer });
    const failure = 'AnswerInvalid';
    expect(await screened(guard(), 'hello')).toMatchObject({
      outcome: 'blocked',
      findings: [{ action: 'block', found: {}, failure }],
    });
    expect(await screened(guard({ onError: 'allow' }), 'hello')).toMatchObject({
      outcome: 'flagged',
      text: 'hello',
      findings: [{ failure }],
    });
  });

  test('whose provider withholds the answer gives no verdict, whatever its patterns match', async () => {
    const body = JSON.stringify({
      error: { code: 'content_filter', message: 'The response was filtered' },
    });
    await scripted({ fault: () => ({ kind: 'error', status: 400, body }) });
    const spec = guard({ prompt: '{{text}}', answers: { unsafe: 'yes', safe: '^(?!.*yes)' } });
    expect(await screened(spec, 'a bomb')).toMatchObject({
      outcome: 'blocked',
      findings: [{ failure: 'AnswerWithheld' }],
    });
  });

  test('with an exponential pattern gives no verdict and delays no other request', async () => {
    await scripted({ answer: () => `${'a'.repeat(60)}!` });
    const spec = guard({ prompt: '{{text}}', answers: { unsafe: '^(a+)+$', safe: '^no' } });
    expect(await screened(spec, 'hello')).toMatchObject({
      outcome: 'blocked',
      findings: [{ failure: 'AnswerInvalid' }],
    });
  });

  test('gives no verdict when both of its patterns match, or neither', async () => {
    await scripted({
      answer: ({ prompt }) => (prompt.includes('both') ? 'yes and no' : 'perhaps'),
    });
    const spec = guard({ prompt: '{{text}}', answers: { unsafe: 'yes', safe: 'no' } });
    for (const text of ['both', 'neither'])
      expect(await screened(spec, text)).toMatchObject({
        findings: [{ failure: 'AnswerInvalid' }],
      });
  });
});

describe('a moderation', () => {
  const flags = { violence: true, hate: false };
  const scores = { violence: 0.4, hate: 0.3 };
  const answer = () => ({ flagged: true, categories: flags, category_scores: scores });

  test.each<readonly [string, Partial<ModerationKind>, object]>([
    ['by the flags', {}, { violence: 1 }],
    ['by a threshold', { threshold: 0.2 }, { violence: 1, hate: 1 }],
    ['by one category', { categories: ['hate'], threshold: 0.2 }, { hate: 1 }],
  ])('finds categories %s', async (_how, change, found) => {
    await scripted({ moderation: answer });
    expect(await screened(moderation(change), 'a fight')).toMatchObject({
      outcome: 'blocked',
      findings: [{ found }],
    });
    expect(provider.requests[0]?.body).toEqual({ model: 'guard', input: 'a fight' });
  });

  test('passes scores below the threshold and gives no verdict for an unknown category', async () => {
    await scripted({ moderation: answer });
    expect(await screened(moderation({ threshold: 0.5 }), 'a fight')).toMatchObject({
      outcome: 'passed',
    });
    expect(await screened(moderation({ categories: ['spam'] }), 'a fight')).toMatchObject({
      findings: [{ failure: 'AnswerInvalid' }],
    });
  });
});

describe('a provider', () => {
  test('that is briefly unavailable is asked again', async () => {
    const faults: readonly Fault[] = [{ kind: 'rateLimited' }, { kind: 'error', status: 500 }];
    await scripted({ answer: () => 'safe', fault: (_request, number) => faults[number] ?? null });
    expect(await screened(guard(), 'hello')).toMatchObject({ outcome: 'passed' });
    expect(provider.requests).toHaveLength(3);
  });

  test.each([
    ['stalls', { kind: 'stall', afterTokens: 0 } as const],
    ['is not available', { kind: 'error', status: 503 } as const],
  ])(
    'that %s is waited for until the timeout of the policy, and then the policy decides',
    async (_what, fault) => {
      await scripted({
        answer: () => 'safe',
        moderation: () => ({ categories: { hate: false } }),
        fault: () => fault,
      });
      for (const spec of [guard({ timeoutSeconds: 1 }), moderation({ timeoutSeconds: 1 })]) {
        const { value, milliseconds } = await measureFastest(3, 3_000, () =>
          timed(() =>
            Promise.all([
              screened(spec, 'hello'),
              screened({ ...spec, onError: 'allow' }, 'hello'),
            ]),
          ),
        );
        const [closed, open] = value;
        expect(milliseconds).toBeLessThan(3_000);
        expect(closed).toMatchObject({
          outcome: 'blocked',
          findings: [{ failure: expect.stringMatching(/^Provider/) as string }],
        });
        expect(open).toMatchObject({ outcome: 'flagged', text: 'hello' });
      }
    },
  );

  test('gets no more requests for a cancelled caller', async () => {
    await scripted({ answer: () => 'safe', fault: () => ({ kind: 'stall', afterTokens: 0 }) });
    const gone = new AbortController();
    const looking = screened(guard(), 'hello', 'input', { signal: gone.signal });
    setTimeout(() => gone.abort(new Error('gone')), 50);
    await expect(looking).rejects.toThrow('gone');
  });

  test('that is not configured or has no moderation is an error that names the setting', async () => {
    await scripted({}, { protocol: 'anthropic' });
    await detectors().prepare(buildPolicy(guard()));
    await expect(
      detectors().prepare(buildPolicy(guard({ provider: 'guards' }))),
    ).rejects.toMatchObject({
      type: 'ModelUnloadable',
      message: 'detector guard needs provider guards: there is no provider guards',
      next: 'add guards to spec.providers in the file that PERENNIAL_PROVIDERS_FILE names',
    });
    await expect(detectors().prepare(buildPolicy(moderation()))).rejects.toMatchObject({
      type: 'ModelUnloadable',
      next: 'use a provider with protocol: openai, or a detector of kind: guardModel',
    });
    expect(provider.requests).toEqual([]);
  });
});

test('a policy file names provider, model and timeout; invalid patterns are refused', async () => {
  await scripted({});
  const detector = { kind: 'guardModel', name: 'a', provider: 'guards', model: 'llama-guard-3-8b' };
  expect(
    safetyPolicySchema.parse({ detectors: [{ ...detector, timeout: '3s' }] }).detectors[0],
  ).toEqual({
    ...detector,
    timeoutSeconds: 3,
    categories: [],
    prompt: null,
    answers: 'llamaGuard',
    on: ['input', 'output'],
    action: 'block',
    onError: 'block',
  });
  const listIssues = (change: object) =>
    safetyPolicySchema
      .safeParse({ detectors: [{ ...detector, ...change }] })
      .error?.issues.map(({ path }) => path.join('.'));
  expect(listIssues({ prompt: 'no text' })).toEqual(['detectors.0.prompt']);
  expect(listIssues({ answers: { unsafe: 'y', safe: 'n' }, categories: ['S1'] })).toEqual([
    'detectors.0.categories',
  ]);
  expect(listIssues({ answers: { unsafe: '(', safe: 'n' } })?.[0]).toMatch(
    /^detectors\.0\.answers/,
  );
  expect(listIssues({ kind: 'moderation', threshold: 2 })).toEqual(['detectors.0.threshold']);
});

/**
 * The answers in a run's evaluations, through the real API and the command line, over a real
 * registry and artifact store.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunEvaluation } from '../../../../apps/api/language/case-results';
import { computeDigest } from '../../../../data/digest';
import type { ArtifactRef } from '../../../../domain/artifact';
import { effectKey, type RunId } from '../../../../domain/ids';
import { buildLlmEvidence } from '../../../../domain/language/evaluation/build-evidence';
import { toCaseReport } from '../../../../domain/language/evaluation/report';
import type { CaseResult } from '../../../../domain/language/evaluation/result';
import type { StandbyOutcome } from '../../../../domain/bundle/standby';
import { tenant } from '../../../db/registry-fixture';
import { cliAgainst } from '../../cli/fake-api';
import { openApiWorld, type ApiWorld } from '../support/api-world';

let world: ApiWorld;
let folder: string;
let run: RunId;
beforeAll(async () => {
  world = await openApiWorld();
  folder = mkdtempSync(join(tmpdir(), 'perennial-cases-'));
  await world.apply('answers');
  run = await evaluatedRun();
});
afterAll(async () => {
  await world.close();
  rmSync(folder, { recursive: true });
});

/**
 * 300 cases, which is more than a page. Every third answer is wrong, and every fifth is refused.
 */
const buildResults = (count: number, answer: string): readonly CaseResult[] =>
  Array.from({ length: count }, (_, index): CaseResult => {
    const of = {
      id: `c${String(index).padStart(3, '0')}`,
      group: null,
      pair: null,
      retrieved: [{ documentId: 'd1' }],
    };
    if (index % 5 === 0) {
      const because =
        'acme refused: status 400 unsupported_value temperature; set sampling.temperature to 1';
      const failed = { kind: 'failed', reason: 'ProviderRefused' } as const;
      const scores = { right: failed, close: failed };
      return {
        ...of,
        answer: null,
        unanswered: 'ProviderRefused',
        because,
        scores,
        latencyMs: null,
        cost: null,
      };
    }
    const scores = {
      right: { kind: 'scored', value: index % 3 === 0 ? 0 : 1 },
      close: { kind: 'scored', value: 0.6 },
    } as const;
    return {
      ...of,
      answer: `${answer} ${index}`,
      unanswered: null,
      scores,
      latencyMs: 20,
      cost: 1_000,
    };
  });
const failing = (results: readonly CaseResult[]) =>
  results.filter(
    ({ scores }) =>
      scores['right']?.kind === 'failed' ||
      (scores['right']?.kind === 'scored' && scores['right'].value < 1),
  );
const candidate = buildResults(300, 'Paris');

/**
 * As the workflow leaves it: prompts compared, and the best one decided on with a champion and a
 * standby.
 */
async function evaluatedRun(): Promise<RunId> {
  const { registry, artifacts } = world;
  const { id: runId } = await world.accept('answers');
  const put = (value: unknown) => artifacts.putJson({ tenant, value });
  const stage = async (
    name: string,
    end: { readonly output: unknown; readonly decisionId?: string },
  ) => {
    const at = { tenant, runId, stage: name, generation: 1 };
    await registry.stages.begin({ ...at, cacheKey: computeDigest(name), reuse: false });
    await registry.stages.finish({
      ...at,
      status: 'succeeded',
      output: { output: end.output },
      decisionId: end.decisionId,
    });
  };
  const prompt = {
    path: 'prompts/plain.yaml',
    slice: 'search',
    cases: 20,
    results: await put(buildResults(20, 'Rome')),
  };
  await stage('prompt-eval', { output: { results: [prompt] } });

  const standby = await evidence(await put(buildResults(300, 'Oslo')), {});
  const outcome: StandbyOutcome = {
    provider: 'acme',
    model: 'small',
    kind: 'qualified',
    cases: 300,
    evidence: standby,
  };
  const own = await evidence(await put(candidate), {
    champion: await put(buildResults(300, 'Lima')),
    standbys: [outcome],
  });
  await stage('evaluate', { output: {}, decisionId: await decide(runId, own) });
  return runId;
}

async function evidence(
  results: ArtifactRef,
  {
    champion = null,
    standbys,
  }: { readonly champion?: ArtifactRef | null; readonly standbys?: readonly StandbyOutcome[] },
) {
  const measured = buildLlmEvidence({
    candidate: computeDigest('bundle'),
    caseSet: computeDigest('cases'),
    dimensions: ['right', 'close'],
    judges: {},
    standbys,
    results: candidate,
    counterparts: { champion: null, baseline: null },
  });
  return kept({ ...measured, results: { candidate: results, champion, baseline: null } });
}

async function kept(body: object) {
  const digest = computeDigest(body);
  await world.registry.evidence.put({ tenant, kind: 'evidence', digest, body });
  return digest;
}

async function decide(runId: RunId, of: ReturnType<typeof computeDigest>): Promise<string> {
  const policy = { kind: 'llmEvaluation', version: 1, gates: [], ungated: 'a test' };
  await world.registry.evidence.put({
    tenant,
    kind: 'policy',
    digest: computeDigest(policy),
    body: policy,
  });
  const verdict = { kind: 'inconclusive', reasons: [] } as const;
  const key = effectKey(runId, 'evaluate', 'decide', 1);
  const grounds = { policy: computeDigest(policy), evidence: of };
  return (
    await world.registry.decisions.record({
      tenant,
      runId,
      stage: 'evaluate',
      ...grounds,
      verdict,
      idempotencyKey: key,
    })
  ).id;
}

const evaluations = async (id = run) =>
  (
    await world.call<{ items: readonly RunEvaluation[] }>('GET', `/runs/${id}/evaluations`, {
      as: 'viewer',
    })
  ).body.items;

async function fetchCases(name: string, query = '', as: 'viewer' | 'operator' = 'operator') {
  const found = (await evaluations()).find((each) => each.name === name);
  return world.call<{
    items: readonly CaseResult[];
    nextPageToken: string | null;
    detail?: string;
  }>('GET', `/runs/${run}/evaluations/${found?.results.digest ?? ''}/cases?${query}`, { as });
}

const cli = (...args: readonly string[]) =>
  cliAgainst({ apiUrl: world.url, apiKey: world.keys.operator, cwd: folder }, [
    'run',
    'cases',
    run,
    ...args,
  ]);

describe('over HTTP', () => {
  test('lists the arms of every stage, each with the results that its evidence names', async () => {
    expect((await evaluations()).map(({ stage, name, cases }) => [stage, name, cases])).toEqual([
      ['prompt-eval', 'prompts/plain.yaml (search)', 20],
      ['evaluate', 'candidate', 300],
      ['evaluate', 'champion', 300],
      ['evaluate', 'standby acme small', 300],
    ]);
  });

  test('returns the cases in pages, and only the failed ones on request', async () => {
    const read: CaseResult[] = [];
    for (let token: string | null = ''; token !== null;) {
      const { body, status }: Awaited<ReturnType<typeof fetchCases>> = await fetchCases(
        'candidate',
        `pageSize=70${token && `&pageToken=${token}`}`,
      );
      expect([status, body.items.length <= 70]).toEqual([200, true]);
      read.push(...body.items);
      token = body.nextPageToken;
    }
    expect(read).toEqual(candidate.map(toCaseReport));
    const { body } = await fetchCases('candidate', 'pageSize=200&failed=true&dimension=right');
    expect(body.items.map(({ id }) => id)).toEqual(failing(candidate).map(({ id }) => id));
    expect(body.items[1]).toMatchObject({
      answer: 'Paris 3',
      scores: { right: { kind: 'scored', value: 0 } },
    });
    expect(body.items[1]?.scores).not.toHaveProperty('close');
    // With passAt 0.6, only the refused cases are left.
    const lenient = await fetchCases(
      'candidate',
      'pageSize=200&failed=true&dimension=close&passAt=0.6',
    );
    expect(lenient.body.items.map(({ unanswered }) => unanswered)).toEqual(
      Array.from({ length: 60 }, () => 'ProviderRefused'),
    );
  });

  test('returns answers to operators only, and only those of the given run', async () => {
    expect((await fetchCases('candidate', '', 'viewer')).status).toBe(403);
    const { id: other } = await world.accept('answers');
    expect(await evaluations(other)).toEqual([]);
    const digest = (await evaluations()).at(-1)?.results.digest ?? '';
    expect(
      (await world.call('GET', `/runs/${other}/evaluations/${digest}/cases`, { as: 'operator' }))
        .status,
    ).toBe(404);
    expect(await fetchCases('candidate', 'dimension=nice')).toMatchObject({
      status: 422,
      body: { detail: 'nice was not measured; measured: close, right' },
    });
  });
});

describe('from the command line', () => {
  test('prints a table of the failed cases with the provider’s messages', async () => {
    const { exitCode, stdout, stderr } = await cli(
      '--failed',
      '--dimension',
      'right',
      '--limit',
      '2',
    );
    expect(exitCode).toBe(0);
    expect(stderr).toContain(`evaluate, candidate; 3 more: perennial run cases ${run} --list`);
    expect(stdout.split('\n').map((line) => line.trim())).toEqual([
      expect.stringMatching(/^CASE +QUESTION +EXPECTED +RIGHT +ANSWER$/),
      expect.stringMatching(
        /^c000 +not measured +ProviderRefused: acme refused: status 400 .*; set sampling.temperature to 1$/,
      ),
      expect.stringMatching(/^c003 +0 +Paris 3$/),
      '',
    ]);
  });

  test('writes complete files of JSON lines and JUnit XML', async () => {
    expect((await cli('--format', 'jsonl', '--out', 'cases.jsonl')).exitCode).toBe(0);
    const lines = readFileSync(join(folder, 'cases.jsonl'), 'utf8').trim().split('\n');
    expect(lines.map((line) => JSON.parse(line) as CaseResult)).toEqual(
      candidate.map(toCaseReport),
    );
    expect(
      (await cli('--format', 'junit', '--pass-at', '0.6', '--of', 'champion', '--out', 'cases.xml'))
        .exitCode,
    ).toBe(0);
    const xml = readFileSync(join(folder, 'cases.xml'), 'utf8');
    expect(xml).toContain(
      `<testsuite name="${run}.evaluate" tests="300" failures="80" errors="60" skipped="0">`,
    );
    expect(xml.match(/name="c003"/g)).toHaveLength(1);
    expect(readdirSync(folder).sort()).toEqual(['cases.jsonl', 'cases.xml']);
  });

  test('shows another stage, and lists the arms that have answers', async () => {
    expect(
      (await cli('--stage', 'prompt-eval', '--format', 'jsonl', '--limit', '2')).stdout
        .trim()
        .split('\n'),
    ).toHaveLength(2);
    const { stdout } = await cli('--list');
    expect(stdout).toMatch(/evaluate +standby acme small +300 +sha256:/);
    expect(await cli('--of', 'nobody')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining(`has no answers of nobody`) as string,
    });
  });
});

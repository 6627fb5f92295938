/**
 * Models with versions that runs have trained and evaluated, and changes of their champion over
 * HTTP.
 */
import { computeDigest } from '../../../../data/digest';
import { decide } from '../../../../domain/decision/decide';
import type { DecisionId, RunId } from '../../../../domain/ids';
import type { GateSpec } from '../../../../domain/decision/gate-spec';
import { evidence, policy, useful } from '../../../support/evidence';
import { refTo, signature, tenant } from '../../../db/registry-fixture';
import type { Answer, ApiWorld, CallOptions } from './api-world';
import { lifecycleBody, withStages } from './api-world';

export interface ChampionJson {
  readonly version: number | null;
  readonly fencing: number;
}

export interface JudgedModels {
  /**
   * A model whose versions were each made by an ended run and judged by these gates without a
   * champion; null means not judged.
   */
  model(...judgedBy: readonly (readonly GateSpec[] | null)[]): Promise<string>;
  /** Applied with these parts of the spec, without a version. */
  applied(parts: {
    readonly canary?: object;
    readonly promote?: object;
    readonly notify?: readonly object[];
  }): Promise<string>;
  /** A version of an open run, compared with the current champion. */
  successor(
    name: string,
    gates?: readonly GateSpec[] | null,
  ): Promise<{ readonly version: number; readonly runId: RunId }>;
  /** Records that the canary of this run has ended, or is open, with a decision of this kind. */
  decideCanary(runId: RunId, kind: 'passed' | 'failed' | 'inconclusive'): Promise<DecisionId>;
  champion(name: string): Promise<Answer<ChampionJson>>;
  fetchEtag(name: string): Promise<string>;
  promote(
    name: string,
    version: number,
    options?: CallOptions & { readonly etag?: string },
  ): Promise<Answer<ChampionJson>>;
}

let made = 0;

export function judgedModels(world: ApiWorld): JudgedModels {
  const { registry } = world;
  const champion: JudgedModels['champion'] = (name) =>
    world.call('GET', `/models/${name}/aliases/champion`, { as: 'viewer' });

  const successor: JudgedModels['successor'] = async (name, gates = [useful]) => {
    const { id: runId } = await world.accept(name);
    const now = (await registry.aliases.get({ tenant, model: name })).champion;
    const beside =
      now && (await registry.models.get({ tenant, model: name, version: now.version }));
    const { version } = await registry.models.register({
      tenant,
      model: name,
      runId,
      manifest: refTo(runId),
      signature,
      idempotencyKey: runId,
    });
    if (gates) await evaluated(world, { runId, gates, champion: beside?.manifest.digest ?? null });
    return { version, runId };
  };

  return {
    champion,
    successor,
    async model(...judgedBy) {
      const name = `model-${++made}`;
      await world.apply(name);
      for (const gates of judgedBy) {
        const { runId } = await successor(name, gates);
        await registry.runs.update({ tenant, id: runId, status: 'stopped' });
      }
      return name;
    },
    async applied({ canary, ...parts }) {
      const name = `model-${++made}`;
      const body = lifecycleBody(name, (text) =>
        withStages(text, { ...(canary ? { canary } : {}), ...parts }),
      );
      const answer = await world.call('PUT', `/lifecycles/${name}`, { as: 'operator', body });
      if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
      return name;
    },
    async decideCanary(runId, kind) {
      const verdict = { kind, reasons: [] };
      const [rules, measured] = [{ kind: 'rollout' }, { kind: 'rollout', runId, verdict }];
      return record(world, { runId, stage: 'canary', rules, measured, verdict });
    },
    fetchEtag: async (name) => (await champion(name)).headers.get('etag') ?? '',
    promote: (name, version, options = {}) =>
      world.call<ChampionJson>('PUT', `/models/${name}/aliases/champion`, {
        as: 'approver',
        body: { version, reason: 'by hand' },
        ...options,
        headers: {
          ...(options.etag === undefined ? {} : { 'if-match': options.etag }),
          ...options.headers,
        },
      }),
  };
}

/** The state after the evaluate stage. */
async function evaluated(
  world: ApiWorld,
  {
    runId,
    gates,
    champion,
  }: {
    readonly runId: RunId;
    readonly gates: readonly GateSpec[];
    readonly champion: string | null;
  },
): Promise<void> {
  const [rules, measured] = [policy(...gates), evidence()];
  const verdict = decide(rules, measured);
  const decisionId = await record(world, { runId, stage: 'evaluate', rules, measured, verdict });
  const { stages } = world.registry;
  const at = { tenant, runId, stage: 'evaluate', generation: 1 };
  await stages.begin({ ...at, cacheKey: computeDigest(runId), reuse: false });
  const status = verdict.kind === 'passed' ? 'succeeded' : 'stopped';
  await stages.finish({ ...at, status, output: { output: { champion }, verdict }, decisionId });
}

async function record(
  { registry }: ApiWorld,
  {
    runId,
    stage,
    rules,
    measured,
    verdict,
  }: {
    readonly runId: RunId;
    readonly stage: string;
    readonly rules: unknown;
    readonly measured: unknown;
    readonly verdict: ReturnType<typeof decide>;
  },
): Promise<DecisionId> {
  const [policyDigest, evidenceDigest] = [computeDigest(rules), computeDigest(measured)];
  await registry.evidence.put({ tenant, kind: 'policy', digest: policyDigest, body: rules });
  await registry.evidence.put({ tenant, kind: 'evidence', digest: evidenceDigest, body: measured });
  const grounds = { policy: policyDigest, evidence: evidenceDigest };
  const { id } = await registry.decisions.record({
    tenant,
    runId,
    stage,
    ...grounds,
    verdict,
    idempotencyKey: `${runId}/${stage}`,
  });
  return id as DecisionId;
}

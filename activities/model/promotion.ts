import { activityInfo } from '@temporalio/activity';
import { request, type Dispatcher } from 'undici';
import { tenantHeader } from '../../domain/access/tenant';
import { failure } from '../../domain/failure';
import type { RolloutId, Tenant } from '../../domain/ids';
import type { ComparedChampion, ModelVersionRef } from '../../domain/model/model';
import { versionName } from '../../domain/model/model';
import type { RunEffectRef } from '../../domain/run/run';
import type { Registry } from '../../db/registry';
import type { ExpectedChampion } from '../../db/alias/repository';
import { withHeartbeat } from '../run/heartbeat';

export interface PromotionDeps {
  readonly registry: Registry;
  /** The platform's own API key; null when none is configured. */
  readonly serviceKey: string | null;
  /** Dispatcher for requests to gateways. */
  readonly gatewayDispatcher: Dispatcher;
}

export type PromotionAnswer =
  | { readonly kind: 'promoted'; readonly previous: number | null; readonly fencing: number }
  | { readonly kind: 'conflict'; readonly champion: { readonly version: number | null } }
  /** Its rollout is held or has ended, and the alias did not move. */
  | { readonly kind: 'rolloutClosed' };

const actor = 'perennial';

export function createPromotionActivities(deps: PromotionDeps) {
  const { registry } = deps;
  return {
    async readChampion({
      tenant,
      model,
    }: {
      readonly tenant: Tenant;
      readonly model: string;
    }): Promise<ComparedChampion> {
      const { champion } = await registry.aliases.get({ tenant, model });
      if (!champion) return { version: null, fencing: 0 };
      const version = await registry.routing.version({ tenant, model, version: champion.version });
      if (!version)
        throw failure('NotFound', `champion ${model}@${champion.version} has no manifest`);
      return { version, fencing: champion.fencing };
    },

    /**
     * Every live gateway loads the version and tries it once, before it gets traffic. Idempotent.
     * @throws GatewayUnavailable when there is no live gateway or one does not answer;
     *   DigestMismatch when a gateway loaded other bytes (I3).
     */
    async probeGateways(
      input: RunEffectRef & { readonly version: ModelVersionRef },
    ): Promise<{ readonly gateways: number }> {
      return withHeartbeat(async () => {
        const live = await registry.gateways.live();
        if (live.length === 0)
          throw failure('GatewayUnavailable', 'no live gateway can load the version', {
            next: 'perennial gateway',
          });
        for (const gateway of live) {
          await probe(gateway.url, input, deps);
        }
        return { gateways: live.length };
      });
    },

    /** Moves the alias in one transaction, once per key; a retry repeats the answer. */
    async promoteVersion(
      input: RunEffectRef & {
        readonly model: string;
        readonly version: number;
        readonly expectedChampion: ExpectedChampion;
        readonly decisionId: string;
        /** The open rollout whose canary passed; null without a canary. */
        readonly rollout: RolloutId | null;
      },
    ): Promise<PromotionAnswer> {
      const { key, rollout, ...move } = input;
      const promotion = await registry.aliases.promote({
        ...move,
        ...(rollout === null ? {} : { rollout }),
        actor,
        cause: `decision ${input.decisionId}`,
        idempotencyKey: key,
      });
      switch (promotion.kind) {
        case 'promoted':
          return promotion;
        case 'unchanged':
          return { kind: 'promoted', previous: null, fencing: promotion.fencing };
        case 'conflict':
          return { kind: 'conflict', champion: { version: promotion.champion?.version ?? null } };
        case 'rolloutClosed':
          return promotion;
        case 'unmet':
          throw failure('Conflict', `the promotion by ${input.runId} was handled as a manual one`);
      }
    },

    /** Undo of `promoteVersion`, while the champion still comes from that promotion. Idempotent. */
    async withdrawPromotion(input: RunEffectRef & { readonly model: string }): Promise<void> {
      const { tenant, runId, key, model } = input;
      const promotion = await registry.aliases.promotionBy({ tenant, model, runId });
      if (promotion === null) return;
      await registry.aliases.withdraw({
        tenant,
        model,
        ...promotion,
        actor,
        cause: `undo of ${runId}`,
        idempotencyKey: `${key}/undo`,
      });
    },
  };
}

async function probe(
  url: string,
  { tenant, version, runId }: RunEffectRef & { readonly version: ModelVersionRef },
  { serviceKey, gatewayDispatcher }: Pick<PromotionDeps, 'serviceKey' | 'gatewayDispatcher'>,
): Promise<void> {
  const name = versionName(version);
  const answer = await request(`${url}/internal/probe`, {
    dispatcher: gatewayDispatcher,
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      [tenantHeader]: tenant,
      ...(serviceKey === null ? {} : { authorization: `Bearer ${serviceKey}` }),
    },
    body: JSON.stringify({ tenant, model: version.model, version: version.version }),
    headersTimeout: 30_000,
    bodyTimeout: 30_000,
    signal: AbortSignal.timeout(60_000),
  }).catch((cause: unknown) => {
    throw failure(
      'GatewayUnavailable',
      `gateway ${url} does not answer (${runId}, attempt ${activityInfo().attempt})`,
      { cause },
    );
  });
  const body: unknown = await answer.body.json().catch(() => null);
  const { digest, detail } = (body ?? {}) as { digest?: string; detail?: string };
  // These statuses are about the version, and not about the gateway or the API key.
  const refused = [404, 409, 410, 422].includes(answer.statusCode);
  if (answer.statusCode !== 200 && !refused)
    throw failure('GatewayUnavailable', `gateway ${url}: ${answer.statusCode} ${detail ?? ''}`);
  if (refused)
    throw failure(
      'ModelUnloadable',
      `gateway ${url} cannot load ${name}: ${detail ?? answer.statusCode}`,
    );
  if (digest !== version.manifest.digest)
    throw failure(
      'DigestMismatch',
      `gateway ${url} loaded ${digest ?? 'nothing'} for ${name}, not ${version.manifest.digest}`,
    );
}

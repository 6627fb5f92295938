import { activityInfo } from '@temporalio/activity';
import { request } from 'undici';
import { failure } from '../../domain/failure';
import type { RolloutId, Tenant } from '../../domain/ids';
import type { ChampionSeen, ModelVersionRef } from '../../domain/model/model';
import { versionName } from '../../domain/model/model';
import type { RunEffect } from '../../domain/run/run';
import type { Registry } from '../../db/registry';
import type { ExpectedChampion } from '../../db/alias/repository';
import { whileBeating } from '../run/heartbeating';

export interface PromotionDeps {
  readonly registry: Registry;
  /** The platform's own key; null where none is configured. */
  readonly serviceKey: string | null;
}

export type PromotionAnswer =
  | { readonly kind: 'promoted'; readonly previous: number | null; readonly fencing: number }
  | { readonly kind: 'conflict'; readonly champion: { readonly version: number | null } }
  /** The rollout that it was tried in is held or has ended: nothing moved. */
  | { readonly kind: 'rolloutClosed' };

const actor = 'perennial';

export function createPromotionActivities({ registry, serviceKey }: PromotionDeps) {
  return {
    async readChampion({
      tenant,
      model,
    }: {
      readonly tenant: Tenant;
      readonly model: string;
    }): Promise<ChampionSeen> {
      const { champion } = await registry.aliases.get({ tenant, model });
      if (!champion) return { version: null, fencing: 0 };
      const version = await registry.routing.version({ tenant, model, version: champion.version });
      if (!version)
        throw failure('NotFound', `champion ${model}@${champion.version} has no manifest`);
      return { version, fencing: champion.fencing };
    },

    /**
     * Every live gateway loads the version and tries it once, before any traffic. Loading twice is
     * harmless.
     * @throws GatewayUnavailable when none is live or one does not answer; DigestMismatch when one
     *   loaded other bytes (I3).
     */
    async probeGateways(
      input: RunEffect & { readonly version: ModelVersionRef },
    ): Promise<{ readonly gateways: number }> {
      return whileBeating(async () => {
        const live = await registry.gateways.live();
        if (live.length === 0)
          throw failure('GatewayUnavailable', 'no gateway holds a lease', {
            next: 'perennial gateway',
          });
        for (const gateway of live) {
          await probe(gateway.url, input, serviceKey);
        }
        return { gateways: live.length };
      });
    },

    /** One transaction, once per key; answers a second attempt like the first. */
    async promoteVersion(
      input: RunEffect & {
        readonly model: string;
        readonly version: number;
        readonly expectedChampion: ExpectedChampion;
        readonly decisionId: string;
        /** Open since the canary passed; null where there was none. */
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
          throw failure('Conflict', `a promotion by ${input.runId} was taken for one by hand`);
      }
    },

    /**
     * Undo of `promoteVersion`, only while the champion still comes from that promotion. A second
     * attempt finds it undone.
     */
    async withdrawPromotion(input: RunEffect & { readonly model: string }): Promise<void> {
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
  { tenant, version, runId }: RunEffect & { readonly version: ModelVersionRef },
  serviceKey: string | null,
): Promise<void> {
  const name = versionName(version);
  const answer = await request(`${url}/internal/probe`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
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
  // What is wrong with the version, and not with the gateway or our key.
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

import type {
  RoutedModel,
  RoutedRollout,
  RoutingArm,
} from '../../../db/serving/routing-repository';
import type { ArtifactRef } from '../../../domain/artifact';
import type { AliasName } from '../../../domain/model/model';
import type { ModelCache } from '../model/model-cache';
import { servedVersion, type ServedVersion } from '../model/served-version';

export interface Arm {
  readonly alias: AliasName;
  readonly weight: number;
  readonly served: ServedVersion;
  /** The champion answers the entities of this arm. */
  readonly isStopped?: true;
}

/** The arms of one model in this process, all loaded and probed. */
export interface Route {
  readonly tenant: string;
  readonly model: string;
  readonly champion: Arm;
  readonly arms: readonly Arm[];
  /**
   * The rollout that divides the requests. Null without one, and while its challenger is not loaded
   * here: then the champion answers, and nothing counts for or against the challenger.
   */
  readonly rollout: RoutedRollout | null;
}

/** A wanted arm that cannot be served here. */
export interface UnloadedArm {
  readonly alias: AliasName;
  readonly version: number;
  readonly error: unknown;
}

/** Never throws, so that one arm's failure does not affect the other. */
export async function loadArm(
  cache: Pick<ModelCache, 'acquire'>,
  routed: RoutedModel,
  { version, manifest, ...arm }: RoutingArm,
): Promise<Arm | UnloadedArm> {
  const { alias } = arm;
  try {
    return { ...arm, served: await serve(cache, routed, { version, manifest }) };
  } catch (error) {
    return { alias, version, error };
  }
}

/**
 * The target of a rollback stays loaded for a while after a promotion, so that a rollback is
 * immediate. Its failure blocks nothing. Null also when it need not be kept, because it takes
 * memory in every gateway.
 */
export async function loadPrevious(
  cache: Pick<ModelCache, 'acquire'>,
  routed: RoutedModel,
): Promise<ServedVersion | null> {
  const { previous } = routed;
  return previous === null || previous.keepSeconds <= 0
    ? null
    : serve(cache, routed, previous).catch(() => null);
}

async function serve(
  cache: Pick<ModelCache, 'acquire'>,
  { tenant, model }: RoutedModel,
  { version, manifest }: { readonly version: number; readonly manifest: ArtifactRef },
): Promise<ServedVersion> {
  const hold = await cache.acquire({ tenant, model, manifest });
  return servedVersion({ tenant, model, version }, hold);
}

/** The same arm with another reference, for a second route. */
export function retainArm({ served, ...arm }: Arm): Arm {
  return { ...arm, served: { ...served, hold: served.hold.hold() } };
}

export function releaseArms(arms: readonly Arm[]): void {
  for (const { served } of arms) served.hold.release();
}

/** Everything that a change of the route can change. */
export function computeFingerprint({ arms, previous, rollout }: RoutedModel): string {
  const parts = arms.map(
    ({ alias, version, weight, manifest, isStopped = false }) =>
      `${alias}:${version}:${weight}:${manifest.digest}${isStopped ? ':stopped' : ''}`,
  );
  const division = rollout === null ? '' : `${rollout.id}:${rollout.step}:${rollout.besides}`;
  return `${parts.join(' ')} ${previous === null ? '' : previous.version} ${division}`;
}

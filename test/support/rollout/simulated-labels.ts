import { compareLabelRates } from '../../../domain/rollout/judging/labels/label-rates';
import { addLoss, stepWeight } from '../../../domain/rollout/judging/entity-losses';
import type { EntityLosses } from '../../../domain/rollout/judging/entity-losses';
import type { ArmsEvidence } from '../../../domain/rollout/judging/evidence';
import type { ArmObservation } from '../../../domain/rollout/judging/observation';
import { observe, startEvidence } from '../../../domain/rollout/judging/observe';
import type { RolloutPolicy } from '../../../domain/rollout/policy';
import type { Random } from '../../../domain/statistics/random';

/** A serving step by arms whose labels come, come late or never come. */
export interface LabelledStep {
  readonly policy: RolloutPolicy;
  readonly requests: number;
  /** Requests of an entity, all in the same arm; 1 by default. */
  readonly perEntity?: number;
  /** What follows from the labels of an entity; the same for all of its requests if `perEntity`. */
  readonly labelOf: (arm: 'champion' | 'challenger', isBad: boolean) => LabelTime;
}

/** Probabilities, of which the rest comes in time. */
interface LabelTime {
  readonly missing: number;
  readonly late: number;
}

const everyRequests = 40;
const badShare = 0.3;
/** Event time between two requests: 900 a day. */
const betweenMs = 96_000;
const startMs = Date.parse('2026-01-01T00:00:00Z');

/** After how many requests the label rates first differ by more than chance; null: never. */
export function watchLabelRates(step: LabelledStep, random: Random): number | null {
  const { policy, requests, perEntity = 1, labelOf } = step;
  const at = new Date(startMs).toISOString();
  let evidence = startEvidence(policy, { champion: 'm@1', challenger: 'm@2', at });
  const share = (policy.steps[0] ?? 0) / 100;
  const losses = new Map<number, readonly EntityLosses[]>();
  const drawEntity = () => {
    const arm = random() < share ? ('challenger' as const) : ('champion' as const);
    return { arm, fate: random() };
  };
  let entity = drawEntity();
  let missing = { champion: 0, challenger: 0 };
  let late: ArmObservation[] = [];
  let batch: ArmObservation[] = [];
  for (let request = 0; request < requests; request += 1) {
    const id = Math.floor(request / perEntity);
    if (request % perEntity === 0) entity = drawEntity();
    const { arm } = entity;
    const isBad = random() < badShare;
    const { missing: never, late: later } = labelOf(arm, isBad);
    const answer = {
      eventTimeMs: startMs + request * betweenMs,
      arm,
      label: isBad ? 1 : 0,
      score: 0.5,
      step: 0,
      ...ofEntity(policy, losses, { id, arm, request }),
    };
    if (entity.fate < never + later) missing = { ...missing, [arm]: missing[arm] + 1 };
    if (entity.fate >= never + later) batch.push(answer);
    else if (entity.fate >= never) late.push({ ...answer, lateSeconds: 3_600 });
    if ((request + 1) % everyRequests > 0) continue;
    // The registry counts missing labels and takes the late ones of earlier looks.
    evidence = withMissing(evidence, missing);
    const asOf = new Date(startMs + (request + 1) * betweenMs).toISOString();
    evidence = observe(policy, evidence, { pairs: [], requests: [], answers: batch, asOf });
    if (comparison(policy, evidence.quality)) return request + 1;
    // Late labels that were counted are not missing any more.
    if (evidence.quality.kind === 'arms') missing = evidence.quality.unlabelled;
    [batch, late] = [late, []];
  }
  return null;
}

function ofEntity(
  policy: RolloutPolicy,
  losses: Map<number, readonly EntityLosses[]>,
  of: { readonly id: number; readonly arm: 'champion' | 'challenger'; readonly request: number },
): Pick<ArmObservation, 'change'> {
  // A late label would change the losses of its entity in another order, which has no effect here.
  const day = Math.floor((of.request * betweenMs) / 86_400_000);
  const known = losses.get(of.id) ?? [];
  const { after, change } = addLoss(known, { step: 0, day, loss: 0.7 }, stepWeight(policy, of.arm));
  losses.set(of.id, [after]);
  return { change };
}

function withMissing(
  evidence: ReturnType<typeof startEvidence>,
  unlabelled: ArmsEvidence['unlabelled'],
): ReturnType<typeof startEvidence> {
  const { quality } = evidence;
  return quality.kind === 'arms' ? { ...evidence, quality: { ...quality, unlabelled } } : evidence;
}

function comparison(
  policy: RolloutPolicy,
  quality: ReturnType<typeof startEvidence>['quality'],
): boolean {
  return quality.kind === 'arms' && compareLabelRates(policy, quality)?.differ === true;
}

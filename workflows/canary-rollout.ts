/**
 * A version on trial beside its champion, from opening to end: opened, moved up step by step, watched, promoted or taken back. One workflow owns it also while
 * people decide on the promotion, so that every command finds it in every open state, and a champion that moves away is noticed in each.
 */
import {
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  ContinueAsNew,
  getExternalWorkflowHandle,
  isCancellation,
  log,
  workflowInfo,
} from '@temporalio/workflow';
import type { CanarySpec, DataSpec } from '../domain/lifecycle';
import type { IdempotencyKey, RolloutId, RunId, Tenant } from '../domain/ids';
import { effectKey } from '../domain/ids';
import type { ModelVersionRef } from '../domain/model';
import { versionName } from '../domain/model';
import { rolloutPolicyOf } from '../domain/rollout/policy';
import type { RolloutRollback, RolloutStatus } from '../domain/rollout/rollout';
import { isOpenRollout } from '../domain/rollout/rollout';
import type { DecisionRef, Verdict } from '../domain/verdict';
import type { Judging } from '../activities/judge-answers';
import { records, rolloutWork } from './activity-proxies';
import type { Command } from './messages';
import { rolloutChangedSignal } from './messages';
import type { QueuedCommand, RolloutControl, RolloutProgress } from './rollout-control';
import { openRolloutControl } from './rollout-control';
import { startJudging } from './rollout-judging';
import { showDetails } from './current-details';
import { describeStatus } from './search-attributes';
import { messageOf } from './undo';

export interface RolloutInput {
  readonly tenant: Tenant;
  readonly runId: RunId;
  readonly traceId: string;
  readonly model: string;
  readonly champion: { readonly version: ModelVersionRef; readonly fencing: number };
  readonly challenger: ModelVersionRef;
  readonly canary: CanarySpec;
  readonly label: DataSpec['label'];
  /** The challenger answers nobody while people decide on its promotion. */
  readonly parkWhenPassed: boolean;
  /** Where a judge says what answers are worth; not given elsewhere. */
  readonly judging?: Judging;
  /** Of the execution before this one. */
  readonly progress?: RolloutProgress;
}

export type RolloutEnding = Exclude<RolloutStatus, 'running' | 'held' | 'passed'>;

export interface RolloutOutcome {
  /** `notOpened`: another rollout of the model is open, or the champion is another one by now. */
  readonly kind: RolloutEnding | 'notOpened';
  readonly rollout: RolloutId | null;
  readonly verdict: Verdict;
  readonly decision: DecisionRef | null;
}

/** How a rollout ended, as its row says. */
export interface EndedRollout {
  readonly status: RolloutEnding;
  readonly verdict: Verdict | null;
  readonly decision: DecisionRef | null;
  /** Null when none was measured. */
  readonly rollback: RolloutRollback | null;
}

/** Acts for itself: by its rules, or for its run. */
const platform = 'perennial';

export async function canaryRollout(input: RolloutInput): Promise<RolloutOutcome> {
  const control = openRolloutControl(input.tenant, input.progress);
  try {
    const outcome = await live(input, control);
    await retire(control);
    return outcome;
  } catch (error) {
    if (error instanceof ContinueAsNew) throw error;
    // Cancelled with its run, or broken: either way nobody watches the challenger any more (I5).
    const cause = isCancellation(error) ? 'its run was cancelled' : messageOf(error);
    describeStatus('aborted');
    showDetails(`The rollout was **aborted**: ${cause}`);
    await CancellationScope.nonCancellable(async () => {
      await records.endRollout({ ...inRun(input), model: input.model, actor: platform, cause });
      await retire(control);
    });
    throw error;
  }
}

async function live(input: RolloutInput, control: RolloutControl): Promise<RolloutOutcome> {
  const { progress } = control;
  if (progress.rollout === null) {
    const refused = await open(input, progress);
    if (refused) {
      showDetails(endDetails(refused));
      return refused;
    }
  }
  for (let watches = 1; ; watches += 1) {
    const ended = (await obey(input, control)) ?? (await stand(input, control)) ?? (await watch(input, control));
    if (ended) {
      progress.status = ended.status;
      const outcome = outcomeOf(input, progress, ended);
      describeStatus(ended.status);
      showDetails(endDetails(outcome));
      await confirm(input, progress, ended);
      return outcome;
    }
    if (watches >= watchesPerExecution || workflowInfo().continueAsNewSuggested) await startAfresh(input, control);
  }
}

/** A watch ends by itself once an hour, so this is about a week, and a history of some thousand events. */
const watchesPerExecution = 200;

async function open(input: RolloutInput, progress: RolloutProgress): Promise<RolloutOutcome | null> {
  const { model, champion, challenger, canary, label } = input;
  const name = versionName(challenger);
  const opened = await records.openRollout.executeWithOptions({ summary: `${name} beside ${versionName(champion.version)}` }, [
    { ...effect(input, 'open'), model, champion, challenger, canary, label },
  ]);
  const refused = (code: string, message: string): RolloutOutcome => ({
    kind: 'notOpened',
    rollout: null,
    verdict: inconclusive(code, message),
    decision: null,
  });
  switch (opened.kind) {
    case 'busy':
      return refused(
        'busy',
        `${model} has a rollout already: ${model}@${opened.challenger} of ${opened.runId} is ${opened.status}; rerun when it has ended (perennial rollout show ${model})`,
      );
    case 'conflict': {
      const now = opened.champion === null ? 'none' : `@${opened.champion}`;
      return refused(
        'overtaken',
        `${name} was compared with ${versionName(champion.version)}, but the champion is now ${now}; perennial run rerun to compare again`,
      );
    }
    case 'harmShown': {
      const found = (opened.verdict?.reasons ?? []).filter(({ outcome }) => outcome === 'failed').map(({ message }) => message);
      const message = `${name} was found harmful beside ${versionName(champion.version)} by ${opened.runId} at ${opened.at}, under this policy (perennial rollout show ${model} --id ${opened.rollout}); try another candidate or a changed policy`;
      const reason = { gate: 'canary', code: 'canary.harmShown', message: [message, ...found].join(': '), outcome: 'failed' } as const;
      return { kind: 'notOpened', rollout: null, verdict: { kind: 'failed', reasons: [reason] }, decision: null };
    }
    case 'opened':
      // Also found again, by a run that was started anew: then as it stands.
      progress.rollout = opened.rollout;
      progress.status = opened.status;
      progress.step = opened.step;
      progress.extendedSeconds = opened.extendedSeconds;
      if (opened.test) progress.test = opened.test;
      progress.decision = opened.decision;
      progress.entered = opened.status !== 'running';
      if (opened.status === 'held') progress.heldBy = { actor: platform, reason: 'held before' };
      return null;
  }
}

/** Commands in the order they came. */
async function obey(input: RolloutInput, control: RolloutControl): Promise<EndedRollout | null> {
  for (let next = control.queue[0]; next; next = control.queue[0]) {
    const ended = await obeyOne(input, control, next);
    next.answer ??= { kind: 'obeyed' };
    control.queue.shift();
    if (ended) return ended;
  }
  const { promotion } = control.progress;
  if (promotion === null) return null;
  // The first end stands: a promotion has ended it already.
  const cause = promotion.kind === 'refused' ? promotion.reason : 'its version was promoted';
  return records.endRollout({ ...inRun(input), model: input.model, actor: platform, cause });
}

/** Done and recorded with its actor before it is answered. */
async function obeyOne(input: RolloutInput, control: RolloutControl, queued: QueuedCommand): Promise<EndedRollout | null> {
  const { progress } = control;
  const { command } = queued;
  const { actor, keyId, reason } = command;
  const by = { actor, ...(keyId === undefined ? {} : { keyId }), ...(reason === undefined ? {} : { reason }) };
  switch (command.verb) {
    case 'hold':
      if (progress.heldBy === null) {
        progress.heldBy = by;
        progress.status = 'held';
      }
      return stand(input, control, by);
    case 'resume':
      goOn(progress);
      judgeAgain(progress);
      return stand(input, control, by);
    case 'skip':
      if (progress.decision !== null || progress.step >= input.canary.steps.length - 1) {
        const why = progress.decision === null ? 'it is in its last step, which only quality can end' : 'it has passed, no step is left';
        queued.answer = { kind: 'refused', why: `nothing can be skipped: ${why}` };
        return null;
      }
      progress.step += 1;
      progress.stepBy = {
        actor,
        reason: `skipped step ${progress.step}${reason === undefined ? '' : `: ${reason}`}; quality must still be shown before a promotion`,
      };
      progress.entered = false;
      judgeAgain(progress);
      return stand(input, control);
    case 'abort':
      return records.endRollout({ ...inRun(input), model: input.model, actor, cause: reason ?? 'aborted by hand' });
    case 'extend': {
      const { seconds, key } = command;
      const extended = await records.extendRollout({ ...effect(input, 'extend', key), rollout: idOf(progress), seconds, ...by });
      if (extended.kind === 'ended') return extended.end;
      progress.extendedSeconds = extended.extendedSeconds;
      // What the policy held for want of time has time again.
      if (progress.heldBy?.actor === platform) goOn(progress);
      judgeAgain(progress);
      return stand(input, control, by);
    }
  }
}

function goOn(progress: RolloutProgress): void {
  progress.heldBy = null;
  progress.status = progress.decision === null ? 'running' : 'passed';
}

/** The budget may have been raised since judging ended; if nothing has changed, it ends at once. */
function judgeAgain(progress: RolloutProgress): void {
  delete progress.noMoreLabels;
}

/** Puts where the rollout stands into the registry, if it is not there yet, and tells the run. Each write changes nothing the second time. */
async function stand(input: RolloutInput, control: RolloutControl, changedBy?: Command): Promise<EndedRollout | null> {
  const { progress } = control;
  if (!progress.entered) {
    const weight = (input.canary.steps[progress.step] ?? 0) / 100;
    const { actor, reason } = progress.stepBy;
    const summary = `step ${progress.step + 1} of ${input.canary.steps.length}: ${weight * 100} %`;
    const entered = await records.enterRolloutStep.executeWithOptions({ summary }, [
      { ...inRun(input), rollout: idOf(progress), step: progress.step, weight, actor, cause: reason ?? 'the next step' },
    ]);
    if (entered.kind === 'ended') return entered.end;
    progress.entered = true;
  }
  const waitingFor = waitsFor(input, progress);
  if (waitingFor === control.waitingFor || !isOpen(progress.status)) return null;
  const by = changedBy ?? progress.heldBy ?? { actor: platform };
  const shown = await records.recordRolloutStatus({
    ...inRun(input),
    rollout: idOf(progress),
    status: progress.status,
    weight: progress.decision !== null && input.parkWhenPassed ? 'park' : 'keep',
    decision: progress.decision,
    waitingFor: progress.status === 'running' ? null : waitingFor,
    actor: by.actor,
    cause: by.reason ?? waitingFor,
  });
  if (shown.kind === 'ended') return shown.end;
  control.waitingFor = waitingFor;
  describeStatus(progress.status);
  showDetails(`The rollout is **${progress.status}**. It waits for: ${waitingFor}`);
  await tellRun(progress, waitingFor);
  return null;
}

/** Until something is to be done, or a command comes. The traffic is back with the champion before this answers that harm was found. */
async function watch(input: RolloutInput, control: RolloutControl): Promise<EndedRollout | null> {
  const { progress } = control;
  if (control.queue.length > 0 || progress.promotion !== null || !isOpen(progress.status)) return null;
  const { model, champion, challenger, canary, label } = input;
  const { status: mode, step } = progress;
  const scope = new CancellationScope();
  control.interrupt = () => scope.cancel();
  const judged = startJudging(control, input.judging, { ...effect(input, 'judge'), rollout: idOf(progress) });
  const seen = await scope
    .run(() =>
      rolloutWork.watchRollout.executeWithOptions(
        { summary: `${versionName(challenger)}: ${mode}, step ${step + 1} of ${canary.steps.length}` },
        [
          {
            ...effect(input, 'decide'),
            rollout: idOf(progress),
            model,
            names: { champion: versionName(champion.version), challenger: versionName(challenger) },
            maxIdleSeconds: canary.maxIdleSeconds,
            policy: rolloutPolicyOf(progress.test ? { ...canary, test: progress.test } : canary, label),
            mode,
            step,
            ...(progress.noMoreLabels && { noMoreLabels: progress.noMoreLabels }),
          },
        ],
      ),
    )
    .catch((error: unknown) => {
      if (isCancellation(error) && !CancellationScope.current().consideredCancelled) return interrupted;
      throw error;
    })
    .finally(judged.stop);
  control.interrupt = () => undefined;
  switch (seen.kind) {
    case 'ended':
      return seen.end;
    case 'advance':
      // What a shadow may have judged is spent; people's answers have a part of their own.
      if ((canary.steps[progress.step] ?? 0) === 0) judgeAgain(progress);
      progress.step = seen.toStep;
      progress.stepBy = { actor: platform, reason: seen.because };
      progress.entered = false;
      return null;
    case 'passed':
      progress.decision = seen.decision;
      progress.status = 'passed';
      return null;
    case 'expired':
      progress.heldBy = { actor: platform, reason: seen.because };
      progress.status = 'held';
      return null;
    case 'interrupted':
    case 'still':
      return null;
  }
}

const interrupted = { kind: 'interrupted' } as const;

/** After all handlers finished, with everything that was said; else after the next watch. */
async function startAfresh(input: RolloutInput, control: RolloutControl): Promise<void> {
  if (!allHandlersFinished() || control.progress.promotion !== null) return;
  await continueAsNew<typeof canaryRollout>({ ...input, progress: control.progress });
}

/** After a rollback or an abort: gateways that have not heard of it yet. What they cannot be told now, the end of their lease tells them. */
async function confirm(input: RolloutInput, progress: RolloutProgress, { status, rollback }: EndedRollout): Promise<void> {
  if ((status !== 'rolledBack' && status !== 'aborted') || rollback?.secondsToFullTraffic != null) return;
  try {
    await rolloutWork.confirmRollback.executeWithOptions({ summary: 'all traffic with the champion' }, [
      { ...inRun(input), model: input.model, rollout: idOf(progress) },
    ]);
  } catch (error) {
    if (isCancellation(error)) throw error;
    log.warn('it is not known how fast the rollback was', { error: messageOf(error) });
  }
}

/** Whoever still waits for an answer gets one before the workflow is gone. */
async function retire(control: RolloutControl): Promise<void> {
  control.over = true;
  await condition(allHandlersFinished);
}

async function tellRun({ rollout, status, decision }: RolloutProgress, waitingFor: string): Promise<void> {
  const { parent } = workflowInfo();
  if (!parent || rollout === null || !isOpen(status)) return;
  try {
    await getExternalWorkflowHandle(parent.workflowId).signal(rolloutChangedSignal, { rollout, status, waitingFor, decision });
  } catch (error) {
    if (isCancellation(error)) throw error;
    // Its run is over: the cancellation that follows from that is on its way.
    log.warn('the run does not hear how its rollout stands', { error: messageOf(error) });
  }
}

/** In words that hold until the next change; how much is missing is reckoned by whoever asks, from the evidence. */
function waitsFor({ model, champion, challenger, canary }: RolloutInput, { status, step, heldBy, decision }: RolloutProgress): string {
  const percent = canary.steps[step] ?? 0;
  const where = `step ${step + 1} of ${canary.steps.length}, ${percent === 0 ? 'shadow' : `${percent} %`}`;
  const who = `${versionName(challenger)} beside ${versionName(champion.version)}`;
  if (status === 'held' && heldBy !== null) {
    const reason = heldBy.reason === undefined ? '' : ` (${heldBy.reason})`;
    return `canary of ${who} is held by ${heldBy.actor}${reason} in ${where}; perennial rollout resume ${model}`;
  }
  if (decision !== null) return `the promotion of ${versionName(challenger)}, whose canary has passed`;
  return `canary of ${who}: ${where}; perennial rollout show ${model}`;
}

function outcomeOf(
  { challenger, champion }: RolloutInput,
  { rollout, decision: passed }: RolloutProgress,
  end: EndedRollout,
): RolloutOutcome {
  const { status: kind, decision } = end;
  const said = {
    superseded: () =>
      inconclusive(
        'superseded',
        `superseded: the champion ${versionName(champion.version)} was moved while ${versionName(challenger)} was on trial beside it`,
      ),
    aborted: () => inconclusive('aborted', 'the rollout was aborted'),
    rolledBack: () => inconclusive('rolledBack', 'the rollout was rolled back'),
    promoted: (): Verdict =>
      passed?.verdict ?? inconclusive('promoted', `${versionName(challenger)} was promoted before its canary had passed`),
  };
  return { kind, rollout, verdict: end.verdict ?? said[kind](), decision: decision ?? passed };
}

function endDetails({ kind, verdict }: RolloutOutcome): string {
  const how = kind === 'notOpened' ? 'The rollout was **not opened**.' : `The rollout ended as **${kind}**, verdict **${verdict.kind}**.`;
  return [how, ...verdict.reasons.map(({ message }) => `- ${message}`)].join('\n');
}

export function inconclusive(code: string, message: string): Verdict {
  return { kind: 'inconclusive', reasons: [{ gate: 'canary', code: `canary.${code}`, message }] };
}

function isOpen(status: RolloutProgress['status']): status is 'running' | 'held' | 'passed' {
  return status !== 'opening' && isOpenRollout(status);
}

function idOf({ rollout }: RolloutProgress): RolloutId {
  if (rollout === null) throw new Error('no rollout is open yet');
  return rollout;
}

function inRun({ tenant, runId, traceId }: RolloutInput) {
  return { tenant, runId, traceId };
}

function effect(input: RolloutInput, step: string, item?: string): ReturnType<typeof inRun> & { readonly key: IdempotencyKey } {
  return { ...inRun(input), key: effectKey(input.runId, 'canary', step, 1, item) };
}

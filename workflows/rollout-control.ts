/** What people may say to a rollout. Commands queue up and the rollout obeys them one after the other between its own moves, so none ever meets a half-made one. */
import { ApplicationFailure, condition, currentUpdateInfo, setHandler } from '@temporalio/workflow';
import type { LostPairs } from '../activities/judge-answers';
import type { SignedCommand } from '../domain/command';
import type { RolloutId, Tenant } from '../domain/ids';
import type { CanarySpec } from '../domain/lifecycle';
import type { NoMoreLabels } from '../domain/rollout/evidence';
import type { RolloutStatus } from '../domain/rollout/rollout';
import type { DecisionRef } from '../domain/verdict';
import { admitted } from './admission';
import type { Command, PromotionEnd, RolloutView } from './messages';
import { abortUpdate, extendUpdate, holdUpdate, promotionEndedSignal, resumeRolloutUpdate, rolloutQuery, skipUpdate } from './messages';

/** All that a rollout's workflow must not forget; plain data, so that it goes along when the workflow continues as new. */
export interface RolloutProgress {
  rollout: RolloutId | null;
  status: RolloutStatus | 'opening';
  step: number;
  /** Why this step: in the audit beside its change. */
  stepBy: Command;
  /** Whether the step is in the routing table. */
  entered: boolean;
  heldBy: Command | null;
  extendedSeconds: number;
  /** The spec's, with this attempt's share of alpha; not given by histories of before attempts were counted. */
  test?: CanarySpec['test'];
  /** Of the canary that passed. */
  decision: DecisionRef | null;
  promotion: PromotionEnd | null;
  /** Nothing more will be judged; not given by histories of before there were judges. */
  noMoreLabels?: NoMoreLabels;
  /** Where the last turn of judging was. */
  judgedSince?: string;
  /** What it left to be asked again. */
  judgedLost?: LostPairs;
  /** Ids of updates that were obeyed in an earlier execution: Temporal itself knows those of its own alone. */
  obeyed: string[];
}

export type RolloutCommand =
  | ({ readonly verb: 'hold' | 'resume' | 'skip' | 'abort' } & Command)
  | ({ readonly verb: 'extend'; readonly key: string; readonly seconds: number } & Command);

export interface RolloutControl {
  readonly progress: RolloutProgress;
  waitingFor: string | null;
  readonly queue: QueuedCommand[];
  /** Ends what is waited for now, so that a command need not wait for it. */
  interrupt: () => void;
  /** No command is obeyed any more. */
  over: boolean;
}

export interface QueuedCommand {
  readonly command: RolloutCommand;
  answer: { readonly kind: 'obeyed' } | { readonly kind: 'refused'; readonly why: string } | null;
}

/** Enough for every command that may be sent twice around a continue-as-new. */
const mostRemembered = 500;
const tenYears = 10 * 366 * 86_400;

/** Installs the handlers. Called first thing, so that a command that comes with the first task finds them. */
export function openRolloutControl(tenant: Tenant, carried: RolloutProgress | undefined): RolloutControl {
  const progress: RolloutProgress = carried ?? {
    rollout: null,
    status: 'opening',
    step: 0,
    stepBy: { actor: 'perennial', reason: 'the first step' },
    entered: false,
    heldBy: null,
    extendedSeconds: 0,
    decision: null,
    promotion: null,
    obeyed: [],
  };
  const control: RolloutControl = { progress, waitingFor: null, queue: [], interrupt: () => undefined, over: false };
  const say = async (verb: RolloutCommand['verb'], command: SignedCommand): Promise<RolloutView> => {
    const id = currentUpdateInfo()?.id;
    if (id !== undefined && progress.obeyed.includes(id)) return viewOf(control);
    const { name: actor, keyId } = await admitted({ tenant, verb: `rollout.${verb}`, command, vote: null });
    const { reason, seconds = 0 } = command.order;
    const by = { actor, keyId, reason };
    await obeyed(control, verb === 'extend' ? { verb, key: id ?? 'extend', seconds, ...by } : { verb, ...by }, id);
    return viewOf(control);
  };
  setHandler(rolloutQuery, () => viewOf(control));
  setHandler(holdUpdate, (command) => say('hold', command));
  setHandler(resumeRolloutUpdate, (command) => say('resume', command));
  setHandler(skipUpdate, (command) => say('skip', command));
  setHandler(abortUpdate, (command) => say('abort', command));
  setHandler(extendUpdate, (command) => {
    // Not yet known to be a command at all.
    const seconds = (command as Partial<SignedCommand> | null | undefined)?.order?.seconds;
    if (seconds !== undefined && Number.isSafeInteger(seconds) && seconds > 0 && seconds <= tenYears) return say('extend', command);
    throw ApplicationFailure.nonRetryable(`extend takes whole seconds of event time from 1 to ${tenYears}`, 'InvalidInput');
  });
  setHandler(promotionEndedSignal, (end) => {
    progress.promotion ??= end;
    control.interrupt();
  });
  return control;
}

async function obeyed(control: RolloutControl, command: RolloutCommand, id: string | undefined): Promise<void> {
  const queued: QueuedCommand = { command, answer: null };
  control.queue.push(queued);
  control.interrupt();
  await condition(() => queued.answer !== null || control.over);
  if (queued.answer?.kind === 'obeyed') {
    if (id !== undefined) control.progress.obeyed = [...control.progress.obeyed, id].slice(-mostRemembered);
    return;
  }
  throw ApplicationFailure.nonRetryable(queued.answer?.why ?? 'this rollout has ended: it takes no more commands', 'Conflict');
}

function viewOf({ progress, waitingFor }: RolloutControl): RolloutView {
  const { rollout, status, step, heldBy, extendedSeconds } = progress;
  return { rollout, status, step, heldBy, extendedSeconds, waitingFor };
}

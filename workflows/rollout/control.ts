/** Commands to a rollout. They are queued and executed one by one between the rollout's effects. */
import { ApplicationFailure, condition, currentUpdateInfo, setHandler } from '@temporalio/workflow';
import type { SignedCommand } from '../../domain/command';
import type {
  RolloutCommand,
  RolloutEvent,
  RolloutProgress,
  RolloutSettings,
} from '../../domain/rollout/progress';
import { initialProgress } from '../../domain/rollout/progress';
import { transition } from '../../domain/rollout/transition';
import { admitCommand } from '../run/admission';
import type { RolloutInput } from './input';
import type { RolloutView } from '../run/messages';
import {
  abortUpdate,
  extendUpdate,
  holdUpdate,
  promotionEndedSignal,
  resumeRolloutUpdate,
  rolloutQuery,
  skipUpdate,
} from '../run/messages';

export interface RolloutControl {
  readonly settings: RolloutSettings;
  progress: RolloutProgress;
  readonly commands: PendingCommand[];
  /** Ends the current watch, so that a command need not wait for it. */
  interruptWatch: () => void;
  /** True when no more commands are accepted. */
  isOver: boolean;
}

export interface PendingCommand {
  readonly command: RolloutCommand;
  /** Id of the update that carried the command. */
  readonly id: string | null;
  answer: { readonly kind: 'accepted' } | { readonly kind: 'refused'; readonly why: string } | null;
}

const tenYears = 10 * 366 * 86_400;

/** Installs the handlers. Called first, so that they handle a command in the first task. */
export function openRolloutControl({
  tenant,
  model,
  champion,
  challenger,
  canary,
  parkWhenPassed,
  progress,
}: RolloutInput): RolloutControl {
  const control: RolloutControl = {
    settings: {
      model,
      champion: champion.version,
      challenger,
      steps: canary.steps,
      ...(canary.method !== undefined && { method: canary.method }),
      ...(canary.requireShadow !== undefined && { requireShadow: canary.requireShadow }),
      parkWhenPassed,
    },
    progress: progress ?? initialProgress,
    commands: [],
    interruptWatch: () => undefined,
    isOver: false,
  };
  const receive = async (
    verb: RolloutCommand['verb'],
    signed: SignedCommand,
  ): Promise<RolloutView> => {
    const id = currentUpdateInfo()?.id ?? null;
    if (id !== null && control.progress.handledCommands.includes(id)) return toRolloutView(control);
    const { name: actor, keyId } = await admitCommand({
      tenant,
      verb: `rollout.${verb}`,
      command: signed,
      vote: null,
    });
    const { reason, seconds = 0 } = signed.order;
    const by = { actor, keyId, reason };
    await execute(
      control,
      verb === 'extend' ? { verb, key: id ?? 'extend', seconds, ...by } : { verb, ...by },
      id,
    );
    return toRolloutView(control);
  };
  setHandler(rolloutQuery, () => toRolloutView(control));
  setHandler(holdUpdate, (command) => receive('hold', command));
  setHandler(resumeRolloutUpdate, (command) => receive('resume', command));
  setHandler(skipUpdate, (command) => receive('skip', command));
  setHandler(abortUpdate, (command) => receive('abort', command));
  setHandler(extendUpdate, (command) => {
    // The payload is not validated yet and may not be a command.
    const seconds = (command as Partial<SignedCommand> | null | undefined)?.order?.seconds;
    if (
      seconds !== undefined &&
      Number.isSafeInteger(seconds) &&
      seconds > 0 &&
      seconds <= tenYears
    )
      return receive('extend', command);
    throw ApplicationFailure.nonRetryable(
      `extend needs a whole number of seconds of event time, from 1 to ${tenYears}`,
      'InvalidInput',
    );
  });
  setHandler(promotionEndedSignal, (promotion) => {
    applyNow(control, { kind: 'promotionEnded', promotion });
  });
  return control;
}

/**
 * Applies an event that arrives while an effect is in progress. Its only immediate effect is to
 * interrupt the watch.
 */
export function applyNow(
  control: RolloutControl,
  event: Extract<RolloutEvent, { readonly kind: 'promotionEnded' | 'judged' | 'judgingEnded' }>,
): void {
  const { progress, effects } = transition(control.settings, control.progress, event);
  control.progress = progress;
  if (effects.some(({ kind }) => kind === 'interruptWatch')) control.interruptWatch();
}

/** The next command; null when there is none or the rollout has ended. */
export function nextCommand({
  progress,
  commands,
}: RolloutControl): Extract<RolloutEvent, { readonly kind: 'commandReceived' }> | null {
  const [next] = commands;
  return next === undefined || progress.end !== null
    ? null
    : { kind: 'commandReceived', command: next.command, id: next.id };
}

async function execute(
  control: RolloutControl,
  command: RolloutCommand,
  id: string | null,
): Promise<void> {
  const pending: PendingCommand = { command, id, answer: null };
  control.commands.push(pending);
  control.interruptWatch();
  await condition(() => pending.answer !== null || control.isOver);
  if (pending.answer?.kind === 'accepted') return;
  throw ApplicationFailure.nonRetryable(
    pending.answer?.why ?? 'this rollout has ended and accepts no more commands',
    'Conflict',
  );
}

function toRolloutView({
  progress: { rollout, status, step, heldBy, extendedSeconds, waitingFor },
}: RolloutControl): RolloutView {
  return { rollout, status, step, heldBy, extendedSeconds, waitingFor };
}

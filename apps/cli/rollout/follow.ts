import type { CliContext } from '../context';
import type { RunEventMessage } from '../../client/run-events';
import { progressLines } from './view';

const firstMs = 1_000;
const everyMs = 5_000;

/** Prints the progress of a canary between the events of its run, when it changes. */
export interface CanaryFollower {
  readonly hear: (event: RunEventMessage) => void;
  readonly stop: () => void;
}

const ends: readonly string[] = [
  'rollout.promoted',
  'rollout.rolled_back',
  'rollout.aborted',
  'rollout.superseded',
];

export function followCanary({
  terminal,
  api,
}: Pick<CliContext, 'terminal' | 'api'>): CanaryFollower {
  let timer: NodeJS.Timeout | null = null;
  const stop = (): void => {
    if (timer) clearTimeout(timer);
    timer = null;
  };
  return {
    stop,
    hear: ({ kind, data }) => {
      if (ends.includes(kind)) stop();
      if (kind !== 'rollout.started' || timer !== null) return;
      const look = openLook({ model: String(data['model']), id: String(data['rollout']) });
      timer = setTimeout(() => void look(), firstMs);
    },
  };

  function openLook(path: { readonly model: string; readonly id: string }): () => Promise<void> {
    let before: readonly string[] = [];
    return async function look() {
      try {
        const rollout = await api().call('GET /models/{model}/rollouts/{id}', { path });
        const progress = rollout.status === 'running' ? progressLines(rollout) : before;
        if (timer !== null && progress.join('\n') !== before.join('\n')) {
          const time = new Date().toISOString().slice(11, 19);
          for (const [index, line] of progress.entries())
            if (index === 0 || !before.includes(line))
              terminal.say(
                `${terminal.paint.dim(index === 0 ? time : ' '.repeat(8))}  canary    ${terminal.paint.dim(line)}`,
              );
          before = progress;
        }
      } catch {
        // The event stream already reports an unavailable API.
      }
      if (timer !== null) timer = setTimeout(() => void look(), everyMs);
    };
  }
}

import type { LiveRun } from '../api/live-state';
import { Badge } from '../parts/badge';
import { seconds } from '../parts/format';
import type { ShownRun } from './shown';

/** The stages in their order. A stage that has not begun is shown where the lifecycle names it. */
export function StageGraph({
  run: { stages, plannedStages },
  live: { progress },
  shown,
  onPick,
}: {
  readonly run: ShownRun;
  readonly live: LiveRun;
  readonly shown: string | null;
  readonly onPick: (stage: string) => void;
}) {
  const begun = new Map(stages.map((stage) => [stage.name, stage]));
  const names = [...new Set([...plannedStages, ...begun.keys()])];
  if (names.length === 0) return <p className="quiet">No stage has begun yet.</p>;
  return (
    <ol className="graph" aria-label="Stages">
      {names.map((name) => {
        const stage = begun.get(name);
        const status = stage?.status ?? 'to come';
        const isReused = stage?.reusedFrom != null;
        return (
          <li key={name} className={isReused ? 'reused' : status.replace(' ', '-')}>
            <button
              type="button"
              aria-pressed={name === shown}
              disabled={stage === undefined}
              onClick={() => onPick(name)}
            >
              <b>{name}</b>
              <Badge status={isReused ? 'reused' : status} />
              <span className="quiet">
                {stage === undefined
                  ? ''
                  : status === 'running'
                    ? (progress.get(name) ?? 'running')
                    : isReused
                      ? ''
                      : seconds(stage.seconds)}
              </span>
            </button>
          </li>
        );
      })}
    </ol>
  );
}

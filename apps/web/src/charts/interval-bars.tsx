export interface IntervalRow {
  readonly name: string;
  readonly estimate: number | null;
  readonly lower: number | null;
  readonly upper: number | null;
  /** The same in words, which every reader gets. */
  readonly text: string;
}

const [width, row, left] = [320, 22, 0];

/** An estimate with its interval for each row, on one scale. `limits` are lines across all. */
export function IntervalBars({
  label,
  rows,
  limits = [],
}: {
  readonly label: string;
  readonly rows: readonly IntervalRow[];
  readonly limits?: readonly { readonly at: number; readonly name: string }[];
}) {
  const values = [
    ...rows.flatMap(({ estimate, lower, upper }) => [estimate, lower, upper]),
    ...limits.map(({ at }) => at),
  ].filter((value) => value !== null);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const pad = (high - low) * 0.08 || Math.abs(high) * 0.1 || 1;
  const x = (value: number): number =>
    left + ((value - low + pad) / (high - low + 2 * pad)) * (width - left);
  return (
    <figure className="intervals">
      <figcaption>{label}</figcaption>
      {rows.map(({ name, estimate, lower, upper, text }) => (
        <div key={name}>
          <b>{name}</b>
          {values.length === 0 ? null : (
            <svg viewBox={`0 0 ${width} ${row}`} aria-hidden="true">
              {limits.map(({ at, name: of }) => (
                <line key={of} className="limit" x1={x(at)} x2={x(at)} y1={0} y2={row} />
              ))}
              {lower === null || upper === null ? null : (
                <line className="range" x1={x(lower)} x2={x(upper)} y1={row / 2} y2={row / 2} />
              )}
              {estimate === null ? null : <circle cx={x(estimate)} cy={row / 2} r={4} />}
            </svg>
          )}
          <span>{text}</span>
        </div>
      ))}
      {limits.map(({ at, name }) => (
        <p key={name} className="quiet">
          The line is {name}: {at}
        </p>
      ))}
    </figure>
  );
}

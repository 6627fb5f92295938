import { figure, percent } from '../parts/format';

/** Rows by label and by predicted class. The shade is the share of the rows with that label. */
export function ConfusionMatrix({
  name,
  classes,
  counts,
}: {
  readonly name: string;
  readonly classes: readonly string[];
  readonly counts: readonly (readonly number[])[];
}) {
  return (
    <figure className="confusion">
      <figcaption>{name}</figcaption>
      <div className="scroll" tabIndex={0} role="region" aria-label={`Confusion matrix of ${name}`}>
        <table>
          <thead>
            <tr>
              <th scope="col">Label</th>
              {classes.map((each) => (
                <th key={each} scope="col">
                  → <bdi>{each}</bdi>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {classes.map((label, row) => {
              const cells = counts[row] ?? [];
              const all = cells.reduce((sum, each) => sum + each, 0);
              return (
                <tr key={label}>
                  <th scope="row">
                    <bdi>{label}</bdi>
                  </th>
                  {classes.map((predicted, column) => {
                    const rows = cells[column] ?? 0;
                    const share = all === 0 ? 0 : rows / all;
                    return (
                      <td
                        key={predicted}
                        className={`shade-${Math.round(share * 5)} ${row === column ? 'right' : 'wrong'}`}
                      >
                        {figure(rows)} <span className="quiet">{percent(share)}</span>
                      </td>
                    );
                  })}
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </figure>
  );
}

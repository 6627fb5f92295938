import type { AnswerOf } from '../../../client/operation';
import { Badge } from './badge';

export type ShownVerdict = NonNullable<AnswerOf<'GET /runs/{id}'>['verdict']>;

/** The reasons of a verdict, each with its own outcome and its figures. */
export function VerdictView({ verdict: { kind, reasons } }: { readonly verdict: ShownVerdict }) {
  return (
    <div className="verdict">
      <p>
        <Badge status={kind} />
      </p>
      <ul>
        {reasons.map(({ gate, code, message, details, outcome }, index) => (
          <li key={`${gate} ${code} ${index}`}>
            <Badge status={outcome ?? kind} /> <b>{gate}</b> {message}
            {details === undefined || details.length === 0 ? null : (
              <details>
                <summary>
                  {details.length === 1 ? 'One further fact' : `${details.length} further facts`}
                </summary>
                <ul>
                  {details.map((detail, at) => (
                    <li key={at}>{detail}</li>
                  ))}
                </ul>
              </details>
            )}
          </li>
        ))}
      </ul>
    </div>
  );
}

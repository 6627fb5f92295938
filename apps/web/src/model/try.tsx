import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { useState, type SubmitEvent } from 'react';
import type { AnswerOf } from '../../../client/operation';
import { call } from '../api/client';
import { Empty, Failed, Shown } from '../parts/states';
import { Facts } from '../parts/table';
import { textOf } from '../parts/form';
import type { ShownModel } from './shown';

type RowSignature = Extract<
  ShownModel['versions'][number]['signature'],
  { readonly request: unknown }
>;
type TriedAnswer = AnswerOf<'POST /models/{model}/try'>;

export function TryPage() {
  const { model: name } = useParams({ from: '/models/$model/try' });
  const query = useQuery({
    queryKey: ['model', name],
    queryFn: () => call('GET /models/{model}', { path: { model: name } }),
  });
  return (
    <>
      <title>{`Try ${name} · Perennial`}</title>
      <p className="crumbs">
        <Link to="/models/$model" params={{ model: name }}>
          {name}
        </Link>
      </p>
      <h1>Try {name}</h1>
      <Shown query={query} what="the model">
        {(model) => <Tried model={model} />}
      </Shown>
    </>
  );
}

function Tried({ model: { name, aliases } }: { readonly model: ShownModel }) {
  if (aliases.champion === null)
    return (
      <Empty>
        <p>{name} has no champion, so no version answers.</p>
      </Empty>
    );
  return <TriedVersion name={name} version={aliases.champion.version} />;
}

function TriedVersion({ name, version }: { readonly name: string; readonly version: number }) {
  const query = useQuery({
    queryKey: ['model', name, 'version', version],
    queryFn: () =>
      call('GET /models/{model}/versions/{version}', { path: { model: name, version } }),
  });
  return (
    <Shown query={query} what="the champion">
      {({ signature }) => <TriedSignature name={name} signature={signature} />}
    </Shown>
  );
}

function TriedSignature({
  name,
  signature,
}: {
  readonly name: string;
  readonly signature: ShownModel['versions'][number]['signature'];
}) {
  if (signature.task === 'chat')
    return (
      <Empty>
        <p>
          {name} is a language application. Any OpenAI client can talk to it at the address on the
          page of the model.
        </p>
      </Empty>
    );
  return <Request name={name} signature={signature} />;
}

function Request({ name, signature }: { readonly name: string; readonly signature: RowSignature }) {
  const [answer, setAnswer] = useState<TriedAnswer | null>(null);
  const [error, setError] = useState<Error | null>(null);
  const [isBusy, setBusy] = useState(false);
  const columns = [
    ...signature.request,
    ...[signature.entity, signature.time]
      .filter((column) => column !== null)
      .filter((column) => !signature.request.some((each) => each.name === column))
      .map((column) => ({ name: column, type: 'string' })),
  ];
  const submit = (event: SubmitEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const row = Object.fromEntries(
      columns.map((column) => [column.name, valueOf(column.type, textOf(form, column.name))]),
    );
    setBusy(true);
    setError(null);
    call('POST /models/{model}/try', { path: { model: name }, body: { row } })
      .then(setAnswer, (problem: unknown) => {
        setAnswer(null);
        setError(problem as Error);
      })
      .finally(() => setBusy(false));
  };
  return (
    <>
      <p>The prediction is real: it is logged, and counts as traffic of the model.</p>
      <form onSubmit={submit} className="narrow">
        {columns.map(({ name: column, type }) => (
          <label key={column} className="field">
            <span>
              {column} <i>{type}</i>
              {column === signature.entity ? ', the entity' : ''}
              {column === signature.time ? ', the time of the request' : ''}
            </span>
            {type === 'boolean' ? (
              <select name={column}>
                <option>true</option>
                <option>false</option>
                <option value="">missing</option>
              </select>
            ) : (
              <input
                name={column}
                inputMode={['integer', 'number'].includes(type) ? 'decimal' : 'text'}
                placeholder={column === signature.time || type === 'timestamp' ? now() : ''}
              />
            )}
          </label>
        ))}
        <p className="quiet">An empty field is a missing value.</p>
        <button type="submit" className="primary" disabled={isBusy}>
          {isBusy ? 'Sending …' : 'Predict'}
        </button>
      </form>
      {error ? <Failed error={error} /> : null}
      {answer ? (
        <section className="card" role="status">
          <h2>Answer</h2>
          <Facts
            of={[
              ...Object.entries(answer.outputs).map(
                ([output, value]) =>
                  [output, <b key={output}>{shown(value, signature.classes)}</b>] as const,
              ),
              [
                'Version',
                <Link
                  key="version"
                  to="/models/$model/versions/$version"
                  params={{ model: name, version: String(answer.version) }}
                >
                  {name}@{answer.version}
                </Link>,
              ],
              ['Time', `${answer.milliseconds} ms`],
              ['Prediction', <code key="id">{answer.predictionId}</code>],
            ]}
          />
        </section>
      ) : null}
    </>
  );
}

function now(): string {
  return new Date().toISOString().slice(0, 19) + 'Z';
}

/** A text that is no number is sent as it is, so that the gateway explains what is wrong. */
function valueOf(type: string, text: string): unknown {
  if (text === '') return null;
  if (type === 'boolean') return text === 'true';
  if (!['integer', 'number'].includes(type)) return text;
  const value = Number(text);
  return Number.isFinite(value) ? value : text;
}

function shown(value: unknown, classes: readonly string[] | undefined): string {
  if (Array.isArray(value) && classes?.length === value.length)
    return classes.map((name, index) => `${name} ${String(value[index])}`).join(', ');
  return typeof value === 'string' ? value : JSON.stringify(value);
}

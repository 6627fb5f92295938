import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { useState, type SubmitEvent } from 'react';
import type { AnswerOf } from '../../../client/operation';
import { call } from '../api/client';
import { useMay } from '../api/session';
import { PageHead } from '../parts/page-head';
import { Empty, Failed, Shown } from '../parts/states';
import { Facts } from '../parts/table';
import { readText } from '../parts/form';
import { Chat } from './chat';
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
      <PageHead
        title={`Try ${name}`}
        crumbs={
          <Link to="/models/$model" params={{ model: name }}>
            {name}
          </Link>
        }
      />
      <Shown query={query} what="the model">
        {(model) => <Tried model={model} />}
      </Shown>
    </>
  );
}

function Tried({ model: { name, aliases } }: { readonly model: ShownModel }) {
  const [picked, pick] = useState<number | null>(null);
  const versions = useQuery({
    queryKey: ['model', name, 'newest'],
    queryFn: () =>
      call('GET /models/{model}/versions', { path: { model: name }, query: { pageSize: 50 } }),
  });
  const { champion } = aliases;
  return (
    <Shown query={versions} what="the versions">
      {({ items }) => {
        const shown = picked ?? champion?.version ?? items[0]?.version;
        const version = items.find((each) => each.version === shown);
        if (shown === undefined)
          return (
            <Empty>
              <p>{name} has no version.</p>
            </Empty>
          );
        return (
          <>
            <label className="field narrow">
              <span>Version</span>
              <select
                value={picked ?? ''}
                onChange={({ target: { value } }) => pick(value === '' ? null : Number(value))}
              >
                {champion === null ? null : (
                  <option value="">as the routing selects, now @{champion.version}</option>
                )}
                {items.map(({ version: number, status }) => (
                  <option key={number} value={number}>
                    @{number}, {status}
                  </option>
                ))}
              </select>
            </label>
            {version === undefined ? (
              <TriedVersion name={name} version={shown} of={picked ?? undefined} />
            ) : (
              <TriedSignature
                key={shown}
                name={name}
                signature={version.signature}
                version={picked ?? (champion === null ? shown : undefined)}
              />
            )}
          </>
        );
      }}
    </Shown>
  );
}

/** A champion that is older than the versions of the list. */
function TriedVersion({
  name,
  version,
  of,
}: {
  readonly name: string;
  readonly version: number;
  readonly of: number | undefined;
}) {
  const query = useQuery({
    queryKey: ['model', name, 'version', version],
    queryFn: () =>
      call('GET /models/{model}/versions/{version}', { path: { model: name, version } }),
  });
  return (
    <Shown query={query} what="the champion">
      {({ signature }) => <TriedSignature name={name} signature={signature} version={of} />}
    </Shown>
  );
}

function TriedSignature({
  name,
  signature,
  version,
}: {
  readonly name: string;
  readonly signature: ShownModel['versions'][number]['signature'];
  readonly version: number | undefined;
}) {
  if (signature.task === 'chat') return <Chat name={name} version={version} />;
  return <Request name={name} signature={signature} version={version} />;
}

function Request({
  name,
  signature,
  version,
}: {
  readonly name: string;
  readonly signature: RowSignature;
  /** Undefined where the routing selects. */
  readonly version: number | undefined;
}) {
  const mayOperate = useMay('operator');
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
      columns.map((column) => [column.name, parseValue(column.type, readText(form, column.name))]),
    );
    setBusy(true);
    setError(null);
    call('POST /models/{model}/try', {
      path: { model: name },
      body: { row, features: mayOperate, ...(version === undefined ? {} : { version }) },
    })
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
                  [output, <b key={output}>{formatOutput(value, signature.classes)}</b>] as const,
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
          {answer.features === null ? null : (
            <>
              <h3>Computed features</h3>
              <Facts
                of={Object.entries(answer.features).map(
                  ([feature, value]) =>
                    [
                      feature,
                      <code key={feature}>{value === null ? 'missing' : value}</code>,
                    ] as const,
                )}
              />
            </>
          )}
        </section>
      ) : null}
    </>
  );
}

function now(): string {
  return new Date().toISOString().slice(0, 19) + 'Z';
}

/** A text that is no number is sent as it is, so that the gateway explains what is wrong. */
function parseValue(type: string, text: string): unknown {
  if (text === '') return null;
  if (type === 'boolean') return text === 'true';
  if (!['integer', 'number'].includes(type)) return text;
  const value = Number(text);
  return Number.isFinite(value) ? value : text;
}

function formatOutput(value: unknown, classes: readonly string[] | undefined): string {
  if (Array.isArray(value) && classes?.length === value.length)
    return classes.map((name, index) => `${name} ${String(value[index])}`).join(', ');
  return typeof value === 'string' ? value : JSON.stringify(value);
}

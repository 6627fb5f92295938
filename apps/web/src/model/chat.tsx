import { useEffect, useRef, useState, type SubmitEvent } from 'react';
import type { AnswerOf } from '../../../client/operation';
import { call } from '../api/client';
import { readText } from '../parts/form';
import { figure, seconds } from '../parts/format';
import { Failed } from '../parts/states';

type TriedChat = AnswerOf<'POST /models/{model}/chat'>;

interface Turn {
  readonly question: string;
  readonly reply: TriedChat;
}

/** A conversation with a language application, and what it read for each answer. */
export function Chat({
  name,
  version,
}: {
  readonly name: string;
  /** Undefined where the routing selects. */
  readonly version: number | undefined;
}) {
  const [turns, setTurns] = useState<readonly Turn[]>([]);
  const [asked, setAsked] = useState<string | null>(null);
  const [error, setError] = useState<Error | null>(null);
  const end = useRef<HTMLLIElement>(null);
  useEffect(() => {
    // Not the value of the effect: newer browsers return a promise, which is no clean-up.
    end.current?.scrollIntoView({ block: 'nearest' });
  }, [turns, asked]);
  const submit = (event: SubmitEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const form = event.currentTarget;
    const question = readText(new FormData(form), 'question');
    if (question === '') return;
    setAsked(question);
    setError(null);
    const messages = [
      ...turns.flatMap(({ question: earlier, reply: { answer, refusal } }) => [
        { role: 'user' as const, content: earlier },
        { role: 'assistant' as const, content: answer ?? refusal ?? '' },
      ]),
      { role: 'user' as const, content: question },
    ];
    call('POST /models/{model}/chat', {
      path: { model: name },
      body: { messages, ...(version === undefined ? {} : { version }) },
    })
      .then(
        (reply) => {
          setTurns([...turns, { question, reply }]);
          form.reset();
        },
        (problem: unknown) => setError(problem as Error),
      )
      .finally(() => setAsked(null));
  };
  return (
    <>
      <p>The chat is real: each answer is logged, and counts as traffic of the application.</p>
      <ol className="chat" aria-live="polite">
        {turns.map(({ question, reply }) => (
          <li key={reply.predictionId}>
            <p className="question">
              <bdi>{question}</bdi>
            </p>
            <Reply of={reply} />
          </li>
        ))}
        {asked === null ? null : (
          <li ref={end}>
            <p className="question">
              <bdi>{asked}</bdi>
            </p>
            <p className="quiet">Waiting for the answer …</p>
          </li>
        )}
      </ol>
      {error ? <Failed error={error} /> : null}
      <form onSubmit={submit} className="ask">
        <label className="field">
          <span>Question</span>
          <textarea name="question" rows={2} maxLength={20_000} required />
        </label>
        <div className="actions">
          <button type="submit" className="primary" disabled={asked !== null}>
            {asked === null ? 'Ask' : 'Asking …'}
          </button>
          {turns.length === 0 ? null : (
            <button type="button" onClick={() => setTurns([])} disabled={asked !== null}>
              New conversation
            </button>
          )}
        </div>
      </form>
    </>
  );
}

function Reply({ of }: { readonly of: TriedChat }) {
  const { version, answer, refusal, milliseconds, tokens, index, passages } = of;
  return (
    <div className="card">
      <p className="answer">
        <bdi>{answer ?? refusal ?? 'No text was returned.'}</bdi>
      </p>
      <p className="quiet">
        {version}, {seconds(milliseconds / 1000)}, {figure(tokens.prompt)} tokens in,{' '}
        {figure(tokens.completion)} out, <code>{of.predictionId}</code>
      </p>
      {index === null ? null : (
        <details>
          <summary>
            {passages.length === 0
              ? `No passage of ${index} fitted`
              : `${passages.length} passages of ${index}, ${
                  passages.filter(({ cited }) => cited).length
                } cited`}
          </summary>
          <ol className="passages">
            {passages.map(({ number, documentId, title, source, score, cited, text }) => (
              <li key={number}>
                <b>
                  [{number}] <bdi>{title ?? documentId}</bdi>
                </b>{' '}
                <span className={`badge ${cited ? 'good' : ''}`}>
                  {cited ? 'cited' : 'not cited'}
                </span>{' '}
                <span className="quiet">
                  score {figure(score)} <bdi>{source ?? ''}</bdi>
                </span>
                <p>{text === null ? <i>Its text was not found again.</i> : <bdi>{text}</bdi>}</p>
              </li>
            ))}
          </ol>
        </details>
      )}
    </div>
  );
}

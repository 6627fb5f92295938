/** A button whose dialog says what will happen, and asks for a reason, before anything happens. */
import { useEffect, useId, useRef, useState, type SubmitEvent, type ReactNode } from 'react';
import { RefusedCall } from '../api/client';
import { readText } from './form';
import { Failed } from './states';

export function Action({
  label,
  title,
  effect,
  kind = 'plain',
  reason = 'optional',
  fields,
  disabled = false,
  run,
}: {
  readonly label: string;
  /** The question of the dialog. */
  readonly title: string;
  /** One or two sentences that say what will happen. */
  readonly effect: ReactNode;
  readonly kind?: 'plain' | 'primary' | 'danger';
  readonly reason?: 'none' | 'optional' | 'required';
  readonly fields?: ReactNode;
  readonly disabled?: boolean;
  readonly run: (input: {
    readonly reason: string | undefined;
    readonly form: FormData;
    /** The same for each attempt without a clear response, so that a change takes effect once. */
    readonly idempotencyKey: string;
  }) => Promise<unknown>;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [error, setError] = useState<Error | null>(null);
  const [isBusy, setBusy] = useState(false);
  const id = useId();
  const [isOpen, setOpen] = useState(false);
  useEffect(() => {
    if (isOpen) dialog.current?.showModal();
  }, [isOpen]);
  const attempt = useRef<{ readonly content: string; readonly key: string } | null>(null);
  const open = (): void => {
    attempt.current = null;
    setError(null);
    setOpen(true);
  };
  const close = (): void => dialog.current?.close();
  const submit = (event: SubmitEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = readText(form, 'reason');
    const content = JSON.stringify([...form]);
    if (attempt.current?.content !== content) attempt.current = { content, key: randomKey() };
    setBusy(true);
    setError(null);
    run({ reason: text === '' ? undefined : text, form, idempotencyKey: attempt.current.key })
      .then(close, (problem: unknown) => {
        if (problem instanceof RefusedCall && (problem.status ?? 500) < 500) attempt.current = null;
        setError(problem instanceof Error ? problem : new Error(String(problem)));
      })
      .finally(() => setBusy(false));
  };
  return (
    <>
      <button type="button" className={kind} onClick={open} disabled={disabled}>
        {label}
      </button>
      {isOpen ? (
        <dialog
          ref={dialog}
          onClose={() => setOpen(false)}
          // Escape would hide whether the change takes effect. Some browsers close anyway.
          onCancel={(event) => {
            if (isBusy) event.preventDefault();
          }}
          aria-labelledby={`${id}title`}
          aria-describedby={`${id}effect`}
        >
          <form onSubmit={submit}>
            <h2 id={`${id}title`}>{title}</h2>
            <div id={`${id}effect`}>{effect}</div>
            {fields}
            {reason === 'none' ? null : (
              <label className="field">
                <span>Reason for the audit log{reason === 'optional' ? ' (optional)' : ''}</span>
                <textarea name="reason" rows={2} maxLength={500} required={reason === 'required'} />
              </label>
            )}
            {error ? <Failed error={error} /> : null}
            <div className="buttons">
              <button type="button" onClick={close} disabled={isBusy}>
                Keep as it is
              </button>
              <button
                type="submit"
                className={kind === 'danger' ? 'danger' : 'primary'}
                disabled={isBusy}
              >
                {isBusy ? 'Sending …' : label}
              </button>
            </div>
          </form>
        </dialog>
      ) : null}
    </>
  );
}

/** Not `crypto.randomUUID`, which browsers have only with TLS or on their own machine. */
function randomKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

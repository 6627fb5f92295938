import { APIError } from 'openai';

/** The refusal that a stock client gets. */
export async function refusal(asking: Promise<unknown>): Promise<APIError> {
  const error: unknown = await asking.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof APIError)) throw new Error(`no refusal: ${String(error)}`);
  return error;
}

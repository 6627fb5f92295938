/** Usually a start takes a few milliseconds; a caller waits for no more than this. */
const patienceMilliseconds = 50;

/** Waits a moment for what is done in any case: the outbox has it. */
export async function soon(
  begun: Promise<void>,
  onFailure: (error: unknown) => void,
): Promise<void> {
  await Promise.race([
    begun.catch(onFailure),
    new Promise((resolve) => setTimeout(resolve, patienceMilliseconds)),
  ]);
}

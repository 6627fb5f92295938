/** The longest wait for a start, which usually takes a few milliseconds. */
const patienceMilliseconds = 50;

/** Waits briefly for work that the outbox guarantees anyway. */
export async function waitBriefly(
  begun: Promise<void>,
  onFailure: (error: unknown) => void,
): Promise<void> {
  await Promise.race([
    begun.catch(onFailure),
    new Promise((resolve) => setTimeout(resolve, patienceMilliseconds)),
  ]);
}

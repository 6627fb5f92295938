import { failure, type FailureType } from '../domain/failure';

/** Waits no longer than `ms`. The work itself goes on; its late outcome is dropped. */
export async function within<T>(ms: number, work: Promise<T>, late: { readonly type: FailureType; readonly message: string }): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(failure(late.type, `${late.message} (no answer within ${ms} ms)`)), ms);
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

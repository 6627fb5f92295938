import type { Registry } from '../../db/registry';
import type { Logger } from '../log';

/** Records the ends of automatic runs and starts queued ones. A failure of one delays no other. */
export async function followRetrainings(
  { retrainings }: Pick<Registry, 'retrainings'>,
  log: Logger,
): Promise<void> {
  for (const name of await retrainings.due({ limit: 100 })) {
    await retrainings.tick(name).catch((error: unknown) => {
      log.warn({ err: error, ...name }, 'the next automatic run did not start; it will be retried');
    });
  }
}

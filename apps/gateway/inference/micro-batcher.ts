import { failure } from '../../../domain/failure';

export interface MicroBatcher<Row> {
  /**
   * The results of these rows, in order: as many values for each row. Throws GatewayUnavailable
   * when the queue is full, and with `late` when the deadline passed in the queue.
   */
  run(rows: readonly Row[], deadline: number): Promise<Float64Array>;
  /** Requests that wait. */
  queued(): number;
}

export interface BatcherOptions<Row> {
  readonly maxRows: number;
  readonly maxQueued: number;
  readonly call: (rows: readonly Row[], deadline: number) => Promise<Float64Array>;
  readonly late: () => Error;
  readonly onBatch: (rows: number) => void;
}

/**
 * Collects what arrives in one turn of the event loop, and everything that arrives while a call is
 * under way, into the next call. A batch so grows with the load by itself and a lone request never
 * waits for company, which a fixed delay of a millisecond or two would make it do.
 */
export function createMicroBatcher<Row>({
  maxRows,
  maxQueued,
  call,
  late,
  onBatch,
}: BatcherOptions<Row>): MicroBatcher<Row> {
  interface Item {
    readonly rows: readonly Row[];
    readonly deadline: number;
    readonly resolve: (scores: Float64Array) => void;
    readonly reject: (error: unknown) => void;
  }
  const queue: Item[] = [];
  let busy = false;

  function run(rows: readonly Row[], deadline: number): Promise<Float64Array> {
    if (queue.length >= maxQueued) {
      return Promise.reject(
        failure(
          'GatewayUnavailable',
          `${queue.length} requests are already waiting for this model; try again shortly`,
        ),
      );
    }
    return new Promise((resolve, reject) => {
      queue.push({ rows, deadline, resolve, reject });
      if (!busy) {
        busy = true;
        setImmediate(drain);
      }
    });
  }

  async function work(): Promise<void> {
    for (let items = take(); items.length > 0; items = take()) await serve(items);
    busy = false;
  }

  function drain(): void {
    void work();
  }

  /** The oldest that fit together; one that is larger than a batch goes alone. */
  function take(): Item[] {
    const items: Item[] = [];
    const now = performance.now();
    let rows = 0;
    let next = 0;
    for (; next < queue.length; next += 1) {
      const item = queue[next] as Item;
      if (item.deadline <= now) {
        item.reject(late());
        continue;
      }
      if (items.length > 0 && rows + item.rows.length > maxRows) break;
      items.push(item);
      rows += item.rows.length;
    }
    queue.splice(0, next);
    return items;
  }

  async function serve(items: readonly Item[]): Promise<void> {
    const [first] = items;
    if (first === undefined) return;
    const rows = items.length === 1 ? first.rows : items.flatMap((item) => item.rows);
    try {
      onBatch(rows.length);
      // The one that can wait longest decides: a batch must not fail for its most impatient member.
      const scores = await call(rows, Math.max(...items.map((item) => item.deadline)));
      const width = scores.length / rows.length;
      let from = 0;
      for (const item of items) {
        const until = from + item.rows.length * width;
        item.resolve(scores.subarray(from, until));
        from = until;
      }
    } catch (error) {
      if (items.length === 1) first.reject(error);
      // A row that makes the features' SQL fail must not fail the strangers that shared its batch.
      else for (const item of items) await serveAlone(item);
    }
  }

  async function serveAlone(item: Item): Promise<void> {
    if (item.deadline <= performance.now()) item.reject(late());
    else await serve([item]);
  }

  return { run, queued: () => queue.length };
}

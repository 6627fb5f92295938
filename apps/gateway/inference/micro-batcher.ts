export interface MicroBatcher<Row> {
  /**
   * The results of these rows, in order, with the same number of values for each row. Throws `late`
   * when the deadline passed in the queue.
   */
  run(rows: readonly Row[], deadline: number): Promise<Float64Array>;
  /** The number of waiting requests. */
  queued(): number;
}

export interface BatcherOptions<Row> {
  readonly maxRows: number;
  readonly call: (rows: readonly Row[], deadline: number) => Promise<Float64Array>;
  readonly late: () => Error;
  readonly onBatch: (rows: number) => void;
}

/**
 * Batches the requests of one turn of the event loop, and those that arrive during a call, into the
 * next call. The batch size follows the load, and a single request never waits for others, as it
 * would with a fixed delay.
 */
export function createMicroBatcher<Row>({
  maxRows,
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

  /** The oldest requests that fit together. A request that exceeds a batch runs alone. */
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
      // The latest deadline applies, so that a batch does not fail because of its earliest one.
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
      // A row that makes the SQL of the features fail must not fail other requests in its batch.
      else for (const item of items) await serveAlone(item);
    }
  }

  async function serveAlone(item: Item): Promise<void> {
    if (item.deadline <= performance.now()) item.reject(late());
    else await serve([item]);
  }

  return { run, queued: () => queue.length };
}

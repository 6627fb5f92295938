export interface MicroBatcher<Row> {
  /**
   * The results of these rows, in order, with the same number of values for each row. Throws `late`
   * at the deadline (a `performance.now()`), also while the call of its batch continues.
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
  /** Items without a result yet, in the queue or in a call. */
  const open = new Set<Item>();
  let busy = false;
  /** One timer for all requests, because one for each would cost about as much as its routing. */
  let timer: NodeJS.Timeout | null = null;
  let timerAt = Infinity;

  function run(rows: readonly Row[], deadline: number): Promise<Float64Array> {
    return new Promise((resolve, reject) => {
      const item: Item = { rows, deadline, resolve, reject };
      queue.push(item);
      open.add(item);
      if (deadline < timerAt) wakeAt(deadline);
      if (!busy) {
        busy = true;
        setImmediate(drain);
      }
    });
  }

  function wakeAt(deadline: number): void {
    if (timer !== null) clearTimeout(timer);
    timerAt = deadline;
    // The connection of a waiting request keeps the process alive.
    timer = setTimeout(expire, Math.max(0, deadline - performance.now())).unref();
  }

  function expire(): void {
    timer = null;
    timerAt = Infinity;
    const now = performance.now();
    let next = Infinity;
    for (const item of open) {
      if (item.deadline <= now) fail(item, late());
      else next = Math.min(next, item.deadline);
    }
    if (next < Infinity) wakeAt(next);
  }

  function fail(item: Item, error: unknown): void {
    open.delete(item);
    item.reject(error);
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
      if (item.deadline <= now) fail(item, late());
      if (!open.has(item)) continue;
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
        open.delete(item);
        item.resolve(scores.subarray(from, until));
        from = until;
      }
    } catch (error) {
      if (items.length === 1) fail(first, error);
      // A row that makes the SQL of the features fail must not fail other requests in its batch.
      else for (const item of items) await serveAlone(item);
    }
  }

  async function serveAlone(item: Item): Promise<void> {
    if (item.deadline <= performance.now()) fail(item, late());
    else await serve([item]);
  }

  return { run, queued: () => queue.length };
}

/** Stores the items of a map, runs them and collects their results. */
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { openScratch } from '../../data/scratch';
import type { ArtifactRef } from '../../domain/artifact';
import { failure } from '../../domain/failure';
import { effectKey, type IdempotencyKey } from '../../domain/ids';
import {
  mapLimits,
  type ItemError,
  type ItemFailure,
  type StageMapResult,
  type StoredItems,
} from '../../domain/project/map';
import type { RunEffectRef, RunRef } from '../../domain/run/run';
import { withHeartbeat } from '../run/heartbeat';
import { withIdempotencyKey } from '../run/idempotent-effect';
import { holdForRun, findItemError, openItemReader, storePages, type ItemEnd } from './map-items';
import type { StageRunner } from './stage';
import type { StepJobSpec } from './step';
import type { ProjectStageDeps, StageCallRef } from './stage-context';

export interface MapItemInput extends StageCallRef {
  readonly item: number;
  /** The index of the stored items. */
  readonly items: ArtifactRef;
}

export interface MapItemUndoInput extends MapItemInput {
  /** The effect of the item that is undone. */
  readonly of: RunEffectRef['key'];
}

export interface MapItems<Items> extends RunRef {
  readonly call: string;
  readonly items: Items;
}

export interface MapResultsInput extends RunRef {
  readonly call: string;
  readonly generation: number;
  readonly total: number;
}

const maxMessageLength = 2_000;
/** Items per query: at least as many as run at once, for `beginMapUndo`. */
const itemsPerQuery: number = mapLimits.parallel;

export function createStageMapActivities(deps: ProjectStageDeps, runner: StageRunner) {
  const { registry, artifacts } = deps;
  const read = openItemReader(artifacts);
  const hold = (run: RunRef, value: unknown): Promise<void> => holdForRun(deps, run, value);
  return {
    /** Stores items that a lifecycle passes as an array. Equal items give the same reference. */
    async storeMapItems(input: MapItems<readonly unknown[]>): Promise<StoredItems> {
      const stored = await storePages(artifacts, input, input.items);
      await hold(input, stored);
      return stored;
    },

    /** The same for items in an artifact: a JSON array, or JSON lines. */
    storeArtifactItems: (input: MapItems<ArtifactRef>): Promise<StoredItems> =>
      withHeartbeat(async () => {
        const text = Buffer.from(await artifacts.getBytes(input.items)).toString('utf8');
        const stored = await storePages(artifacts, input, parseItems(input.call, text));
        await hold(input, stored);
        return stored;
      }),

    /** Stores what the items of a map over a Python step share. Equal steps give equal references. */
    async storeMappedStep({
      step,
      ...run
    }: RunRef & { readonly step: StepJobSpec }): Promise<ArtifactRef> {
      const { tenant, runId } = run;
      const stored = await artifacts.putJson({ tenant, runId, value: step });
      await hold(run, stored);
      return stored;
    },

    /**
     * Runs the stage for one item. A retry after a success does not run it again. The journal has
     * the output. Returns null, or the error that was recorded for the item.
     */
    runMapItem: async (input: MapItemInput): Promise<ItemError | null> => {
      const end = await runner.attempt(input, async (context): Promise<ItemEnd> => {
        const output = await runner.run(context, {
          ...input,
          input: await read.item(input.items, input.item),
        });
        await hold(input, output);
        return { output };
      });
      return findItemError(end);
    },

    /**
     * Returns the number of items up to the last one that has begun, and ends the reuse of the
     * output if there is one. Items begin in their order, and a query covers as many as may run at
     * once, so that one without a begun item ends the search.
     */
    beginMapUndo: (input: MapResultsInput): Promise<number> =>
      withHeartbeat(async () => {
        const { tenant, runId, call, total } = input;
        let begun = 0;
        for (let from = 0; from < total; from += itemsPerQuery) {
          const keys = itemKeys(input, from);
          const claimed = new Set(
            (await registry.effects.list({ tenant, keys })).map(({ key }) => key),
          );
          if (claimed.size === 0) break;
          begun = from + keys.findLastIndex((key) => claimed.has(key)) + 1;
        }
        if (begun > 0) await registry.stages.markUndone({ tenant, runId, stage: call });
        return begun;
      }),

    /** Undoes the stage for one item. Does nothing when the item has not begun. */
    undoMapItem: async (input: MapItemUndoInput): Promise<ItemError | null> => {
      const { tenant, of } = input;
      const [begun] = await registry.effects.list({ tenant, keys: [of] });
      if (!begun) return null;
      const end = await runner.attempt(input, async (context): Promise<ItemEnd> => {
        const of = begun.isDone ? (begun.result as ItemEnd) : null;
        await runner.undo(context, {
          ...input,
          input: await read.item(input.items, input.item),
          output: of && 'output' in of ? of.output : null,
        });
        return { output: null };
      });
      return findItemError(end);
    },

    /**
     * Records that an item failed for good. Returns null when the item succeeded after all, but its
     * response was lost.
     */
    recordItemFailure: async ({
      tenant,
      key,
      error: { type, message },
    }: Pick<RunEffectRef, 'tenant' | 'key'> & {
      readonly error: ItemError;
    }): Promise<ItemError | null> =>
      findItemError(
        await withIdempotencyKey(registry.effects, { tenant, key }, (): Promise<ItemEnd> => {
          const failed = { type, message: message.slice(0, maxMessageLength) };
          return Promise.resolve({ failure: failed });
        }),
      ),

    /** Adds an event of progress to the run. A failure is ignored. */
    recordMapProgress: async ({
      tenant,
      runId,
      stage,
      ...data
    }: RunRef & {
      readonly stage: string;
      readonly done: number;
      readonly total: number;
      readonly failed: number;
    }): Promise<void> => {
      await registry.events
        .append({ tenant, runId, kind: 'stage.progress', stage, data })
        .catch(() => undefined);
    },

    /**
     * Writes the results of all items as JSON lines. Equal results give the same artifact.
     * @throws Conflict when an item has no result.
     */
    collectMapResults: (input: MapResultsInput): Promise<StageMapResult<unknown>> =>
      withHeartbeat(async ({ signal, report }) => {
        const { tenant, runId, total } = input;
        const scratch = await openScratch(deps.scratchRoot, `map-${runId}`);
        try {
          const summary = summariseResults();
          const path = scratch.path('results.jsonl');
          await pipeline(
            Readable.from(
              resultLines(registry.effects, input, (index, end) => summary.add(index, end), report),
            ),
            createWriteStream(path),
            { signal },
          );
          const results = await artifacts.putFile({
            tenant,
            runId,
            path,
            mediaType: 'application/x-ndjson',
            signal,
          });
          return { total, results, ...summary.get() };
        } finally {
          await scratch.dispose();
        }
      }),
  };
}

function parseItems(call: string, text: string): readonly unknown[] {
  const read = (json: string, where: string): unknown => {
    try {
      return JSON.parse(json);
    } catch (error) {
      throw failure('InvalidInput', `map ${call}: ${where} of its items is not JSON`, {
        cause: error,
        next: 'pass an artifact with a JSON array, or with one JSON value on each line',
      });
    }
  };
  if (/^\s*\[/.test(text)) {
    // One line that is an array may also be the only line of JSON lines; the array counts.
    const items = read(text, 'the array');
    if (Array.isArray(items)) return items;
  }
  return text
    .split('\n')
    .flatMap((line, index) => (line.trim() === '' ? [] : [read(line, `line ${index + 1}`)]));
}

async function* resultLines(
  effects: ProjectStageDeps['registry']['effects'],
  input: MapResultsInput,
  onEnd: (index: number, end: ItemEnd) => void,
  report: (done: number) => void,
): AsyncGenerator<string> {
  const { tenant, runId, call, total } = input;
  for (let from = 0; from < total; from += itemsPerQuery) {
    const keys = itemKeys(input, from);
    const rows = await effects.list({ tenant, keys });
    const ends = new Map(rows.map(({ key, isDone, result }) => [key, isDone ? result : undefined]));
    for (const [offset, key] of keys.entries()) {
      const index = from + offset;
      const end = ends.get(key) as ItemEnd | undefined;
      if (end === undefined)
        throw failure('Conflict', `item ${index} of map ${call} has no result in run ${runId}`, {
          next: `perennial run rerun ${runId}`,
        });
      onEnd(index, end);
      yield `${JSON.stringify({ index, ...end })}\n`;
    }
    report(from + keys.length);
  }
}

/** The keys of the items from `from` on, as many as one query asks for. */
function itemKeys(
  { runId, call, generation, total }: MapResultsInput,
  from: number,
): readonly IdempotencyKey[] {
  return Array.from({ length: Math.min(itemsPerQuery, total - from) }, (_, offset) =>
    effectKey(runId, call, 'item', generation, String(from + offset)),
  );
}

/** Counts the results, and keeps the outputs while they are small and the first failures. */
function summariseResults() {
  const failures: ItemFailure[] = [];
  let outputs: unknown[] | null = [];
  let bytes = 0;
  let succeeded = 0;
  let failed = 0;
  return {
    add(index: number, end: ItemEnd): void {
      const isFailed = 'failure' in end;
      if (isFailed) {
        failed += 1;
        const { type, message } = end.failure;
        if (failures.length < mapLimits.failures)
          failures.push({ index, type, message: message.slice(0, mapLimits.messageCharacters) });
      } else succeeded += 1;
      if (outputs === null) return;
      const output = isFailed ? null : end.output;
      bytes += Buffer.byteLength(JSON.stringify(output)) + 1;
      outputs.push(output);
      if (bytes > mapLimits.outputBytes) outputs = null;
    },
    get: () => ({ succeeded, failed, outputs, failures }),
  };
}

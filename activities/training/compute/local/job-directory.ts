import { createHash, randomUUID } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  closeSync,
  createWriteStream,
  constants,
  fstatSync,
  lchownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  type Stats,
} from 'node:fs';
import { open, readlink, realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import type { FileContent } from '../../../../data/artifact/job-area';
import type { AttemptTime, Job, JobMetric, JobResult } from '../../../../domain/training/job';
import { listFiles, toJobFile, type JobFile, type JobInput, type JobOutcome } from '../job-file';
import type { JobError } from '../job-files.schema';
import { jobErrorSchema, jobResultSchema, parseJson, parseMetrics } from '../job-files.schema';

/** A poll returns metrics from this many bytes at the end of the file. */
const metricsBytes = 256 * 1024;
/** Whether `/proc` has the path of an open file. */
const hasProc = process.platform === 'linux';

const processSchema = z.object({ pid: z.number(), identity: z.string() });
const startedSchema = z.object({
  attempt: z.number(),
  ...processSchema.shape,
  host: processSchema,
});
export const exitSchema = z.object({
  attempt: z.number(),
  code: z.number().nullable(),
  signal: z.string().nullable(),
  limit: z
    .object({
      kind: z.enum(['JobTimeout', 'JobOutOfMemory']),
      used: z.number(),
      allowed: z.number(),
    })
    .nullable(),
  seconds: z.number(),
  /** Why it never started, if the backend ended it. */
  reason: z.string().optional(),
});
const timeSchema = z.object({ attempt: z.string(), startedAt: z.string(), endedAt: z.string() });
const ownerSchema = z.object({
  ...processSchema.shape,
  backend: z.string(),
  /** The memory of the attempt; that of the job without it. */
  memoryBytes: z.number().optional(),
});

const mirroredSchema = z.object({ writer: z.string() });

/** `version` changes with the content. */
export interface CheckpointFile {
  readonly path: string;
  readonly version: string;
}

export type ProcessStart = z.infer<typeof startedSchema>;
export type ProcessExit = z.infer<typeof exitSchema>;
export type Owner = z.infer<typeof ownerSchema>;

/**
 * The folder of one job. All state is in its files, so that any process of this machine can
 * continue the job: job.json, inputs/, attempts/<n>.json (the owner of an attempt), process.json,
 * exit.json, cancelled.json, outcome.json, log-writer.json, and the files that the trainer writes.
 */
export class JobDirectory {
  readonly path: string;

  constructor(root: string, jobId: string) {
    this.path = join(root, createHash('sha256').update(jobId).digest('hex').slice(0, 32));
  }

  file(...names: readonly string[]): string {
    return join(this.path, ...names);
  }

  job(): JobFile | null {
    const text = this.text('job.json', 'ours');
    return text === null ? null : (JSON.parse(text) as JobFile);
  }

  create(job: Job): JobFile {
    const file = toJobFile(job);
    for (const { path } of listFiles(file))
      mkdirSync(dirname(this.file(path)), { recursive: true, mode: 0o700 });
    this.write('job.json', file);
    return file;
  }

  /**
   * Begins the next attempt, unless another process has claimed it. Removes the files of the
   * previous attempt except its checkpoint and metrics.
   */
  claim(after: number, owner: Owner): boolean {
    mkdirSync(this.file('attempts'), { recursive: true, mode: 0o700 });
    const claim = this.file('attempts', `.${randomUUID()}`);
    writeFileSync(claim, JSON.stringify(owner), { mode: 0o600 });
    try {
      // A link appears with its complete content, and only one process can create it.
      linkSync(claim, this.file('attempts', `${after + 1}.json`));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw error;
    } finally {
      rmSync(claim, { force: true });
    }
    this.keepTime(after);
    // An attempt whose memory ran out has an outcome.
    for (const name of ['outcome.json', 'process.json', 'exit.json', 'error.json', 'result.json'])
      rmSync(this.file(name), { force: true });
    rmSync(this.file('outputs'), { recursive: true, force: true });
    return true;
  }

  /**
   * Lets a user run the job in this folder. It may add files but not replace those of this process
   * (sticky bit). It becomes the owner of earlier checkpoints and metrics. Null means this
   * process's user, whichever user ran the job before.
   */
  giveTo(user: number | null): void {
    if (user === null && this.user() === null) return;
    const mine = process.geteuid?.() ?? 0;
    const group = user ?? process.getegid?.() ?? 0;
    chownSync(this.path, mine, group);
    chmodSync(this.path, user === null ? 0o700 : 0o1770);
    chownSync(this.file('job.json'), mine, group);
    chmodSync(this.file('job.json'), 0o640);
    for (const name of [...this.below('inputs'), ...this.below('files')]) {
      if (!isFolder(this.file(name))) continue;
      chownSync(this.file(name), mine, group);
      chmodSync(this.file(name), 0o750);
    }
    const before = [...this.below('checkpoint'), ...this.below('work')];
    for (const name of [...before, 'metrics.ndjson', 'log.txt']) {
      if (lstatSync(this.file(name), { throwIfNoEntry: false }))
        lchownSync(this.file(name), user ?? mine, group);
    }
  }

  /** When the attempts ran. One whose host died ended when it wrote last. */
  times(): AttemptTime[] {
    const earlier = entries(this.file('attempts')).flatMap((name) => {
      const text = name.endsWith('.time') ? this.text(`attempts/${name}`, 'ours') : null;
      const time = text === null ? null : parseJson(timeSchema, text);
      return time === null ? [] : [time];
    });
    const newest = this.timeOfProcess();
    return newest === null ? earlier : [...earlier, newest];
  }

  private keepTime(attempt: number): void {
    const time = this.timeOfProcess();
    if (time === null) return;
    const endedAt = time.endedAt ?? this.lastWrite(time.startedAt);
    this.write(`attempts/${attempt}.time`, { ...time, endedAt });
  }

  private timeOfProcess(): AttemptTime | null {
    const started = this.started();
    if (started === null) return null;
    const startedMs = statSync(this.file('process.json')).mtimeMs;
    const exit = this.exit();
    const endedAt =
      exit?.attempt === started.attempt
        ? new Date(startedMs + exit.seconds * 1000).toISOString()
        : null;
    const attempt = `${started.identity} ${started.pid}`;
    return { attempt, startedAt: new Date(startedMs).toISOString(), endedAt };
  }

  /** When the job last wrote a file, and at least `since`. */
  private lastWrite(since: string): string {
    const files = ['metrics.ndjson', 'log.txt', 'checkpoint'];
    const times = files.map(
      (name) => lstatSync(this.file(name), { throwIfNoEntry: false })?.mtimeMs ?? 0,
    );
    return new Date(Math.max(Date.parse(since), ...times)).toISOString();
  }

  attempt(): { readonly number: number; readonly owner: Owner } | null {
    const numbers = entries(this.file('attempts')).flatMap((name) =>
      /^\d+\.json$/.test(name) ? [Number.parseInt(name, 10)] : [],
    );
    const number = Math.max(0, ...numbers);
    const owner = number === 0 ? null : this.read(`attempts/${number}.json`, ownerSchema, 'ours');
    return owner === null ? null : { number, owner };
  }

  started(): ProcessStart | null {
    return this.read('process.json', startedSchema, 'ours');
  }

  exit(): ProcessExit | null {
    return this.read('exit.json', exitSchema, 'ours');
  }

  /** Ends an attempt that never had a process. */
  endWithoutProcess(attempt: number, reason: string): void {
    const exit: ProcessExit = {
      attempt,
      code: null,
      signal: 'SIGTERM',
      limit: null,
      seconds: 0,
      reason,
    };
    this.write('exit.json', exit);
  }

  error(): JobError | null {
    return this.read('error.json', jobErrorSchema, 'its own');
  }

  /** `invalid` when the file exists but does not contain a result. */
  result(): JobResult | 'invalid' | null {
    return this.text('result.json', 'its own') === null
      ? null
      : (this.read('result.json', jobResultSchema, 'its own') ?? 'invalid');
  }

  isCancelled(): boolean {
    return this.text('cancelled.json', 'ours') !== null;
  }

  markCancelled(): void {
    this.write('cancelled.json', { at: new Date().toISOString() });
  }

  outcome(): JobOutcome | null {
    const text = this.text('outcome.json', 'ours');
    return text === null ? null : (JSON.parse(text) as JobOutcome);
  }

  keepOutcome(outcome: JobOutcome): void {
    this.write('outcome.json', outcome);
  }

  /** Identifies this folder among those that had the job; null if it has stored no log. */
  logWriter(): string | null {
    return this.read('log-writer.json', z.string(), 'ours');
  }

  keepLogWriter(writer: string): void {
    this.write('log-writer.json', writer);
  }

  /** Replaces the log. The job appends to it. */
  startLog(text: string): void {
    rmSync(this.file('log.txt'), { force: true });
    writeFileSync(this.file('log.txt'), text, { flag: 'wx', mode: 0o600 });
  }

  async metrics(): Promise<JobMetric[]> {
    const text = await this.tail('metrics.ndjson', metricsBytes);
    return parseMetrics(text);
  }

  /** The last `maxBytes` of a file, from the start of a line; empty when there is no file. */
  async tail(name: string, maxBytes: number): Promise<string> {
    return (await this.end(name, maxBytes)).text;
  }

  /** The same, with the size of the whole file in bytes. */
  async end(name: string, maxBytes: number): Promise<{ text: string; size: number }> {
    // The job may have put a link or a pipe here, which is not followed.
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    const file = await open(this.file(name), flags).catch(nullWhenAbsent);
    if (file === null) return { text: '', size: 0 };
    try {
      const found = await file.stat();
      if (!isWrittenBy(found, this.user(), 'its own')) return { text: '', size: 0 };
      const { size } = found;
      const length = Math.min(size, maxBytes);
      const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
      const text = buffer.toString('utf8', 0, bytesRead);
      return { text: size > length ? text.slice(text.indexOf('\n') + 1) : text, size };
    } finally {
      await file.close();
    }
  }

  /**
   * The files of the newest complete checkpoint, or of the whole folder if it has no numbered
   * steps, by their paths below checkpoint/.
   */
  checkpoint(): readonly CheckpointFile[] {
    if (!isFolder(this.file('checkpoint'))) return [];
    const steps = entries(this.file('checkpoint')).filter((name) => /^\d+$/.test(name));
    const newest = steps.sort((a, b) => Number(a) - Number(b)).at(-1);
    const user = this.user();
    const root = newest === undefined ? ['checkpoint'] : ['checkpoint', newest];
    return listContent(this.file(...root))
      .map((name) => [...root.slice(1), name].join('/'))
      .filter((path) => !path.includes('.partial'))
      .sort()
      .flatMap((path) => {
        const found = lstatSync(this.file('checkpoint', path), { throwIfNoEntry: false });
        if (found === undefined || !isWrittenBy(found, user, 'its own')) return [];
        return [{ path, version: `${found.ino} ${found.size} ${found.mtimeMs}` }];
      });
  }

  /**
   * Copies a file of the checkpoint, which the job may change or replace by a link meanwhile. Null
   * if it does not exist or is not the job's own.
   */
  async copyCheckpointFile(path: string, to: string): Promise<FileContent | null> {
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    const file = await open(this.file('checkpoint', path), flags).catch(nullWhenAbsent);
    if (file === null) return null;
    try {
      if (!isWrittenBy(await file.stat(), this.user(), 'its own')) return null;
      // A folder of the path may be a link by now.
      const expected = join(await realpath(this.path), 'checkpoint', path);
      if (hasProc && (await readlink(`/proc/self/fd/${file.fd}`)) !== expected) return null;
      const hash = createHash('sha256');
      let bytes = 0;
      const count = async function* (chunks: AsyncIterable<Buffer>) {
        for await (const chunk of chunks) {
          hash.update(chunk);
          bytes += chunk.byteLength;
          yield chunk;
        }
      };
      await pipeline(
        file.createReadStream({ autoClose: false }),
        count,
        createWriteStream(to, { mode: 0o600 }),
      );
      return { digest: `sha256:${hash.digest('hex')}`, bytes };
    } finally {
      await file.close();
    }
  }

  /** Which copy in the store this folder last wrote or began from. */
  mirrored(): string | null {
    return this.read('mirrored.json', mirroredSchema, 'ours')?.writer ?? null;
  }

  keepMirrored(writer: string): void {
    this.write('mirrored.json', { writer });
  }

  /** Paths below outputs/, sorted. */
  outputs(): string[] {
    const user = this.user();
    return listContent(this.file('outputs'))
      .filter((name) => {
        // A link could point to any file that this process may read.
        const found = lstatSync(this.file('outputs', name), { throwIfNoEntry: false });
        return found !== undefined && isWrittenBy(found, user, 'its own');
      })
      .sort();
  }

  hasInput(input: JobInput): boolean {
    try {
      // It was moved here in one rename, after its digest was checked.
      return statSync(this.file(input.path)).size === input.artifact.bytes;
    } catch {
      return false;
    }
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true, maxRetries: 3 });
  }

  /**
   * The user of the job: the group of the folder, which `giveTo` set. Null: this process's user.
   */
  private user(): number | null {
    const folder = statSync(this.path, { throwIfNoEntry: false });
    return folder !== undefined && (folder.mode & 0o1070) === 0o1070 ? folder.gid : null;
  }

  /** A folder and everything in it. */
  private below(name: string): string[] {
    return [name, ...listContent(this.file(name)).map((each) => join(name, each))];
  }

  private read<T>(name: string, schema: z.ZodType<T>, author: Author): T | null {
    const text = this.text(name, author);
    return text === null ? null : parseJson(schema, text);
  }

  /** Null also for a link, a special file or a file of another author, since jobs write here. */
  private text(name: string, author: Author): string | null {
    try {
      const descriptor = openSync(
        this.file(name),
        constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
      );
      try {
        const found = fstatSync(descriptor);
        return isWrittenBy(found, this.user(), author) ? readFileSync(descriptor, 'utf8') : null;
      } finally {
        closeSync(descriptor);
      }
    } catch (error) {
      return nullWhenAbsent(error as NodeJS.ErrnoException);
    }
  }

  private write(name: string, value: unknown): void {
    const partial = this.file(dirname(name), `.${basename(name)}.${randomUUID()}`);
    mkdirSync(this.path, { recursive: true, mode: 0o700 });
    writeFileSync(partial, JSON.stringify(value), { mode: 0o600 });
    renameSync(partial, this.file(name));
  }
}

/** The writer of a file: this process and its host, or the job. */
type Author = 'ours' | 'its own';

/** For a job of this process's user, both authors are the same user. */
function isWrittenBy(found: Stats, user: number | null, author: Author): boolean {
  const mine = process.geteuid?.() ?? found.uid;
  const writers = user === null ? [mine] : author === 'ours' ? [mine] : [user];
  return found.isFile() && writers.includes(found.uid);
}

function isFolder(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** Job directories below a root. One that is half removed has no job.json and is skipped. */
export function jobDirectories(root: string): JobDirectory[] {
  return entries(root).flatMap((name) => {
    const job = readJob(join(root, name, 'job.json'));
    return job === null ? [] : [new JobDirectory(root, job.id)];
  });
}

function readJob(path: string): { readonly id: string } | null {
  try {
    return parseJson(z.object({ id: z.string() }), readFileSync(path, 'utf8'));
  } catch {
    return null;
  }
}

/**
 * Paths of all files and folders below a folder. A job may put links here. They are listed but not
 * followed, which `readdir` with `recursive` does.
 */
function listContent(folder: string): string[] {
  if (!isFolder(folder)) return [];
  return entries(folder).flatMap((name) => [
    name,
    ...listContent(join(folder, name)).map((each) => join(name, each)),
  ]);
}

function entries(path: string): string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    nullWhenAbsent(error as NodeJS.ErrnoException);
    return [];
  }
}

function nullWhenAbsent(error: NodeJS.ErrnoException): null {
  if (['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO'].includes(error.code ?? '')) return null;
  throw error;
}

/**
 * Keeps the log of a job of this machine in the artifact store, so that it is not lost with the
 * machine. The worker that continues the job puts it before its own log.
 */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { JobArea } from '../../../../data/artifact/job-area';
import { redact } from '../redact';
import type { AreaClaim } from './area-claim';
import type { JobDirectory } from './job-directory';

const storedSchema = z.object({
  /** The job folder that wrote it. */
  writer: z.string(),
  text: z.string(),
});

type LogArea = Pick<JobArea, 'read' | 'write'>;

export interface LogMirror {
  /** Uploads the newest part of the log if it changed. */
  save(): Promise<void>;
}

const name = 'log.json';
const maxBytes = 2 ** 20;
const continued = 'perennial: the job lost its machine here and continues on another one\n';

/**
 * If another machine had the job, its log replaces the one in the folder, which is older. An
 * interrupted call can be repeated.
 */
export async function openLogMirror({
  area,
  claim,
  directory,
}: {
  readonly area: LogArea;
  readonly claim: AreaClaim;
  readonly directory: JobDirectory;
}): Promise<LogMirror> {
  const begun = await storedLog(area);
  const own = directory.logWriter();
  const isContinued = begun !== null && begun.writer !== own;
  if (isContinued) directory.startLog(`${begun.text}${continued}`);
  const writer = own !== null && !isContinued ? own : randomUUID();
  directory.keepLogWriter(writer);
  let saved: string | null = null;
  return {
    async save() {
      const text = redact(await directory.tail('log.txt', maxBytes));
      if (text === '' || text === saved) return;
      // Another worker has taken over, because this one seemed to be dead.
      if (!(await claim.isValid())) return;
      await area.write(name, { writer, text });
      saved = text;
    },
  };
}

async function storedLog(area: LogArea): Promise<z.output<typeof storedSchema> | null> {
  const bytes = await area.read(name);
  return bytes && storedSchema.parse(JSON.parse(bytes.toString('utf8')));
}

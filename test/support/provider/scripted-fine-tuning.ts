import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { json } from './scripted-sending';

interface Stored {
  readonly id: string;
  readonly filename: string;
  readonly text: string;
}

interface Job {
  readonly id: string;
  readonly body: Readonly<Record<string, unknown>>;
  looks: number;
  status: string;
}

export interface ScriptedFineTuning {
  readonly files: readonly Stored[];
  readonly jobs: readonly Job[];
  /** The models made so far. */
  models(): readonly string[];
  /** True if it handled the request. */
  serve(request: IncomingMessage, response: ServerResponse): Promise<boolean>;
}

/** How a status request of a job fails. */
export type Absence = 'unavailable' | 'limited' | 'cut' | 'garbage';

interface FineTuningScript {
  /** A job ends after this many status requests. */
  readonly looks?: number;
  readonly fails?: string | null;
  /** Closes the connection after the job was made, so that the response is lost. */
  readonly dropped?: (made: number) => boolean;
  /** By the number of the status request, from 1; its job continues meanwhile. */
  readonly away?: (look: number) => Absence | null;
  /** By the number of the other request, from 1. */
  readonly awayAtOrders?: (request: number) => Absence | null;
}

/** `/files` and `/fine_tuning/jobs` as OpenAI has them. */
export function scriptedFineTuning({
  looks = 2,
  fails = null,
  dropped = () => false,
  away = () => null,
  awayAtOrders = () => null,
}: FineTuningScript = {}): ScriptedFineTuning {
  const files: Stored[] = [];
  const jobs: Job[] = [];
  let looked = 0;
  let ordered = 0;

  return {
    files,
    jobs,
    models: () => jobs.flatMap((job) => shown(job).fine_tuned_model ?? []),
    async serve(request, response) {
      const [, path = ''] = /^\/v1(\/(?:files|fine_tuning)[^?]*)/.exec(request.url ?? '') ?? [];
      if (path === '') return false;
      const body = await readText(request);
      const absence = /^\/fine_tuning\/jobs\/./.test(path) ? null : awayAtOrders(++ordered);
      if (absence !== null) absences[absence](response);
      else if (path === '/files' && request.method === 'GET')
        json(response, 200, {
          data: files.map(({ id, filename }) => ({ id, filename })),
          has_more: false,
        });
      else if (path === '/files') json(response, 200, kept(body));
      else if (path === '/fine_tuning/jobs' && request.method === 'GET')
        json(response, 200, { data: jobs.map(shown), has_more: false });
      else if (path === '/fine_tuning/jobs') made(response, JSON.parse(body) as Job['body']);
      else look(response, path);
      return true;
    },
  };

  function kept(form: string): { readonly id: string; readonly filename: string } {
    const filename = /filename="([^"]+)"/.exec(form)?.[1] ?? '';
    const text = form.split('\r\n\r\n').at(-1)?.split('\r\n--')[0] ?? '';
    const file = {
      id: `file-${createHash('sha256').update(filename).digest('hex').slice(0, 12)}-${files.length}`,
      filename,
      text,
    };
    files.push(file);
    return file;
  }

  function made(response: ServerResponse, body: Job['body']): void {
    const job: Job = { id: `ftjob-${jobs.length + 1}`, body, looks: 0, status: 'queued' };
    jobs.push(job);
    if (dropped(jobs.length)) response.destroy();
    else json(response, 200, shown(job));
  }

  function look(response: ServerResponse, path: string): void {
    const [, id, verb] = /^\/fine_tuning\/jobs\/([^/]+)(\/cancel)?$/.exec(path) ?? [];
    const job = jobs.find((each) => each.id === id);
    if (!job) {
      json(response, 404, { error: { message: 'no such job', code: 'not_found' } });
      return;
    }
    if (verb) job.status = 'cancelled';
    else if (job.status !== 'cancelled')
      job.status = ++job.looks < looks ? 'running' : fails === null ? 'succeeded' : 'failed';
    const absence = verb ? null : away(++looked);
    if (absence === null) json(response, 200, shown(job));
    else absences[absence](response);
  }

  function shown({ id, body, status }: Job) {
    return {
      id,
      status,
      training_file: body['training_file'],
      trained_tokens: 1_234,
      fine_tuned_model: status === 'succeeded' ? `ft:${String(body['model'])}:${id}` : null,
      error: status === 'failed' ? { message: fails } : null,
    };
  }
}

const absences: Readonly<Record<Absence, (response: ServerResponse) => void>> = {
  unavailable: (response) =>
    json(response, 503, { error: { message: 'we are down for maintenance' } }),
  limited: (response) =>
    json(response, 429, { error: { message: 'slow down', code: 'rate_limit_exceeded' } }),
  cut: (response) => response.destroy(),
  garbage: (response) => response.end('<html>Bad gateway</html>'),
};

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

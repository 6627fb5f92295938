import type { z } from 'zod';
import { failure, type PerennialError } from '../../../../domain/failure';
import {
  askEngine,
  excerpt,
  readAnswer,
  readPart,
  formatCall,
  unavailable,
  type EngineAnswer,
  type EngineCall,
} from '../engine-request';
import { readToken, type EngineToken } from '../engine-token';
import {
  nodesSchema,
  oneSlurmJobSchema,
  partitionsSchema,
  pingsSchema,
  slurmErrorsSchema,
  slurmJobSchema,
  slurmJobsSchema,
  slurmOpenApiSchema,
  submittedSchema,
  type SlurmErrors,
  type SlurmJob,
  type SlurmNode,
} from './answers.schema';

export interface SlurmAccess {
  /** Address of slurmrestd, such as `http://head:6820`. */
  readonly url: string;
  /** The user whose token this is, and who owns the jobs. */
  readonly user: string;
  /** A JSON web token of the user, as `scontrol token` makes it. */
  readonly token: EngineToken;
}

/** The calls of slurmrestd that jobs need. */
export interface SlurmApi {
  /** Jobs of that name of the user, the oldest first. */
  jobsNamed(name: string): Promise<SlurmJob[]>;
  job(id: number): Promise<SlurmJob | null>;
  /** The job's number. */
  submit(submission: unknown): Promise<number>;
  /** Harmless if the job has ended or does not exist. */
  cancel(id: number): Promise<void>;
  cluster(): Promise<SlurmCluster>;
}

export interface SlurmCluster {
  readonly release: string;
  readonly name: string;
  readonly controllerUp: boolean;
  readonly nodes: readonly SlurmNode[];
  /** Partition name → partition. */
  readonly partitions: ReadonlyMap<string, SlurmPartition>;
}

interface SlurmPartition {
  /** Whether it starts jobs. */
  readonly isUp: boolean;
  /** The most nodes of one job; null without a limit of its own. */
  readonly maxNodes: number | null;
}

/** The version of slurmrestd's API. Slurm 24.11, 25.05 and 25.11 have it. */
const version = 'v0.0.42';

/** Error numbers of Slurm's slurm_errno.h. */
const errorNumbers = { invalidJobId: 2017, authentication: 1007 };

/** Refusals that end by themselves, such as a full queue or a standby controller. */
const passingRefusals = [
  2016, 2019, 2027, 2037, 2041, 2050, 2059, 2068, 2070, 2090, 2100, 2101, 2105, 2120, 2125, 2131,
];

export function openSlurmApi(access: SlurmAccess): SlurmApi {
  const call = async <Schema extends z.ZodType>(
    method: EngineCall['method'],
    path: string,
    schema: Schema,
    body?: unknown,
  ): Promise<z.output<Schema>> => {
    const { ask, answer } = await send(access, method, `/slurm/${version}${path}`, body);
    await refuseErrors(access, ask, answer);
    return readAnswer(ask, answer, schema);
  };
  return {
    async jobsNamed(name) {
      const { ask, answer } = await send(access, 'GET', `/slurm/${version}/jobs/`);
      await refuseErrors(access, ask, answer);
      return readAnswer(ask, answer, slurmJobsSchema)
        .jobs.filter((job) => job['name'] === name && job['user_name'] === access.user)
        .map((job) => readPart(ask, job, slurmJobSchema))
        .sort((one, other) => one.job_id - other.job_id);
    },
    async job(id) {
      try {
        const { jobs } = await call('GET', `/job/${id}`, oneSlurmJobSchema);
        return jobs.find((job) => job.user_name === access.user) ?? null;
      } catch (error) {
        if (error instanceof NoSuchJob) return null;
        throw error;
      }
    },
    async submit(submission) {
      return (await call('POST', '/job/submit', submittedSchema, submission)).job_id;
    },
    async cancel(id) {
      try {
        await call('DELETE', `/job/${id}`, slurmErrorsSchema);
      } catch (error) {
        if (!(error instanceof NoSuchJob)) throw error;
      }
    },
    async cluster() {
      const { pings, meta } = await call('GET', '/ping/', pingsSchema);
      const controllerUp = pings.some(({ pinged }) => pinged === 'UP');
      const { nodes } = controllerUp ? await call('GET', '/nodes/', nodesSchema) : { nodes: [] };
      const { partitions } = controllerUp
        ? await call('GET', '/partitions/', partitionsSchema)
        : { partitions: [] };
      return {
        release: meta.slurm.release,
        name: meta.slurm.cluster,
        controllerUp,
        nodes,
        partitions: new Map(
          partitions.map(({ name, partition, maximums }) => [
            name,
            { isUp: partition.state.includes('UP'), maxNodes: maximums?.nodes ?? null },
          ]),
        ),
      };
    },
  };
}

class NoSuchJob extends Error {}

async function send(
  access: SlurmAccess,
  method: EngineCall['method'],
  path: string,
  body?: unknown,
): Promise<{ readonly ask: EngineCall; readonly answer: EngineAnswer }> {
  const ask = await requestFor(access, method, path, body);
  return { ask, answer: await askEngine(ask) };
}

async function requestFor(
  access: SlurmAccess,
  method: EngineCall['method'],
  path: string,
  body?: unknown,
): Promise<EngineCall> {
  const engine = `Slurm at ${access.url}`;
  const token = await readToken(access.token, engine);
  return {
    engine,
    url: `${access.url.replace(/\/+$/, '')}${path}`,
    method,
    headers: { 'x-slurm-user-name': access.user, 'x-slurm-user-token': token },
    secrets: [token],
    ...(body !== undefined && { body }),
  };
}

/** slurmrestd refuses with any status, and names the reason in `errors`. */
async function refuseErrors(
  access: SlurmAccess,
  ask: EngineCall,
  answer: EngineAnswer,
): Promise<void> {
  if (answer.status === 401 || answer.status === 403) throw tokenRefused(access, ask, answer);
  const isText = !answer.contentType.startsWith('application/json');
  if (answer.status === 404 && isText) throw await wrongVersion(access, ask, answer);
  const { errors } = readAnswer(ask, answer, slurmErrorsSchema);
  const [first] = errors;
  if (errors.some(({ error_number }) => error_number === errorNumbers.invalidJobId))
    throw new NoSuchJob();
  if (errors.some(({ error_number }) => error_number === errorNumbers.authentication))
    throw tokenRefused(access, ask, answer);
  if (first === undefined && answer.status < 400) return;
  const reason = excerpt(joinReasons(errors), ask.secrets);
  if (first !== undefined && isRefusal(first.error_number))
    throw failure('InvalidInput', `${ask.engine} refuses the job: ${reason} (${formatCall(ask)})`);
  throw unavailable(ask, `answered HTTP ${answer.status}: ${reason}`);
}

function tokenRefused(access: SlurmAccess, ask: EngineCall, answer: EngineAnswer): PerennialError {
  return failure(
    'BackendUnavailable',
    `${ask.engine} refuses the token of user ${access.user} (HTTP ${answer.status})`,
    { next: `Renew it with: scontrol token username=${access.user} lifespan=86400` },
  );
}

async function wrongVersion(
  access: SlurmAccess,
  ask: EngineCall,
  answer: EngineAnswer,
): Promise<PerennialError> {
  let paths: string[];
  try {
    const { ask: openApi, answer: described } = await send(access, 'GET', '/openapi/v3');
    paths = Object.keys(readAnswer(openApi, described, slurmOpenApiSchema).paths);
  } catch {
    return unavailable(
      ask,
      `answered HTTP 404, so this is not slurmrestd: ${excerpt(answer.text, ask.secrets)}`,
    );
  }
  const versions = new Set(paths.flatMap((path) => /^\/slurm\/(v[\d.]+)\//.exec(path)?.[1] ?? []));
  return failure(
    'BackendUnavailable',
    `${ask.engine} has version ${[...versions].join(', ') || 'none'} of the REST API, ` +
      `and Perennial needs ${version}`,
    { next: 'Use Slurm 24.11, 25.05 or 25.11, and start slurmrestd with openapi/slurmctld' },
  );
}

function joinReasons(errors: SlurmErrors): string {
  const reasons = errors.map(
    ({ error, description, error_number }) =>
      `${error === '' ? description : error} (${error_number})`,
  );
  return reasons.length === 0 ? 'no reason' : reasons.join('; ');
}

/** Whether another attempt would be refused as well. */
function isRefusal(errorNumber: number): boolean {
  const isOfJob = errorNumber >= 2000 && errorNumber < 3000;
  const isOfRequest = errorNumber >= 8000 && errorNumber < 10_000;
  return (isOfJob || isOfRequest) && !passingRefusals.includes(errorNumber);
}

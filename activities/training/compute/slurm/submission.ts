import { failure } from '../../../../domain/failure';
import { checkEngineJob } from '../engine-job';
import type { EngineJob, EngineResources } from '../remote/engine';
import { shellWords } from '../shell-words';

/** What every job of an engine has in common. */
export interface SlurmJobSettings {
  /** For jobs without a queue. Default: the default partition of the cluster. */
  readonly partition?: string;
  /** For preemptible jobs without a queue. Default: the same as for others. */
  readonly preemptiblePartition?: string;
  /** Quality of service of preemptible jobs. Default: that of the user. */
  readonly preemptibleQos?: string;
  readonly account?: string;
  /** An absolute path on the nodes. Logs are files in it, so only the user should read it. */
  readonly workingDirectory: string;
  /** Variables of each job. Variables of the same name of the job replace them. */
  readonly environment?: Readonly<Record<string, string>>;
}

const mebibyte = 2 ** 20;
const defaultPath = '/usr/local/bin:/usr/bin:/bin';

/**
 * The body of `POST /job/submit`. Slurm counts memory in MiB and time in minutes; both are rounded
 * up.
 *
 * Who can read it: other users see name, partition, resources, working directory and log path
 * (unless PrivateData=jobs is set), but neither script nor environment. Those can be read by the
 * user, by root on the node, by the controller and its administrators, and in the accounting
 * database where AccountingStoreFlags has job_script or job_env.
 */
export function buildSubmission(settings: SlurmJobSettings, job: EngineJob): object {
  checkEngineJob(job);
  const { name, resources } = job;
  if (resources.image !== undefined)
    throw failure('InvalidInput', `job ${name}: Slurm runs programs without a container image`, {
      next: 'Remove `image`, and install what the job needs on the nodes',
    });
  const { nodes = 1 } = resources;
  const partition = choosePartition(settings, resources);
  const environment = { PATH: defaultPath, ...settings.environment, ...job.environment };
  return {
    script: `#!/bin/sh\nexec ${shellWords([...buildLauncher(resources), ...job.command])}\n`,
    job: {
      name,
      ...(partition !== undefined && { partition }),
      ...(settings.account !== undefined && { account: settings.account }),
      ...(settings.preemptibleQos !== undefined &&
        resources.preemptible === true && { qos: settings.preemptibleQos }),
      current_working_directory: settings.workingDirectory,
      environment: Object.entries(environment).map(([variable, value]) => `${variable}=${value}`),
      standard_output: logFile(settings, name),
      // Slurm starts a job only when all its nodes are free.
      minimum_nodes: nodes,
      maximum_nodes: nodes,
      tasks: nodes,
      tasks_per_node: 1,
      cpus_per_task: Math.ceil(resources.cpus),
      memory_per_node: { set: true, number: Math.ceil(resources.memoryBytes / mebibyte) },
      time_limit: { set: true, number: Math.ceil(resources.timeoutSeconds / 60) },
      ...(resources.gpus !== undefined && {
        tres_per_node: `gres/gpu:${Math.ceil(resources.gpus)}`,
      }),
      // A second job of this name waits for the end of the first, and is cancelled meanwhile.
      dependency: 'singleton',
      // A job that lost its node or was preempted ends, and its owner decides on another one.
      requeue: false,
    },
  };
}

/** The batch script runs on the first node. On several, srun starts the command on each. */
function buildLauncher({ nodes = 1, cpus }: EngineResources): readonly string[] {
  if (nodes === 1) return [];
  return [
    'srun',
    `--nodes=${nodes}`,
    `--ntasks=${nodes}`,
    '--ntasks-per-node=1',
    `--cpus-per-task=${Math.ceil(cpus)}`,
    '--kill-on-bad-exit=1',
    // Each line of the log begins with the number of its node.
    '--label',
    '--input=none',
    '--mpi=none',
    '/bin/sh',
    '-c',
    placeOnNode,
    'sh',
  ];
}

/** The address is that of srun, and so of the first node, as this node sees it. */
const placeOnNode =
  'export NNODES=$SLURM_STEP_NUM_NODES NODE_RANK=$SLURM_NODEID' +
  ' MASTER_ADDR=$SLURM_LAUNCH_NODE_IPADDR' +
  // Jobs on one node must not meet at one port.
  ' MASTER_PORT=$((20000 + SLURM_JOB_ID % 20000)); exec "$@"';

/** Standard output and standard error of a job. */
export function logFile({ workingDirectory }: SlurmJobSettings, name: string): string {
  return `${workingDirectory.replace(/\/+$/, '')}/${name}.log`;
}

/** Undefined for the default partition of the cluster. */
export function choosePartition(
  { partition, preemptiblePartition }: SlurmJobSettings,
  { queue, preemptible }: EngineResources,
): string | undefined {
  if (queue !== undefined) return queue;
  return preemptible === true ? (preemptiblePartition ?? partition) : partition;
}

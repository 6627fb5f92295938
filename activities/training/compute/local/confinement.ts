/** The confinement of jobs on this machine, as trainers/runtime/confinement detected it. */
import { z } from 'zod';

export const jobConfinementSchema = z.object({
  /** First user id and number of ids for jobs; null when jobs run as the platform's user. */
  users: z.tuple([z.number(), z.number()]).nullable(),
  network: z.boolean(),
  /** Whether a namespace hides other processes of the same user from jobs. */
  processes: z.boolean(),
  /** Why jobs are not confined further. */
  reason: z.string().nullable(),
});

export type JobConfinement = z.infer<typeof jobConfinementSchema>;

export const notConfined: JobConfinement = {
  users: null,
  network: false,
  processes: false,
  reason: null,
};

/**
 * The user id of a job: the same for all jobs of a study, which share their rows. Null when jobs
 * run as this process's user.
 */
export function chooseUser({ users }: JobConfinement, siblings: string): number | null {
  if (users === null) return null;
  const [first, count] = users;
  return first + (Number.parseInt(siblings.replace('sha256:', '').slice(0, 8), 16) % count);
}

/** One line for `doctor` and logs. */
export function describeConfinement({ users, network, processes, reason }: JobConfinement): string {
  const kept = [
    users === null
      ? processes
        ? "as the platform's user, in a user namespace"
        : "as the platform's user"
      : 'as separate users',
    network ? 'without network' : "with the machine's network",
  ];
  const open = users === null || !network;
  const limit = open && reason !== null ? ` (not confined further: ${reason})` : '';
  return `jobs run ${kept.join(', ')}${limit}`;
}

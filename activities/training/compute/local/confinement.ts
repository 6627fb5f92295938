/**
 * Whom jobs run as and what they are kept from on this machine, as trainers/runtime/confinement.py
 * found out.
 */
import { z } from 'zod';

export const jobConfinementSchema = z.object({
  /** First user and count of those that jobs run as; null where they run as the platform's user. */
  users: z.tuple([z.number(), z.number()]).nullable(),
  network: z.boolean(),
  /** Whether a namespace keeps jobs from looking into other processes of the same user. */
  processes: z.boolean(),
  /** Why not more. */
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
 * One user for all jobs of a study, which share their rows, and another for each other one; null
 * where jobs run as this process's user.
 */
export function userOf({ users }: JobConfinement, siblings: string): number | null {
  if (users === null) return null;
  const [first, count] = users;
  return first + (Number.parseInt(siblings.replace('sha256:', '').slice(0, 8), 16) % count);
}

/** One line for people. */
export function describeConfinement({ users, network, processes, reason }: JobConfinement): string {
  const kept = [
    users === null
      ? processes
        ? "as the platform's user, in a user namespace"
        : "as the platform's user"
      : 'as users of their own',
    network ? 'without network' : "with the machine's network",
  ];
  const open = users === null || !network;
  return `jobs run ${kept.join(', ')}${open && reason !== null ? ` (not confined further: ${reason})` : ''}`;
}

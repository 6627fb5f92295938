/** An event that someone sends to a run, and that the lifecycle waits for. */
import type { z } from 'zod';

/** An event that a run has received. */
export interface ReceivedEvent<Data> {
  readonly id: string;
  readonly data: Data;
  /** The name of the API key that sent it. */
  readonly sentBy: string;
  /** RFC 3339. */
  readonly sentAt: string;
}

/** The data of an event, by the schema that the project declares for it. */
export type EventData<Events, Name extends keyof Events> = Events[Name] extends z.ZodType
  ? z.output<Events[Name]>
  : never;

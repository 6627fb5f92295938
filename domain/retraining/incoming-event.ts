import type { RetrainingAnswer } from './retraining';

/** A CloudEvent 1.0 from outside. */
export interface IncomingEvent {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject: string | null;
}

/** What an event did for one lifecycle that subscribes to its type. */
export interface EventReceipt {
  readonly lifecycle: string;
  readonly outcome: RetrainingAnswer['kind'] | 'refused';
  readonly why: string;
}

/** A delivery as text, for people: mail, and webhooks that accept Slack's messages. */
import type { LinkedIncident } from '../incident/link';
import { incidentSubject, storyLines } from '../incident/story-lines';
import type { NotifyEvent } from './notification';

export interface NotifyMessage {
  /** One line about the newest state. The title of an incident changes with its size. */
  readonly title: string;
  /** One line. All messages about one incident, run or model have the same. */
  readonly conversation: string;
  /** What happened with the subject, such as `Incident opened (critical)`. */
  readonly status: string;
  readonly lines: readonly { readonly label: string; readonly text: string }[];
  /** Whether it is sent in quiet hours. */
  readonly isCritical: boolean;
}

interface NotifiedEvent {
  readonly event: NotifyEvent;
  readonly lifecycle: string;
  readonly subject: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export function writeMessage(notified: NotifiedEvent): NotifyMessage {
  const { event, lifecycle, subject, data } = notified;
  const incident = incidentIn(notified);
  const status = nameOfEvent(event);
  if (incident !== null)
    return {
      title: incidentSubject(incident),
      conversation: `${incident.model ?? lifecycle}: ${incident.kind} incident ${incident.id}`,
      status: `${status} (${incident.severity})`,
      lines: [
        ...storyLines(incident),
        ...(incident.because === null ? [] : [{ label: 'Resolved', text: incident.because }]),
        { label: 'Incident', text: incident.id },
      ],
      isCritical: incident.severity === 'critical',
    };
  const lines = Object.entries(data).flatMap(([label, value]) =>
    typeof value === 'string' || typeof value === 'number' ? [{ label, text: String(value) }] : [],
  );
  const failed = messageIn(data['failure']);
  return {
    title: `${lifecycle}: ${status.toLowerCase()}`,
    conversation: subject.includes(lifecycle) ? subject : `${lifecycle}: ${subject}`,
    status,
    lines: [
      ...lines,
      ...(failed === null ? [] : [{ label: 'failure', text: failed }]),
      { label: 'subject', text: subject },
    ],
    isCritical: false,
  };
}

function incidentIn({ event, data }: NotifiedEvent): LinkedIncident | null {
  return event.startsWith('incident.') ? (data['incident'] as LinkedIncident) : null;
}

/** `rollout.rolled_back` → `Rollout rolled back`. */
function nameOfEvent(event: NotifyEvent): string {
  const words = event.replace(/[._]/g, ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function messageIn(failure: unknown): string | null {
  if (typeof failure !== 'object' || failure === null || !('message' in failure)) return null;
  return typeof failure.message === 'string' ? failure.message : null;
}

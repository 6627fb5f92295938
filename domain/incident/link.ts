import { approvalIncidentKey, type Incident } from './incident';

/** An incident as people and other programs receive it. */
export interface LinkedIncident extends Incident {
  /** The page with more details; null if the address of the pages is not set. */
  readonly link: string | null;
}

/** @param pagesUrl the address of the pages without a slash at its end; null if it is not set. */
export function linkIncident(incident: Incident, pagesUrl: string | null): LinkedIncident {
  const runId = waitingRunOf(incident);
  const path =
    runId === null ? `monitoring/${encodeURIComponent(incident.model)}` : `runs/${runId}`;
  return { ...incident, link: pagesUrl === null ? null : `${pagesUrl}/${path}` };
}

/** The link, or the command that shows the same where there is none. */
export function moreOf(incident: LinkedIncident): string {
  const runId = waitingRunOf(incident);
  return (
    incident.link ??
    (runId === null ? `perennial monitor show ${incident.model}` : `perennial run show ${runId}`)
  );
}

/** The run whose approval is missing; null for another kind of incident. */
function waitingRunOf({ kind, key }: Incident): string | null {
  const start = approvalIncidentKey('');
  return kind === 'approval' && key.startsWith(start) ? key.slice(start.length) : null;
}

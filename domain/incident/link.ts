import { approvalIncidentKey, type Incident } from './incident';

/** An incident as people and other programs receive it. */
export interface LinkedIncident extends Incident {
  /** The page with more details; null if the address of the pages is not set. */
  readonly link: string | null;
}

/** @param pagesUrl the address of the pages without a slash at its end; null if it is not set. */
export function linkIncident(incident: Incident, pagesUrl: string | null): LinkedIncident {
  const runId = findWaitingRun(incident);
  const path = runId === null ? monitoringPath(incident) : `runs/${runId}`;
  return { ...incident, link: pagesUrl === null ? null : `${pagesUrl}/${path}` };
}

/** The link, or the command that shows the same where there is none. */
export function describeNextStep(incident: LinkedIncident): string {
  const runId = findWaitingRun(incident);
  if (incident.link !== null) return incident.link;
  if (runId !== null) return `perennial run show ${runId}`;
  return incident.model === null
    ? `perennial incident show ${incident.id}`
    : `perennial monitor show ${incident.model}`;
}

/** The page of all incidents for one that is about no model. */
function monitoringPath({ model }: Incident): string {
  return model === null ? 'monitoring' : `monitoring/${encodeURIComponent(model)}`;
}

/** The run whose approval is missing; null for another kind of incident. */
function findWaitingRun({ kind, key }: Incident): string | null {
  const start = approvalIncidentKey('');
  return kind === 'approval' && key.startsWith(start) ? key.slice(start.length) : null;
}

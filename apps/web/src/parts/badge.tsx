const tones: Readonly<Record<string, 'good' | 'bad' | 'warn' | 'busy' | 'calm'>> = {
  succeeded: 'good',
  passed: 'good',
  promoted: 'good',
  winner: 'good',
  delivered: 'good',
  complete: 'good',
  matches: 'good',
  failed: 'bad',
  lost: 'bad',
  rolledBack: 'bad',
  differs: 'bad',
  gone: 'bad',
  blocked: 'bad',
  rejected: 'bad',
  stopped: 'warn',
  waiting: 'warn',
  paused: 'warn',
  held: 'warn',
  inconclusive: 'warn',
  aborted: 'warn',
  cancelled: 'warn',
  warning: 'warn',
  redacted: 'warn',
  flagged: 'warn',
  critical: 'bad',
  open: 'warn',
  acknowledged: 'busy',
  resolved: 'good',
  running: 'busy',
  pending: 'busy',
};

const words: Readonly<Record<string, string>> = {
  rolledBack: 'rolled back',
  notApplicable: 'not applicable',
};

/** A status by its word, and not by its colour alone. */
export function Badge({ status }: { readonly status: string }) {
  return <span className={`badge ${tones[status] ?? 'calm'}`}>{words[status] ?? status}</span>;
}

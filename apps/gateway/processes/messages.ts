/** The messages between a supervisor and its gateway processes, which exchange metrics. */
export type SupervisorMessage =
  | { readonly kind: 'collect'; readonly id: number }
  | { readonly kind: 'merged'; readonly id: number; readonly text: string };

export type MemberMessage =
  | { readonly kind: 'merge'; readonly id: number }
  | { readonly kind: 'collected'; readonly id: number; readonly text: string };

/** How long the supervisor waits for the metrics of one process. */
export const collectMs = 2_000;

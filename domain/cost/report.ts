/** Groups by which a report of costs adds up jobs. */
export const costGroups = ['run', 'model', 'backend', 'day', 'month', 'tenant'] as const;
export type CostGroup = (typeof costGroups)[number];

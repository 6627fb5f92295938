/** The parts of stored objects that the fake cluster reads and writes. */

export interface FakeMetadata {
  name: string;
  namespace?: string;
  uid: string;
  creationTimestamp: string;
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  ownerReferences?: {
    readonly apiVersion: string;
    readonly kind: string;
    readonly name: string;
    readonly uid: string;
  }[];
}

export interface FakeCondition {
  type: string;
  status: string;
  reason?: string;
  message?: string;
  lastTransitionTime: string;
}

export interface FakeContainer {
  readonly name: string;
  readonly image: string;
  readonly command: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly envFrom?: readonly { readonly secretRef?: { readonly name: string } }[];
  readonly resources: {
    readonly requests: Readonly<Record<string, string>>;
    readonly limits: Readonly<Record<string, string>>;
  };
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
  readonly securityContext?: Readonly<Record<string, unknown>>;
}

export interface FakePodSpec {
  nodeName?: string;
  readonly restartPolicy: string;
  readonly activeDeadlineSeconds?: number;
  readonly terminationGracePeriodSeconds?: number;
  readonly automountServiceAccountToken?: boolean;
  readonly nodeSelector?: Readonly<Record<string, string>>;
  readonly tolerations?: readonly object[];
  readonly priorityClassName?: string;
  readonly imagePullSecrets?: readonly { readonly name: string }[];
  readonly securityContext?: Readonly<Record<string, unknown>>;
  readonly containers: readonly FakeContainer[];
  readonly volumes?: readonly object[];
}

export interface FakeJob {
  apiVersion: 'batch/v1';
  kind: 'Job';
  metadata: FakeMetadata;
  spec: {
    suspend?: boolean;
    readonly activeDeadlineSeconds?: number;
    readonly ttlSecondsAfterFinished?: number;
    readonly backoffLimit?: number;
    readonly podFailurePolicy?: object;
    readonly template: {
      readonly metadata?: { readonly labels?: Record<string, string> };
      readonly spec: FakePodSpec;
    };
  };
  status: { startTime?: string; conditions: FakeCondition[]; active?: number; failed?: number };
}

export interface FakePod {
  apiVersion: 'v1';
  kind: 'Pod';
  metadata: FakeMetadata;
  spec: FakePodSpec;
  status: {
    phase: 'Pending' | 'Running' | 'Succeeded' | 'Failed';
    reason?: string;
    message?: string;
    startTime?: string;
    conditions: FakeCondition[];
    containerStatuses?: object[];
  };
}

export interface FakeSecret {
  readonly apiVersion: 'v1';
  readonly kind: 'Secret';
  readonly metadata: FakeMetadata;
  readonly data: Readonly<Record<string, string>>;
}

export interface FakeNode {
  readonly name: string;
  readonly cpu: string;
  readonly memory: string;
  readonly gpus: number;
}

export const now = (): string => new Date().toISOString().replace(/\.\d+Z$/, 'Z');

export function isOver({ status }: FakePod): boolean {
  return status.phase === 'Succeeded' || status.phase === 'Failed';
}

export function setCondition(
  conditions: FakeCondition[],
  condition: Omit<FakeCondition, 'lastTransitionTime'>,
): void {
  const old = conditions.find(({ type }) => type === condition.type);
  const changedAt = old?.status === condition.status ? old.lastTransitionTime : now();
  const at = conditions.findIndex(({ type }) => type === condition.type);
  conditions.splice(at === -1 ? conditions.length : at, at === -1 ? 0 : 1, {
    ...condition,
    lastTransitionTime: changedAt,
  });
}

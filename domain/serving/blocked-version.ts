import type { AliasName } from '../model/model';

/** A version that the routing table names and that a gateway cannot load, now or later. */
export interface BlockedVersion {
  readonly tenant: string;
  readonly model: string;
  readonly version: number;
  readonly alias: AliasName;
  readonly error: string;
}

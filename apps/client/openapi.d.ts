/* Written by scripts/api-client.ts from the API's OpenAPI document. Do not edit. */

export interface paths {
    readonly "/api-keys": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** List API keys, newest first */
        readonly get: {
            readonly parameters: {
                readonly query?: {
                    /** @description a whole number from 1 to 200 */
                    readonly pageSize?: number;
                    /** @description nextPageToken of the previous page */
                    readonly pageToken?: string;
                };
                readonly header?: never;
                readonly path?: never;
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": {
                            readonly items: readonly components["schemas"]["ApiKey"][];
                            readonly nextPageToken: string | null;
                        };
                    };
                };
            };
        };
        readonly put?: never;
        /** Create an API key; the response is the only place that contains it */
        readonly post: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path?: never;
                readonly cookie?: never;
            };
            readonly requestBody: {
                readonly content: {
                    readonly "application/json": {
                        /** @description expiry time; 90 days from now by default, null: never */
                        readonly expiresAt?: string | null;
                        /** @description name of the owner or purpose, 1 to 100 characters; the actor in the audit log */
                        readonly name: string;
                        /**
                         * @description viewer, operator, approver or admin; each includes those before it
                         * @enum {string}
                         */
                        readonly scope: "viewer" | "operator" | "approver" | "admin";
                        /** @description tenant of the key, only for administrators of the platform; default: your own */
                        readonly tenant?: string;
                    };
                };
            };
            readonly responses: {
                /** @description Default Response */
                readonly 201: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["MadeApiKey"];
                    };
                };
            };
        };
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api-keys/{id}/revoke": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /** Revoke an API key */
        readonly post: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    readonly id: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["ApiKey"];
                    };
                };
            };
        };
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api-keys/{id}/rotate": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /** Create a key with the same name, scope and lifetime; the old key expires after the overlap */
        readonly post: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    readonly id: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: {
                readonly content: {
                    readonly "application/json": {
                        /**
                         * @description seconds that the old key stays valid: 0 to 2592000
                         * @default 3600
                         */
                        readonly overlapSeconds?: number;
                    };
                };
            };
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["RotatedApiKey"];
                    };
                };
            };
        };
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/audit": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** List changes, newest first: who changed what, and why */
        readonly get: {
            readonly parameters: {
                readonly query?: {
                    /** @description such as alias.promote */
                    readonly action?: string;
                    /** @description a whole number from 1 to 200 */
                    readonly pageSize?: number;
                    /** @description nextPageToken of the previous page */
                    readonly pageToken?: string;
                    /** @description such as model:flight-delay or run:run_… */
                    readonly subject?: string;
                };
                readonly header?: never;
                readonly path?: never;
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": {
                            readonly items: readonly components["schemas"]["AuditRow"][];
                            readonly nextPageToken: string | null;
                        };
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/audit/{id}/proof": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** Prove that a row is in the sealed log, for someone without access to it */
        readonly get: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    readonly id: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["AuditProof"];
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/audit/keys": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** List the keys that sign the audit log */
        readonly get: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path?: never;
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": {
                            readonly items: readonly components["schemas"]["AuditKey"][];
                        };
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/audit/verify": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** Find rows that were changed, removed, cut off or rewritten after they were sealed */
        readonly get: {
            readonly parameters: {
                readonly query?: {
                    /** @description verify only what was sealed after this checkpoint: <batch>:<digest> */
                    readonly from?: string;
                };
                readonly header?: never;
                readonly path?: never;
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["AuditReport"];
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/budgets": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** List budgets with their limits and the amounts spent */
        readonly get: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path?: never;
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": {
                            readonly items: readonly components["schemas"]["Budget"][];
                        };
                    };
                };
            };
        };
        /** Create a budget for runs and searches, or change its limit; a new budget applies to stages that start later */
        readonly put: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path?: never;
                readonly cookie?: never;
            };
            readonly requestBody: {
                readonly content: {
                    readonly "application/json": {
                        /** @description maximum total amount; the amount already spent is kept */
                        readonly limit: number;
                        /** @description tenant or provider/<name> */
                        readonly scope: "tenant" | string;
                        /**
                         * @description usd or tokens
                         * @enum {string}
                         */
                        readonly unit: "usd" | "tokens";
                    };
                };
            };
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["Budget"];
                    };
                };
            };
        };
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/costs": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** Show what jobs reserved and used, in CPU-hours and US dollars */
        readonly get: {
            readonly parameters: {
                readonly query?: {
                    /** @description sums by run, model, backend, day, month, tenant; tenant needs an administrator of the platform */
                    readonly by?: "run" | "model" | "backend" | "day" | "month" | "tenant";
                    /** @description only jobs that reserved at this time or later */
                    readonly from?: string;
                    /** @description the most rows, the most recent first */
                    readonly limit?: number;
                    /** @description only jobs of this run */
                    readonly run?: string;
                    /** @description only jobs that reserved before this time */
                    readonly to?: string;
                };
                readonly header?: never;
                readonly path?: never;
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": {
                            /** @description false when there are more rows; then limit the time with from and to */
                            readonly isComplete: boolean;
                            readonly items: readonly components["schemas"]["CostRow"][];
                        };
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/datasets": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** List datasets by name */
        readonly get: {
            readonly parameters: {
                readonly query?: {
                    /** @description a whole number from 1 to 200 */
                    readonly pageSize?: number;
                    /** @description nextPageToken of the previous page */
                    readonly pageToken?: string;
                };
                readonly header?: never;
                readonly path?: never;
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": {
                            readonly items: readonly components["schemas"]["DatasetSummary"][];
                            readonly nextPageToken: string | null;
                        };
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/datasets/{dataset}/contract-results": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** Show how often each run’s rows met the contract, newest run first; a page may be empty */
        readonly get: {
            readonly parameters: {
                readonly query?: {
                    /** @description a whole number from 1 to 200 */
                    readonly pageSize?: number;
                    /** @description nextPageToken of the previous page */
                    readonly pageToken?: string;
                };
                readonly header?: never;
                readonly path: {
                    readonly dataset: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": {
                            readonly items: readonly components["schemas"]["PastContractResult"][];
                            readonly nextPageToken: string | null;
                        };
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/datasets/{dataset}/diff": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** Compare two versions by schema, rows and statistics */
        readonly get: {
            readonly parameters: {
                readonly query: {
                    /** @description a whole number from 1 */
                    readonly from: number;
                    /** @description a whole number from 1 */
                    readonly to: number;
                };
                readonly header?: never;
                readonly path: {
                    readonly dataset: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["DatasetDiff"];
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/datasets/{dataset}/quarantine": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** Count the rows that broke the contract, by reason, newest quarantine first */
        readonly get: {
            readonly parameters: {
                readonly query?: {
                    /** @description a whole number from 1 to 200 */
                    readonly pageSize?: number;
                    /** @description nextPageToken of the previous page */
                    readonly pageToken?: string;
                };
                readonly header?: never;
                readonly path: {
                    readonly dataset: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": {
                            readonly items: readonly components["schemas"]["Quarantine"][];
                            readonly nextPageToken: string | null;
                        };
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/datasets/{dataset}/quarantine/{quarantine}/rows": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** List rows that broke the contract; the audit log records who read them */
        readonly get: {
            readonly parameters: {
                readonly query?: {
                    /** @description a whole number from 1 to 1000 */
                    readonly limit?: number;
                };
                readonly header?: never;
                readonly path: {
                    readonly dataset: string;
                    /** @description a quarantine id: qua_… */
                    readonly quarantine: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["QuarantinedRows"];
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/datasets/{dataset}/versions": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** List the versions of a dataset, newest first */
        readonly get: {
            readonly parameters: {
                readonly query?: {
                    /** @description a whole number from 1 to 200 */
                    readonly pageSize?: number;
                    /** @description nextPageToken of the previous page */
                    readonly pageToken?: string;
                };
                readonly header?: never;
                readonly path: {
                    readonly dataset: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": {
                            readonly items: readonly components["schemas"]["DatasetVersion"][];
                            readonly nextPageToken: string | null;
                        };
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/datasets/{dataset}/versions/{version}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** Show a dataset version */
        readonly get: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    readonly dataset: string;
                    /** @description a whole number from 1 */
                    readonly version: number;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["DatasetVersion"];
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/datasets/{dataset}/versions/{version}/files": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** List the Parquet files of a dataset version, in order */
        readonly get: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    readonly dataset: string;
                    /** @description a whole number from 1 */
                    readonly version: number;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": {
                            readonly items: readonly components["schemas"]["DatasetFile"][];
                        };
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/datasets/{dataset}/versions/{version}/files/{file}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** Download a Parquet file of a dataset version; the audit log records who read it */
        readonly get: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    readonly dataset: string;
                    /** @description number of the file, from 1 */
                    readonly file: number;
                    /** @description a whole number from 1 */
                    readonly version: number;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/vnd.apache.parquet": string;
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/decisions/{id}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** Show a decision with its policy and evidence */
        readonly get: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    /** @description a decision id: dec_… */
                    readonly id: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["Decision"];
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/deliveries/{id}/redeliver": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /** Send a delivery again now */
        readonly post: {
            readonly parameters: {
                readonly query?: {
                    /** @description one of its targets; default: all */
                    readonly target?: number;
                };
                readonly header?: never;
                readonly path: {
                    readonly id: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 202: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": {
                            readonly id: string;
                        };
                    };
                };
            };
        };
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/events": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /** Send a CloudEvent 1.0, which starts a run of each lifecycle that subscribes to its type */
        readonly post: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path?: never;
                readonly cookie?: never;
            };
            readonly requestBody: {
                readonly content: {
                    readonly "application/cloudevents+json": string;
                };
            };
            readonly responses: {
                /** @description Default Response */
                readonly 202: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["EventReceipts"];
                    };
                };
            };
        };
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/experiments": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** List experiments that scripts logged through MLflow, newest first */
        readonly get: {
            readonly parameters: {
                readonly query?: {
                    /** @description a whole number from 1 to 200 */
                    readonly pageSize?: number;
                    readonly pageToken?: string;
                };
                readonly header?: never;
                readonly path?: never;
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": {
                            readonly items: readonly components["schemas"]["Experiment"][];
                            readonly nextPageToken: string | null;
                        };
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/experiments/{id}/runs": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** List the tracked runs of an experiment, newest first */
        readonly get: {
            readonly parameters: {
                readonly query?: {
                    /** @description a whole number from 1 to 200 */
                    readonly pageSize?: number;
                    readonly pageToken?: string;
                };
                readonly header?: never;
                readonly path: {
                    /** @description id or name of an experiment */
                    readonly id: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": {
                            readonly items: readonly components["schemas"]["TrackedRun"][];
                            readonly nextPageToken: string | null;
                        };
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/incidents": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** List incidents, newest first */
        readonly get: {
            readonly parameters: {
                readonly query?: {
                    /** @description only incidents of this model */
                    readonly model?: string;
                    /** @description a whole number from 1 to 200 */
                    readonly pageSize?: number;
                    /** @description nextPageToken of the previous page */
                    readonly pageToken?: string;
                    /** @description only incidents with this status */
                    readonly status?: "open" | "acknowledged" | "resolved";
                };
                readonly header?: never;
                readonly path?: never;
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": {
                            readonly items: readonly components["schemas"]["Incident"][];
                            readonly nextPageToken: string | null;
                        };
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/incidents/{id}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** Show an incident with its story */
        readonly get: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    /** @description an incident id: inc_… */
                    readonly id: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["Incident"];
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/incidents/{id}/acknowledge": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /** Acknowledge an incident, which stops its escalation */
        readonly post: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    /** @description an incident id: inc_… */
                    readonly id: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody: {
                readonly content: {
                    readonly "application/json": {
                        /** @description reason for the audit log, 1 to 1000 characters */
                        readonly reason: string;
                    };
                };
            };
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["Incident"];
                    };
                };
            };
        };
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/incidents/{id}/resolve": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /** Resolve an incident */
        readonly post: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    /** @description an incident id: inc_… */
                    readonly id: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody: {
                readonly content: {
                    readonly "application/json": {
                        /** @description reason for the audit log, 1 to 1000 characters */
                        readonly reason: string;
                    };
                };
            };
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["Incident"];
                    };
                };
            };
        };
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/indexes": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** List indexes by name */
        readonly get: {
            readonly parameters: {
                readonly query?: {
                    /** @description a whole number from 1 to 200 */
                    readonly pageSize?: number;
                    /** @description nextPageToken of the previous page */
                    readonly pageToken?: string;
                };
                readonly header?: never;
                readonly path?: never;
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": {
                            readonly items: readonly components["schemas"]["IndexSummary"][];
                            readonly nextPageToken: string | null;
                        };
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/indexes/{index}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** Show an index with its aliases and versions */
        readonly get: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    /** @description name of an index */
                    readonly index: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["Index"];
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/indexes/{index}/builds": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /** Build a new index version, compare it with the champion, and make it champion if it is not worse */
        readonly post: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: {
                    /** @description 1 to 255 characters; requests with the same key take effect once */
                    readonly "idempotency-key"?: string;
                };
                readonly path: {
                    /** @description name of an index */
                    readonly index: string;
                };
                readonly cookie?: never;
            };
            /** @description documents, chunking, embedder, and what the new version must show */
            readonly requestBody: {
                readonly content: {
                    readonly "application/json": {
                        /**
                         * @description promote moves the champion alias to the new version; keep does not
                         * @default promote
                         * @enum {string}
                         */
                        readonly after?: "promote" | "keep";
                        readonly answers?: {
                            /** @description NDJSON, one case per line: id, input and expected */
                            readonly cases: string;
                            /** @default 0.95 */
                            readonly confidence?: number;
                            /** @description the dimensions to measure */
                            readonly dimensions: readonly ({
                                /** @enum {string} */
                                readonly kind: "exact";
                                /** @description the name of the dimension, which gates use: lower-case letters, digits and hyphens, 63 at most, beginning with a letter */
                                readonly name: string;
                            } | {
                                /** @enum {string} */
                                readonly kind: "f1";
                                /** @description the name of the dimension, which gates use: lower-case letters, digits and hyphens, 63 at most, beginning with a letter */
                                readonly name: string;
                            } | {
                                /** @enum {string} */
                                readonly kind: "label";
                                /** @description all possible labels */
                                readonly labels: readonly string[];
                                /** @description the name of the dimension, which gates use: lower-case letters, digits and hyphens, 63 at most, beginning with a letter */
                                readonly name: string;
                            } | {
                                /** @enum {string} */
                                readonly kind: "regex";
                                /** @description the name of the dimension, which gates use: lower-case letters, digits and hyphens, 63 at most, beginning with a letter */
                                readonly name: string;
                                /** @description a regular expression */
                                readonly pattern: string;
                            } | {
                                /** @enum {string} */
                                readonly kind: "json";
                                /** @description the name of the dimension, which gates use: lower-case letters, digits and hyphens, 63 at most, beginning with a letter */
                                readonly name: string;
                                /**
                                 * @description a JSON Schema, or null for the one of each case
                                 * @default null
                                 */
                                readonly schema?: {
                                    readonly [key: string]: unknown;
                                } | null;
                            } | {
                                /** @enum {string} */
                                readonly kind: "rules";
                                /** @description the name of the dimension, which gates use: lower-case letters, digits and hyphens, 63 at most, beginning with a letter */
                                readonly name: string;
                                /**
                                 * @description rules for every answer, in addition to those of its case
                                 * @default []
                                 */
                                readonly rules?: readonly ({
                                    /** @description whether upper and lower case are the same */
                                    readonly ignoreCase?: boolean;
                                    /** @enum {string} */
                                    readonly kind: "contains";
                                    /** @description the text to look for */
                                    readonly text: string;
                                } | {
                                    /** @description whether upper and lower case are the same */
                                    readonly ignoreCase?: boolean;
                                    /** @enum {string} */
                                    readonly kind: "excludes";
                                    /** @description the text to look for */
                                    readonly text: string;
                                } | {
                                    /** @description whether upper and lower case are the same */
                                    readonly ignoreCase?: boolean;
                                    /** @enum {string} */
                                    readonly kind: "startsWith";
                                    /** @description the text to look for */
                                    readonly text: string;
                                } | {
                                    /** @description whether upper and lower case are the same */
                                    readonly ignoreCase?: boolean;
                                    /** @enum {string} */
                                    readonly kind: "equals";
                                    /** @description the text to look for */
                                    readonly text: string;
                                } | {
                                    /** @enum {string} */
                                    readonly kind: "matches";
                                    /** @description a regular expression */
                                    readonly pattern: string;
                                } | {
                                    /** @enum {string} */
                                    readonly kind: "matchesNot";
                                    /** @description a regular expression */
                                    readonly pattern: string;
                                } | {
                                    /** @enum {string} */
                                    readonly kind: "words";
                                    /** @description largest number of words */
                                    readonly max?: number;
                                    /** @description smallest number of words */
                                    readonly min?: number;
                                } | {
                                    /** @enum {string} */
                                    readonly kind: "json";
                                    /** @description a JSON Schema */
                                    readonly schema?: {
                                        readonly [key: string]: unknown;
                                    };
                                } | {
                                    /** @enum {string} */
                                    readonly kind: "anyOf";
                                    /** @description rules of which at least one must hold */
                                    readonly rules: readonly ({
                                        /** @description whether upper and lower case are the same */
                                        readonly ignoreCase?: boolean;
                                        /** @enum {string} */
                                        readonly kind: "contains";
                                        /** @description the text to look for */
                                        readonly text: string;
                                    } | {
                                        /** @description whether upper and lower case are the same */
                                        readonly ignoreCase?: boolean;
                                        /** @enum {string} */
                                        readonly kind: "excludes";
                                        /** @description the text to look for */
                                        readonly text: string;
                                    } | {
                                        /** @description whether upper and lower case are the same */
                                        readonly ignoreCase?: boolean;
                                        /** @enum {string} */
                                        readonly kind: "startsWith";
                                        /** @description the text to look for */
                                        readonly text: string;
                                    } | {
                                        /** @description whether upper and lower case are the same */
                                        readonly ignoreCase?: boolean;
                                        /** @enum {string} */
                                        readonly kind: "equals";
                                        /** @description the text to look for */
                                        readonly text: string;
                                    } | {
                                        /** @enum {string} */
                                        readonly kind: "matches";
                                        /** @description a regular expression */
                                        readonly pattern: string;
                                    } | {
                                        /** @enum {string} */
                                        readonly kind: "matchesNot";
                                        /** @description a regular expression */
                                        readonly pattern: string;
                                    } | {
                                        /** @enum {string} */
                                        readonly kind: "words";
                                        /** @description largest number of words */
                                        readonly max?: number;
                                        /** @description smallest number of words */
                                        readonly min?: number;
                                    } | {
                                        /** @enum {string} */
                                        readonly kind: "json";
                                        /** @description a JSON Schema */
                                        readonly schema?: {
                                            readonly [key: string]: unknown;
                                        };
                                    })[];
                                })[];
                            } | {
                                /** @enum {string} */
                                readonly kind: "similarity";
                                /** @description the name of the dimension, which gates use: lower-case letters, digits and hyphens, 63 at most, beginning with a letter */
                                readonly name: string;
                            } | {
                                /** @enum {string} */
                                readonly kind: "groundedness";
                                /** @description the name of the dimension, which gates use: lower-case letters, digits and hyphens, 63 at most, beginning with a letter */
                                readonly name: string;
                            } | {
                                /** @enum {string} */
                                readonly kind: "citations";
                                /** @description the name of the dimension, which gates use: lower-case letters, digits and hyphens, 63 at most, beginning with a letter */
                                readonly name: string;
                            } | {
                                /** @enum {string} */
                                readonly kind: "safety";
                                /** @description the name of the dimension, which gates use: lower-case letters, digits and hyphens, 63 at most, beginning with a letter */
                                readonly name: string;
                            } | {
                                /** @enum {string} */
                                readonly kind: "retrieval";
                                /**
                                 * @description recall@k or ndcg@k with k from 1 to 100, or mrr
                                 * @default recall@5
                                 */
                                readonly metric?: string | "mrr";
                                /** @description the name of the dimension, which gates use: lower-case letters, digits and hyphens, 63 at most, beginning with a letter */
                                readonly name: string;
                            } | {
                                /** @enum {string} */
                                readonly kind: "consistency";
                                /** @description the name of the dimension, which gates use: lower-case letters, digits and hyphens, 63 at most, beginning with a letter */
                                readonly name: string;
                                /**
                                 * @description number of repeats, from 2 to 20
                                 * @default 3
                                 */
                                readonly repeats?: number;
                            } | {
                                /** @enum {string} */
                                readonly kind: "robustness";
                                /** @description the name of the dimension, which gates use: lower-case letters, digits and hyphens, 63 at most, beginning with a letter */
                                readonly name: string;
                                /** @description the dimension whose score should stay the same: lower-case letters, digits and hyphens, 63 at most, beginning with a letter */
                                readonly of: string;
                                /** @description how the variable is changed */
                                readonly perturbations: readonly ({
                                    /**
                                     * @description one in this many words gets a typing error
                                     * @default 5
                                     */
                                    readonly every?: number;
                                    /** @enum {string} */
                                    readonly kind: "typos";
                                } | {
                                    /** @enum {string} */
                                    readonly kind: "upperCase";
                                } | {
                                    /** @enum {string} */
                                    readonly kind: "lowerCase";
                                } | {
                                    /** @enum {string} */
                                    readonly kind: "order";
                                } | {
                                    /** @enum {string} */
                                    readonly kind: "distractor";
                                    /** @description texts that are irrelevant to the question */
                                    readonly texts: readonly string[];
                                } | {
                                    /** @description length of the variable afterwards, in characters */
                                    readonly characters: number;
                                    /** @description texts to fill the context with */
                                    readonly filler: readonly string[];
                                    /** @enum {string} */
                                    readonly kind: "longContext";
                                } | {
                                    /** @enum {string} */
                                    readonly kind: "paraphrase";
                                    /**
                                     * @description smallest cosine similarity of both texts, from 0 to 1, if there is an embedder; other paraphrases are not asked
                                     * @default 0.8
                                     */
                                    readonly minSimilarity?: number;
                                    /** @description the model that paraphrases the question */
                                    readonly model: string;
                                    /**
                                     * @description embedded, or the name of a provider that the operator configured: lower-case letters, digits and hyphens, 63 at most, beginning with a letter
                                     * @default embedded
                                     */
                                    readonly provider?: string;
                                })[];
                                /** @description the variable that is perturbed */
                                readonly variable: string;
                            } | {
                                /** @enum {string} */
                                readonly kind: "judge";
                                /** @description the path of an NDJSON file of answers that people have labelled, with case, answer and right; gates on this dimension need it */
                                readonly labels?: string | null;
                                /** @description the model that judges */
                                readonly model: string;
                                /** @description the name of the dimension, which gates use: lower-case letters, digits and hyphens, 63 at most, beginning with a letter */
                                readonly name: string;
                                /** @description the path of the Prompt file that asks for the verdict */
                                readonly prompt: string;
                                /**
                                 * @description embedded, or the name of a provider that the operator configured: lower-case letters, digits and hyphens, 63 at most, beginning with a letter
                                 * @default embedded
                                 */
                                readonly provider?: string;
                            })[];
                            /**
                             * @description how much lower its mean may be
                             * @default 0.05
                             */
                            readonly margin?: number;
                            /**
                             * @description the largest share of cases without a score; above it the result is inconclusive
                             * @default 0.05
                             */
                            readonly maxFailures?: number;
                            /** @default 50 */
                            readonly minCases?: number;
                            /** @description a language application; its champion answers over both versions */
                            readonly model: string;
                            /**
                             * @description concurrent questions
                             * @default 4
                             */
                            readonly parallel?: number;
                            /** @description the dimension that decides: lower-case letters, digits and hyphens, 63 at most, beginning with a letter */
                            readonly quality: string;
                        } | null;
                        /**
                         * @description limit for a paid embedder and for the answers; when it is spent, the build fails or its result is inconclusive
                         * @default {}
                         */
                        readonly budget?: {
                            /** @default null */
                            readonly tokens?: number | null;
                            /** @default null */
                            readonly usd?: number | null;
                        };
                        /**
                         * @description how documents are split into chunks: by tokens, sentences or paragraphs
                         * @default {
                         *       "kind": "sentences",
                         *       "size": 256,
                         *       "overlap": 0
                         *     }
                         */
                        readonly chunking?: {
                            /** @enum {string} */
                            readonly kind: "tokens";
                            /**
                             * @description tokens that consecutive chunks share
                             * @default 32
                             */
                            readonly overlap?: number;
                            /**
                             * @description 16 to 8192: tokens per chunk, at most what the embedder accepts
                             * @default 256
                             */
                            readonly size?: number;
                        } | {
                            /** @enum {string} */
                            readonly kind: "sentences";
                            /**
                             * @description sentences that consecutive chunks share
                             * @default 0
                             */
                            readonly overlap?: number;
                            /**
                             * @description 16 to 8192: tokens per chunk, at most what the embedder accepts
                             * @default 256
                             */
                            readonly size?: number;
                        } | {
                            /** @enum {string} */
                            readonly kind: "paragraphs";
                            /**
                             * @description 16 to 8192: tokens per chunk, at most what the embedder accepts
                             * @default 256
                             */
                            readonly size?: number;
                        };
                        /** @description a dataset from `perennial dataset list`, such as docs or docs@3; the newest version by default */
                        readonly documents: string;
                        /**
                         * @description minilm, wordllama, or endpoint with a provider and its model
                         * @default {
                         *       "kind": "minilm"
                         *     }
                         */
                        readonly embedder?: {
                            /** @enum {string} */
                            readonly kind: "minilm";
                        } | {
                            /** @enum {string} */
                            readonly kind: "wordllama";
                        } | {
                            /** @description the length of its vectors, from 8 to 8192 */
                            readonly dimensions: number;
                            /** @enum {string} */
                            readonly kind: "endpoint";
                            /**
                             * @description the maximum number of tokens of a text
                             * @default 512
                             */
                            readonly maxTokens?: number;
                            /** @description the provider's name of the model */
                            readonly model: string;
                            /** @description the name of a provider that the operator configured: lower-case letters, digits and hyphens, 63 at most, beginning with a letter */
                            readonly provider: string;
                        };
                        /** @description larger documents are left out and counted */
                        readonly maxDocument?: string;
                        /**
                         * @description the largest share of documents that may be left out; above it the build fails
                         * @default 0.1
                         */
                        readonly maxRejectedShare?: number;
                        /**
                         * @description how it is searched: by meaning (vector), by words (text), or by both (hybrid)
                         * @default vector
                         * @enum {string}
                         */
                        readonly mode?: "vector" | "text" | "hybrid";
                        /** @default null */
                        readonly parity?: {
                            /**
                             * @description confidence of the bound, above 0.5 and at most 0.99
                             * @default 0.97
                             */
                            readonly confidence?: number;
                            /**
                             * @description how much lower the metric of the new version may be
                             * @default 0.02
                             */
                            readonly margin?: number;
                            /**
                             * @description recall@k or ndcg@k with k from 1 to 100, or mrr
                             * @default recall@5
                             */
                            readonly metric?: string | "mrr";
                            /**
                             * @description smallest number of questions, from 2; with fewer the result is inconclusive
                             * @default 100
                             */
                            readonly minQuestions?: number;
                            /** @description a dataset from `perennial dataset list`, such as docs or docs@3; the newest version by default */
                            readonly questions: string;
                        } | null;
                        /**
                         * @description kind of vector index: flat (exact), hnsw, ivfPq, or auto, which chooses by the number of chunks
                         * @default auto
                         * @enum {string}
                         */
                        readonly vectors?: "auto" | "flat" | "hnsw" | "ivfPq";
                    };
                };
            };
            readonly responses: {
                /** @description Default Response */
                readonly 202: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["IndexBuild"];
                    };
                };
            };
        };
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/indexes/{index}/builds/{build}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** Show the progress or the result of a build */
        readonly get: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    /** @description a build id: build_… */
                    readonly build: string;
                    /** @description name of an index */
                    readonly index: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["IndexBuild"];
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/indexes/{index}/builds/{build}/cancel": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /** Cancel a build and delete what it built */
        readonly post: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    /** @description a build id: build_… */
                    readonly build: string;
                    /** @description name of an index */
                    readonly index: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 202: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["IndexBuild"];
                    };
                };
            };
        };
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/indexes/{index}/changes": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /** Change documents; accepted changes are durable and become searchable once applied */
        readonly post: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: {
                    /** @description 1 to 255 characters; requests with the same key take effect once */
                    readonly "idempotency-key"?: string;
                };
                readonly path: {
                    /** @description name of an index */
                    readonly index: string;
                };
                readonly cookie?: never;
            };
            /** @description complete documents to add or change, and ids of documents to delete */
            readonly requestBody?: {
                readonly content: {
                    readonly "application/json": {
                        /** @default [] */
                        readonly deleted?: readonly string[];
                        /** @default [] */
                        readonly documents?: readonly {
                            /** @description a document id */
                            readonly id: string;
                            /**
                             * @description origin of the document, used in citations
                             * @default null
                             */
                            readonly source?: string | null;
                            readonly text: string;
                            /** @default null */
                            readonly title?: string | null;
                        }[];
                    };
                };
            };
            readonly responses: {
                /** @description Default Response */
                readonly 202: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["IndexChanged"];
                    };
                };
            };
        };
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/indexes/{index}/history": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** List the moves of the champion: when, from which version to which, and by whom */
        readonly get: {
            readonly parameters: {
                readonly query?: {
                    /** @description a whole number from 1 to 200 */
                    readonly pageSize?: number;
                    /** @description nextPageToken of the previous page */
                    readonly pageToken?: string;
                };
                readonly header?: never;
                readonly path: {
                    /** @description name of an index */
                    readonly index: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": {
                            readonly items: readonly components["schemas"]["IndexMove"][];
                            readonly nextPageToken: string | null;
                        };
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/indexes/{index}/rollback": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /** Make the previous version, or a named earlier one, the champion again; it includes every change of documents */
        readonly post: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: {
                    /** @description 1 to 255 characters; requests with the same key take effect once */
                    readonly "idempotency-key"?: string;
                };
                readonly path: {
                    /** @description name of an index */
                    readonly index: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: {
                readonly content: {
                    readonly "application/json": {
                        /** @description reason for the audit log, 1 to 1000 characters */
                        readonly reason?: string;
                        /** @description a whole number from 1 */
                        readonly to?: number;
                    };
                };
            };
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["IndexRolledBack"];
                    };
                };
            };
        };
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/indexes/{index}/versions": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** List the versions of an index, newest first */
        readonly get: {
            readonly parameters: {
                readonly query?: {
                    /** @description a whole number from 1 to 200 */
                    readonly pageSize?: number;
                    /** @description nextPageToken of the previous page */
                    readonly pageToken?: string;
                };
                readonly header?: never;
                readonly path: {
                    /** @description name of an index */
                    readonly index: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": {
                            readonly items: readonly components["schemas"]["IndexVersion"][];
                            readonly nextPageToken: string | null;
                        };
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/indexes/{index}/versions/{version}/retire": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /** Retire a version and delete its table; refused while an alias or an application uses it */
        readonly post: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: {
                    /** @description 1 to 255 characters; requests with the same key take effect once */
                    readonly "idempotency-key"?: string;
                };
                readonly path: {
                    /** @description name of an index */
                    readonly index: string;
                    /** @description a whole number from 1 */
                    readonly version: number;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: {
                readonly content: {
                    readonly "application/json": {
                        /** @description reason for the audit log, 1 to 1000 characters */
                        readonly reason?: string;
                    };
                };
            };
            readonly responses: {
                /** @description Default Response */
                readonly 202: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["IndexRetired"];
                    };
                };
            };
        };
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/lifecycles": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** List lifecycles by name */
        readonly get: {
            readonly parameters: {
                readonly query?: {
                    /** @description true lists archived lifecycles instead of those in use */
                    readonly archived?: "true" | "false";
                    /** @description a whole number from 1 to 200 */
                    readonly pageSize?: number;
                    /** @description nextPageToken of the previous page */
                    readonly pageToken?: string;
                };
                readonly header?: never;
                readonly path?: never;
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": {
                            readonly items: readonly components["schemas"]["LifecycleSummary"][];
                            readonly nextPageToken: string | null;
                        };
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/lifecycles/{name}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** Show the revision that new runs use */
        readonly get: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly name: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["LifecycleRevision"];
                    };
                };
            };
        };
        /** Apply a spec; one that loosens the policy waits for an approver (202) */
        readonly put: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly name: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody: {
                readonly content: {
                    readonly "application/json": {
                        /** @description text of the lifecycle file, at most 1 MiB, or the same as an object */
                        readonly document: string | {
                            readonly [key: string]: unknown;
                        };
                        /**
                         * @description file name for error messages
                         * @default lifecycle.yaml
                         */
                        readonly fileName?: string;
                        /**
                         * @description files that the spec names: path → text
                         * @default {}
                         */
                        readonly files?: {
                            readonly [key: string]: string;
                        };
                        /**
                         * @description folder of the caller, for relative file:// sources
                         * @default null
                         */
                        readonly folder?: string | null;
                    };
                };
            };
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["Applied"];
                    };
                };
                /** @description Default Response */
                readonly 202: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["Applied"];
                    };
                };
            };
        };
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/lifecycles/{name}/archive": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /** Archive a lifecycle: no new runs, no schedule; its champion continues to serve */
        readonly post: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly name: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody: {
                readonly content: {
                    readonly "application/json": {
                        /** @description reason for the audit log, 1 to 1000 characters */
                        readonly reason: string;
                    };
                };
            };
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["LifecycleArchive"];
                    };
                };
            };
        };
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/lifecycles/{name}/delete": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /** Delete an archived lifecycle without open runs or a champion; its records are kept */
        readonly post: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly name: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody: {
                readonly content: {
                    readonly "application/json": {
                        /** @description reason for the audit log, 1 to 1000 characters */
                        readonly reason: string;
                        /**
                         * @description withdraws the champion: requests for the model are then answered 404
                         * @default false
                         */
                        readonly stopServing?: boolean;
                    };
                };
            };
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["LifecycleArchive"];
                    };
                };
            };
        };
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/lifecycles/{name}/deliveries": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** List deliveries of notifications, newest first */
        readonly get: {
            readonly parameters: {
                readonly query?: {
                    /** @description a whole number from 1 to 200 */
                    readonly pageSize?: number;
                    /** @description nextPageToken of the previous page */
                    readonly pageToken?: string;
                    readonly status?: "pending" | "delivered" | "failed" | "gone";
                };
                readonly header?: never;
                readonly path: {
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly name: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": {
                            readonly items: readonly components["schemas"]["WebhookDelivery"][];
                            readonly nextPageToken: string | null;
                        };
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/lifecycles/{name}/files": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** Show the files of the revision in force */
        readonly get: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly name: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["LifecycleFiles"];
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/lifecycles/{name}/plan": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /** Show what applying would change */
        readonly post: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly name: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody: {
                readonly content: {
                    readonly "application/json": {
                        /** @description text of the lifecycle file, at most 1 MiB, or the same as an object */
                        readonly document: string | {
                            readonly [key: string]: unknown;
                        };
                        /**
                         * @description file name for error messages
                         * @default lifecycle.yaml
                         */
                        readonly fileName?: string;
                        /**
                         * @description files that the spec names: path → text
                         * @default {}
                         */
                        readonly files?: {
                            readonly [key: string]: string;
                        };
                        /**
                         * @description folder of the caller, for relative file:// sources
                         * @default null
                         */
                        readonly folder?: string | null;
                    };
                };
            };
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["LifecyclePlan"];
                    };
                };
            };
        };
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/lifecycles/{name}/retraining": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** Show what starts automatic runs of a lifecycle, and which brakes are in force */
        readonly get: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly name: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["Retraining"];
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/lifecycles/{name}/revisions": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** List all applied revisions, newest first */
        readonly get: {
            readonly parameters: {
                readonly query?: {
                    /** @description a whole number from 1 to 200 */
                    readonly pageSize?: number;
                    /** @description nextPageToken of the previous page */
                    readonly pageToken?: string;
                };
                readonly header?: never;
                readonly path: {
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly name: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": {
                            readonly items: readonly components["schemas"]["RevisionSummary"][];
                            readonly nextPageToken: string | null;
                        };
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/lifecycles/{name}/revisions/{revision}/approve": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /** Approve a revision that waits, which may need more approvals (pending); not allowed for its author */
        readonly post: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly name: string;
                    /** @description a whole number from 1 */
                    readonly revision: number;
                };
                readonly cookie?: never;
            };
            readonly requestBody: {
                readonly content: {
                    readonly "application/json": {
                        /** @description reason for the audit log, 1 to 1000 characters */
                        readonly reason: string;
                        /**
                         * @description true: an admin approves their own revision; default false
                         * @default false
                         */
                        readonly selfApprove?: boolean;
                    };
                };
            };
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["LifecycleRevision"];
                    };
                };
            };
        };
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/lifecycles/{name}/revisions/{revision}/reject": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /** Discard a revision that waits for an approver */
        readonly post: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly name: string;
                    /** @description a whole number from 1 */
                    readonly revision: number;
                };
                readonly cookie?: never;
            };
            readonly requestBody: {
                readonly content: {
                    readonly "application/json": {
                        /** @description reason for the audit log, 1 to 1000 characters */
                        readonly reason: string;
                    };
                };
            };
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["LifecycleRevision"];
                    };
                };
            };
        };
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/lifecycles/{name}/runs": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /** Start a run */
        readonly post: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: {
                    /** @description 1 to 255 characters; requests with the same key take effect once */
                    readonly "idempotency-key"?: string;
                };
                readonly path: {
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly name: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: {
                readonly content: {
                    readonly "application/json": {
                        /** @description champion, challenger, previous, candidate or the number of a version; default champion */
                        readonly as?: string;
                        /** @description false runs every stage, even with unchanged inputs */
                        readonly cache?: boolean;
                        /** @description largest number of rows of a chunk; default 50000 */
                        readonly chunkRows?: number;
                        /** @description stages to run even with unchanged inputs; not together with fromStage */
                        readonly force?: readonly string[];
                        /** @description the first stage to run again */
                        readonly fromStage?: string;
                        /** @description rows to score: dataset://name@latest, @approved or the number of a version */
                        readonly input?: string;
                        /** @description columns of the input that the output repeats; default the entity and the time */
                        readonly keys?: readonly string[];
                        /**
                         * @description batch-predict scores a dataset version instead of making a model version
                         * @enum {string}
                         */
                        readonly kind?: "batch-predict";
                        /** @description largest share of rejected rows, 0 to 1; default 0.01 */
                        readonly maxErrorShare?: number;
                        /**
                         * @description fail: end the run at the first rejected row; quarantine: keep such rows apart; default quarantine
                         * @enum {string}
                         */
                        readonly onRowError?: "fail" | "quarantine";
                        /** @description name of the dataset after the lifecycle's; default predictions */
                        readonly output?: string;
                        /** @description largest number of chunks at once; default 4 */
                        readonly parallel?: number;
                        /** @description parameters of the trainer, only for this run */
                        readonly params?: {
                            readonly [key: string]: unknown;
                        };
                        /**
                         * @description low, normal or high: how often the run gets its turn while runs wait for a worker; high has four turns for one of normal, and low one for four
                         * @enum {string}
                         */
                        readonly priority?: "low" | "normal" | "high";
                        /** @description the reason, for the audit log */
                        readonly reason?: string;
                        /** @description the id of the run whose earlier stages are reused, run_… */
                        readonly reuseRun?: string;
                        /** @description the end of the window: latest, or a time with its offset such as 2013-07-01T00:00:00Z */
                        readonly until?: string;
                    };
                };
            };
            readonly responses: {
                /** @description Default Response */
                readonly 202: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["Run"];
                    };
                };
            };
        };
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/lifecycles/{name}/unarchive": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /** Restore an archived lifecycle: runs are accepted again and its schedule returns */
        readonly post: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly name: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody: {
                readonly content: {
                    readonly "application/json": {
                        /** @description reason for the audit log, 1 to 1000 characters */
                        readonly reason: string;
                    };
                };
            };
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["LifecycleArchive"];
                    };
                };
            };
        };
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/lineage": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** List the edges that lead to a node, or away from it, nearest first */
        readonly get: {
            readonly parameters: {
                readonly query: {
                    /** @description upstream or downstream */
                    readonly direction?: "upstream" | "downstream";
                    /** @description a node, such as deployment:flight-delay, model:flight-delay@7, dataset:flight-delay.flights@3 or run:run_…; without a version, the newest one */
                    readonly of: string;
                    /** @description a whole number from 1 to 200 */
                    readonly pageSize?: number;
                    /** @description nextPageToken of the previous page */
                    readonly pageToken?: string;
                };
                readonly header?: never;
                readonly path?: never;
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["Lineage"];
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/llm-costs": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** Show what requests to language models cost, by provider or by scope */
        readonly get: {
            readonly parameters: {
                readonly query?: {
                    /** @description provider with its model, or scope: the run, search or evaluation that asked first */
                    readonly by?: "provider" | "scope";
                    /** @description requests that started then or later; default 30 days ago */
                    readonly from?: string;
                    /** @description the most rows, the most expensive first */
                    readonly limit?: number;
                };
                readonly header?: never;
                readonly path?: never;
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": {
                            readonly items: readonly components["schemas"]["LlmSpend"][];
                        };
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/models": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** List models by name */
        readonly get: {
            readonly parameters: {
                readonly query?: {
                    /** @description a whole number from 1 to 200 */
                    readonly pageSize?: number;
                    /** @description nextPageToken of the previous page */
                    readonly pageToken?: string;
                };
                readonly header?: never;
                readonly path?: never;
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": {
                            readonly items: readonly components["schemas"]["ModelSummary"][];
                            readonly nextPageToken: string | null;
                        };
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/models/{model}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** Show a model with its aliases */
        readonly get: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly model: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["Model"];
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/models/{model}/aliases/{alias}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** Show the champion with its ETag */
        readonly get: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    readonly alias: "champion";
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly model: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["Champion"];
                    };
                };
            };
        };
        /** Promote a version by hand; it needs all requirements of its revision or an override, and the ETag of the alias */
        readonly put: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: {
                    /** @description 1 to 255 characters; requests with the same key take effect once */
                    readonly "idempotency-key"?: string;
                    /** @description the ETag of the alias */
                    readonly "if-match"?: string;
                };
                readonly path: {
                    readonly alias: "champion";
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly model: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody: {
                readonly content: {
                    readonly "application/json": {
                        /** @description reason to promote although requirements are not met; for an approver who did not start the run */
                        readonly override?: {
                            /** @description reason for the audit log, 1 to 1000 characters */
                            readonly reason: string;
                            /**
                             * @description true: an admin who started the run may override; default false
                             * @default false
                             */
                            readonly selfApprove?: boolean;
                        };
                        /** @description reason for the audit log, 1 to 1000 characters */
                        readonly reason: string;
                        /** @description a whole number from 1 */
                        readonly version: number;
                    };
                };
            };
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["Champion"];
                    };
                };
            };
        };
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/models/{model}/chat": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /** Send a chat to a gateway; it counts as traffic of the application */
        readonly post: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly model: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody: {
                readonly content: {
                    readonly "application/json": {
                        readonly messages: readonly {
                            readonly content: string;
                            /** @enum {string} */
                            readonly role: "user" | "assistant";
                        }[];
                        /** @description default: the version that the routing selects */
                        readonly version?: number;
                    };
                };
            };
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["TriedChat"];
                    };
                };
            };
        };
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/models/{model}/compare": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** Compare versions side by side, with the runs that made them */
        readonly get: {
            readonly parameters: {
                readonly query: {
                    /** @description 2 to 10 versions, separated by commas */
                    readonly versions: string;
                };
                readonly header?: never;
                readonly path: {
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly model: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["VersionComparison"];
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/models/{model}/explain": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** Explain why a version serves: data, evidence, policy, decision and moves */
        readonly get: {
            readonly parameters: {
                readonly query?: {
                    /** @description a whole number from 1 */
                    readonly version?: number;
                };
                readonly header?: never;
                readonly path: {
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly model: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["Explanation"];
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/models/{model}/history": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** List the moves of the champion, newest first; with `at`, those up to that time */
        readonly get: {
            readonly parameters: {
                readonly query?: {
                    /** @description an RFC 3339 time, such as 2026-01-31T12:00:00Z */
                    readonly at?: string;
                    /** @description a whole number from 1 to 200 */
                    readonly pageSize?: number;
                    /** @description nextPageToken of the previous page */
                    readonly pageToken?: string;
                };
                readonly header?: never;
                readonly path: {
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly model: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": {
                            readonly items: readonly components["schemas"]["AliasMove"][];
                            readonly nextPageToken: string | null;
                        };
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/models/{model}/imports": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /** Import a model file and start a run that evaluates and releases it */
        readonly post: {
            readonly parameters: {
                readonly query: {
                    /** @description name of the file, without a folder, for messages and lineage */
                    readonly fileName: string;
                    /** @description a job converts any other format to ONNX, with the packages that it needs */
                    readonly format?: "onnx" | "sklearn" | "lightgbm" | "xgboost";
                    /** @description Python class of the model, as in an MLmodel file */
                    readonly modelClass?: string;
                    /** @description versions with which a pickle was written, such as scikit-learn==1.7.2,numpy==2.2.6; each of scikit-learn, lightgbm, numpy, scipy, pandas, cloudpickle, skops at most once */
                    readonly packages?: string;
                    /** @description reason for the audit log, 1 to 1000 characters */
                    readonly reason?: string;
                    /** @description end of the data window, RFC 3339; default: now */
                    readonly until?: string;
                };
                readonly header?: {
                    /** @description 1 to 255 characters; requests with the same key take effect once */
                    readonly "idempotency-key"?: string;
                };
                readonly path: {
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly model: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody: {
                readonly content: {
                    readonly "application/octet-stream": string;
                };
            };
            readonly responses: {
                /** @description Default Response */
                readonly 202: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["Run"];
                    };
                };
            };
        };
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/models/{model}/rollback": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /** Make the previous champion, or a named earlier one, the champion again; new requests use it within a second */
        readonly post: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: {
                    /** @description 1 to 255 characters; requests with the same key take effect once */
                    readonly "idempotency-key"?: string;
                };
                readonly path: {
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly model: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: {
                readonly content: {
                    readonly "application/json": {
                        /** @description reason for the audit log, 1 to 1000 characters */
                        readonly reason?: string;
                        /** @description a whole number from 1 */
                        readonly to?: number;
                    };
                };
            };
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["RolledBack"];
                    };
                };
            };
        };
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/models/{model}/rollout": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** Show the open rollout, or the newest one */
        readonly get: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly model: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["Rollout"];
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/models/{model}/rollout/abort": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /** Abort a rollout and send all traffic to the champion */
        readonly post: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: {
                    /** @description 1 to 255 characters; requests with the same key take effect once */
                    readonly "idempotency-key"?: string;
                };
                readonly path: {
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly model: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: {
                readonly content: {
                    readonly "application/json": {
                        /** @description reason for the audit log, 1 to 1000 characters */
                        readonly reason?: string;
                    };
                };
            };
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["Rollout"];
                    };
                };
            };
        };
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/models/{model}/rollout/extend": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /** Add event time before a rollout ends as inconclusive */
        readonly post: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: {
                    /** @description 1 to 255 characters; requests with the same key take effect once */
                    readonly "idempotency-key"?: string;
                };
                readonly path: {
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly model: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody: {
                readonly content: {
                    readonly "application/json": {
                        /** @description reason for the audit log, 1 to 1000 characters */
                        readonly reason?: string;
                        /** @description seconds of event time to add to maxDuration, from 1 to ten years */
                        readonly seconds: number;
                    };
                };
            };
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["Rollout"];
                    };
                };
            };
        };
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/models/{model}/rollout/hold": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /** Hold a rollout in its step; detected harm still ends it */
        readonly post: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: {
                    /** @description 1 to 255 characters; requests with the same key take effect once */
                    readonly "idempotency-key"?: string;
                };
                readonly path: {
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly model: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: {
                readonly content: {
                    readonly "application/json": {
                        /** @description reason for the audit log, 1 to 1000 characters */
                        readonly reason?: string;
                    };
                };
            };
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["Rollout"];
                    };
                };
            };
        };
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/models/{model}/rollout/labels": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** List pairs of judged answers that people have not labelled yet */
        readonly get: {
            readonly parameters: {
                readonly query?: {
                    /** @description a whole number from 1 to 500 */
                    readonly limit?: number;
                };
                readonly header?: never;
                readonly path: {
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly model: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": {
                            readonly items: readonly {
                                /** @description answer of one version, not stated which; null: it was blocked and needs no label */
                                readonly first: string | null;
                                readonly predictionId: string;
                                readonly question: string;
                                readonly second: string | null;
                            }[];
                            readonly rollout: string;
                        };
                    };
                };
            };
        };
        readonly put?: never;
        /** Label answers as right or wrong, to correct the judge of the open rollout */
        readonly post: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly model: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody: {
                readonly content: {
                    readonly "application/json": {
                        /** @description 1 to 500 labels of pairs */
                        readonly labels: readonly {
                            /** @description true: right, false: wrong, null: undecided */
                            readonly first: boolean | null;
                            /** @description prediction id from the list of pairs: pred_… */
                            readonly predictionId: string;
                            /** @description true: right, false: wrong, null: undecided */
                            readonly second: boolean | null;
                        }[];
                    };
                };
            };
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": {
                            readonly labelledBefore: number;
                            readonly rollout: string;
                            readonly stored: number;
                        };
                    };
                };
            };
        };
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/models/{model}/rollout/resume": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /** Resume a held rollout */
        readonly post: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: {
                    /** @description 1 to 255 characters; requests with the same key take effect once */
                    readonly "idempotency-key"?: string;
                };
                readonly path: {
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly model: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: {
                readonly content: {
                    readonly "application/json": {
                        /** @description reason for the audit log, 1 to 1000 characters */
                        readonly reason?: string;
                    };
                };
            };
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["Rollout"];
                    };
                };
            };
        };
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/models/{model}/rollout/skip": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /** Move to the next step without waiting for the current one */
        readonly post: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: {
                    /** @description 1 to 255 characters; requests with the same key take effect once */
                    readonly "idempotency-key"?: string;
                };
                readonly path: {
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly model: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: {
                readonly content: {
                    readonly "application/json": {
                        /** @description reason for the audit log, 1 to 1000 characters */
                        readonly reason?: string;
                    };
                };
            };
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["Rollout"];
                    };
                };
            };
        };
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/models/{model}/rollouts": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** List rollouts, newest first */
        readonly get: {
            readonly parameters: {
                readonly query?: {
                    /** @description a whole number from 1 to 200 */
                    readonly pageSize?: number;
                    /** @description nextPageToken of the previous page */
                    readonly pageToken?: string;
                };
                readonly header?: never;
                readonly path: {
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly model: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": {
                            readonly items: readonly components["schemas"]["RolloutSummary"][];
                            readonly nextPageToken: string | null;
                        };
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/models/{model}/rollouts/{id}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** Show a rollout */
        readonly get: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    /** @description a rollout id: roll_… */
                    readonly id: string;
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly model: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["Rollout"];
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/models/{model}/rollouts/{id}/traffic": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** Show the requests of a rollout over event time by arm, oldest first */
        readonly get: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    /** @description a rollout id: roll_… */
                    readonly id: string;
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly model: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["RolloutTrafficHistory"];
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/models/{model}/try": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /** Send one row to a gateway; it counts as traffic of the model */
        readonly post: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly model: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody: {
                readonly content: {
                    readonly "application/json": {
                        /**
                         * @description true: also return the computed features; needs the scope operator
                         * @default false
                         */
                        readonly features?: boolean;
                        /** @description a request row: value by column */
                        readonly row: {
                            readonly [key: string]: unknown;
                        };
                        /** @description default: the version that the routing selects */
                        readonly version?: number;
                    };
                };
            };
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["TriedPrediction"];
                    };
                };
            };
        };
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/models/{model}/versions": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** List the versions of a model, newest first */
        readonly get: {
            readonly parameters: {
                readonly query?: {
                    /** @description a whole number from 1 to 200 */
                    readonly pageSize?: number;
                    /** @description nextPageToken of the previous page */
                    readonly pageToken?: string;
                };
                readonly header?: never;
                readonly path: {
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly model: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": {
                            readonly items: readonly components["schemas"]["ModelVersion"][];
                            readonly nextPageToken: string | null;
                        };
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/models/{model}/versions/{version}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** Show a model version */
        readonly get: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly model: string;
                    /** @description a whole number from 1 */
                    readonly version: number;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["ModelVersion"];
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/models/{model}/versions/{version}/files/{file}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** Download the graph or the features of a model version, verified by digest */
        readonly get: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    /** @description model.onnx: the graph; features.sql: its features */
                    readonly file: "model.onnx" | "features.sql";
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly model: string;
                    /** @description a whole number from 1 */
                    readonly version: number;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/octet-stream": string;
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/monitors": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** List the monitors of champions */
        readonly get: {
            readonly parameters: {
                readonly query?: {
                    /** @description a whole number from 1 to 200 */
                    readonly pageSize?: number;
                    /** @description nextPageToken of the previous page */
                    readonly pageToken?: string;
                };
                readonly header?: never;
                readonly path?: never;
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": {
                            readonly items: readonly components["schemas"]["MonitorSummary"][];
                            readonly nextPageToken: string | null;
                        };
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/monitors/{model}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** Show drift, live quality, service and alarms of a champion */
        readonly get: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly model: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["Monitor"];
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/overview/attention": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** List the runs that wait for a person, self-approved revisions and the failures of the last day */
        readonly get: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path?: never;
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["Attention"];
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/overview/models": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** List models by name with champion, quality, open rollout and last run */
        readonly get: {
            readonly parameters: {
                readonly query?: {
                    /** @description a whole number from 1 to 200 */
                    readonly pageSize?: number;
                    /** @description nextPageToken of the previous page */
                    readonly pageToken?: string;
                };
                readonly header?: never;
                readonly path?: never;
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": {
                            readonly items: readonly components["schemas"]["ModelOverview"][];
                            readonly nextPageToken: string | null;
                        };
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/platform": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** Show the caller’s key and the status of each part of the platform */
        readonly get: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path?: never;
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["Platform"];
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/policies/what-if": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /** Evaluate other gates, or another canary, on the same evidence; nothing is stored */
        readonly post: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path?: never;
                readonly cookie?: never;
            };
            readonly requestBody: {
                readonly content: {
                    readonly "application/json": {
                        /** @description a canary as in a lifecycle of the decision’s kind; for decisions made in canary */
                        readonly canary?: unknown;
                        /** @description a decision id: dec_… */
                        readonly decision: string;
                        /** @description gates as in a lifecycle of the decision’s kind; for decisions made in evaluate */
                        readonly gates?: readonly unknown[];
                    };
                };
            };
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["WhatIf"];
                    };
                };
            };
        };
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/predictions": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** List logged predictions, newest first, without their texts */
        readonly get: {
            readonly parameters: {
                readonly query?: {
                    /** @description one of champion, challenger, previous, direct, probe; default: every arm except probe */
                    readonly arm?: "champion" | "challenger" | "previous" | "direct" | "probe";
                    /** @description true or false: whether a safety policy blocked the answer */
                    readonly blocked?: "true" | "false";
                    /** @description name of a model or an application */
                    readonly model?: string;
                    /** @description a whole number from 1 to 200 */
                    readonly pageSize?: number;
                    /** @description nextPageToken of the previous page */
                    readonly pageToken?: string;
                    /** @description received at or after this RFC 3339 time */
                    readonly since?: string;
                    /** @description received before this RFC 3339 time */
                    readonly until?: string;
                    /** @description most severe outcome of the safety policy for any side */
                    readonly verdict?: "blocked" | "redacted" | "flagged" | "passed";
                    /** @description a whole number from 1 */
                    readonly version?: number;
                };
                readonly header?: never;
                readonly path?: never;
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": {
                            readonly items: readonly components["schemas"]["PredictionSummary"][];
                            readonly nextPageToken: string | null;
                        };
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/predictions/{id}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** Show the version that answered, the safety outcome, the sources and the feedback */
        readonly get: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    /** @description a prediction id from a response: pred_… */
                    readonly id: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["Prediction"];
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/predictions/{id}/texts": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** Show texts kept by a policy with keepText; the audit log records who read them */
        readonly get: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    /** @description a prediction id from a response: pred_… */
                    readonly id: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["PredictionTexts"];
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/projects/{project}/builds": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** List the builds of a project, newest first, at most 100 */
        readonly get: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly project: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": readonly components["schemas"]["ProjectBuild"][];
                    };
                };
            };
        };
        readonly put?: never;
        /** Store a compiled project; its code runs in workers, so this needs an admin, and one of the platform where workers do not confine it */
        readonly post: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly project: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody: {
                readonly content: {
                    readonly "application/json": {
                        /**
                         * @description files of Python steps by path, as base64
                         * @default {}
                         */
                        readonly files?: {
                            readonly [key: string]: string;
                        };
                        /** @description names of the lifecycles, which are the workflow types of the bundle */
                        readonly lifecycles: readonly string[];
                        /**
                         * @description locked Python packages; null without
                         * @default null
                         */
                        readonly lock?: string | null;
                        /** @description module that exports the stages, as JavaScript */
                        readonly stages: string;
                        /** @description workflow bundle as JavaScript */
                        readonly workflows: string;
                    };
                };
            };
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["StoredProjectBuild"];
                    };
                };
            };
        };
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/prompts": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** List prompts by name */
        readonly get: {
            readonly parameters: {
                readonly query?: {
                    /** @description a whole number from 1 to 200 */
                    readonly pageSize?: number;
                    /** @description nextPageToken of the previous page */
                    readonly pageToken?: string;
                };
                readonly header?: never;
                readonly path?: never;
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": {
                            readonly items: readonly components["schemas"]["PromptSummary"][];
                            readonly nextPageToken: string | null;
                        };
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/prompts/{prompt}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** Show a prompt with its branches and labels */
        readonly get: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly prompt: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["Prompt"];
                    };
                };
            };
        };
        /** Write a version to a branch; identical content keeps its version */
        readonly put: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: {
                    /** @description 1 to 255 characters; requests with the same key take effect once */
                    readonly "idempotency-key"?: string;
                };
                readonly path: {
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly prompt: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody: {
                readonly content: {
                    readonly "application/json": {
                        /**
                         * @description lower-case letters, digits and dashes, beginning with a letter, at most 63
                         * @default main
                         */
                        readonly branch?: string;
                        /** @description text of a Prompt file, at most 1 MiB, or the same as an object */
                        readonly document: string | {
                            readonly [key: string]: unknown;
                        };
                        /**
                         * @description file name for error messages
                         * @default prompt.yaml
                         */
                        readonly fileName?: string;
                        /** @description version that was edited; refused if the branch has moved since */
                        readonly parent?: number;
                        /**
                         * @description reason for the audit log, 1 to 1000 characters
                         * @default written by hand
                         */
                        readonly reason?: string;
                    };
                };
            };
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["PromptWritten"];
                    };
                };
            };
        };
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/prompts/{prompt}/diff": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** Show the differences between two versions */
        readonly get: {
            readonly parameters: {
                readonly query: {
                    /** @description a version, a branch or a label */
                    readonly from: string;
                    /** @description a version, a branch or a label */
                    readonly to: string;
                };
                readonly header?: never;
                readonly path: {
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly prompt: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["PromptDiff"];
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/prompts/{prompt}/evaluations": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /** Evaluate a prompt version on cases; the same request continues the same evaluation and never pays for an answer twice */
        readonly post: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly prompt: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody: {
                readonly content: {
                    readonly "application/json": {
                        /**
                         * @description budget in US dollars; with a larger budget, the same evaluation continues
                         * @default null
                         */
                        readonly budgetUsd?: number | null;
                        /** @description NDJSON, one case per line with id, input and expected */
                        readonly cases: string;
                        /** @description the measurements of each case: the dimension to optimize and, if it is a robustness, the dimension it refers to */
                        readonly dimensions: readonly ({
                            /** @enum {string} */
                            readonly kind: "exact";
                            /** @description the name of the dimension, which gates use: lower-case letters, digits and hyphens, 63 at most, beginning with a letter */
                            readonly name: string;
                        } | {
                            /** @enum {string} */
                            readonly kind: "f1";
                            /** @description the name of the dimension, which gates use: lower-case letters, digits and hyphens, 63 at most, beginning with a letter */
                            readonly name: string;
                        } | {
                            /** @enum {string} */
                            readonly kind: "label";
                            /** @description all possible labels */
                            readonly labels: readonly string[];
                            /** @description the name of the dimension, which gates use: lower-case letters, digits and hyphens, 63 at most, beginning with a letter */
                            readonly name: string;
                        } | {
                            /** @enum {string} */
                            readonly kind: "regex";
                            /** @description the name of the dimension, which gates use: lower-case letters, digits and hyphens, 63 at most, beginning with a letter */
                            readonly name: string;
                            /** @description a regular expression */
                            readonly pattern: string;
                        } | {
                            /** @enum {string} */
                            readonly kind: "json";
                            /** @description the name of the dimension, which gates use: lower-case letters, digits and hyphens, 63 at most, beginning with a letter */
                            readonly name: string;
                            /**
                             * @description a JSON Schema, or null for the one of each case
                             * @default null
                             */
                            readonly schema?: {
                                readonly [key: string]: unknown;
                            } | null;
                        } | {
                            /** @enum {string} */
                            readonly kind: "rules";
                            /** @description the name of the dimension, which gates use: lower-case letters, digits and hyphens, 63 at most, beginning with a letter */
                            readonly name: string;
                            /**
                             * @description rules for every answer, in addition to those of its case
                             * @default []
                             */
                            readonly rules?: readonly ({
                                /** @description whether upper and lower case are the same */
                                readonly ignoreCase?: boolean;
                                /** @enum {string} */
                                readonly kind: "contains";
                                /** @description the text to look for */
                                readonly text: string;
                            } | {
                                /** @description whether upper and lower case are the same */
                                readonly ignoreCase?: boolean;
                                /** @enum {string} */
                                readonly kind: "excludes";
                                /** @description the text to look for */
                                readonly text: string;
                            } | {
                                /** @description whether upper and lower case are the same */
                                readonly ignoreCase?: boolean;
                                /** @enum {string} */
                                readonly kind: "startsWith";
                                /** @description the text to look for */
                                readonly text: string;
                            } | {
                                /** @description whether upper and lower case are the same */
                                readonly ignoreCase?: boolean;
                                /** @enum {string} */
                                readonly kind: "equals";
                                /** @description the text to look for */
                                readonly text: string;
                            } | {
                                /** @enum {string} */
                                readonly kind: "matches";
                                /** @description a regular expression */
                                readonly pattern: string;
                            } | {
                                /** @enum {string} */
                                readonly kind: "matchesNot";
                                /** @description a regular expression */
                                readonly pattern: string;
                            } | {
                                /** @enum {string} */
                                readonly kind: "words";
                                /** @description largest number of words */
                                readonly max?: number;
                                /** @description smallest number of words */
                                readonly min?: number;
                            } | {
                                /** @enum {string} */
                                readonly kind: "json";
                                /** @description a JSON Schema */
                                readonly schema?: {
                                    readonly [key: string]: unknown;
                                };
                            } | {
                                /** @enum {string} */
                                readonly kind: "anyOf";
                                /** @description rules of which at least one must hold */
                                readonly rules: readonly ({
                                    /** @description whether upper and lower case are the same */
                                    readonly ignoreCase?: boolean;
                                    /** @enum {string} */
                                    readonly kind: "contains";
                                    /** @description the text to look for */
                                    readonly text: string;
                                } | {
                                    /** @description whether upper and lower case are the same */
                                    readonly ignoreCase?: boolean;
                                    /** @enum {string} */
                                    readonly kind: "excludes";
                                    /** @description the text to look for */
                                    readonly text: string;
                                } | {
                                    /** @description whether upper and lower case are the same */
                                    readonly ignoreCase?: boolean;
                                    /** @enum {string} */
                                    readonly kind: "startsWith";
                                    /** @description the text to look for */
                                    readonly text: string;
                                } | {
                                    /** @description whether upper and lower case are the same */
                                    readonly ignoreCase?: boolean;
                                    /** @enum {string} */
                                    readonly kind: "equals";
                                    /** @description the text to look for */
                                    readonly text: string;
                                } | {
                                    /** @enum {string} */
                                    readonly kind: "matches";
                                    /** @description a regular expression */
                                    readonly pattern: string;
                                } | {
                                    /** @enum {string} */
                                    readonly kind: "matchesNot";
                                    /** @description a regular expression */
                                    readonly pattern: string;
                                } | {
                                    /** @enum {string} */
                                    readonly kind: "words";
                                    /** @description largest number of words */
                                    readonly max?: number;
                                    /** @description smallest number of words */
                                    readonly min?: number;
                                } | {
                                    /** @enum {string} */
                                    readonly kind: "json";
                                    /** @description a JSON Schema */
                                    readonly schema?: {
                                        readonly [key: string]: unknown;
                                    };
                                })[];
                            })[];
                        } | {
                            /** @enum {string} */
                            readonly kind: "similarity";
                            /** @description the name of the dimension, which gates use: lower-case letters, digits and hyphens, 63 at most, beginning with a letter */
                            readonly name: string;
                        } | {
                            /** @enum {string} */
                            readonly kind: "groundedness";
                            /** @description the name of the dimension, which gates use: lower-case letters, digits and hyphens, 63 at most, beginning with a letter */
                            readonly name: string;
                        } | {
                            /** @enum {string} */
                            readonly kind: "citations";
                            /** @description the name of the dimension, which gates use: lower-case letters, digits and hyphens, 63 at most, beginning with a letter */
                            readonly name: string;
                        } | {
                            /** @enum {string} */
                            readonly kind: "safety";
                            /** @description the name of the dimension, which gates use: lower-case letters, digits and hyphens, 63 at most, beginning with a letter */
                            readonly name: string;
                        } | {
                            /** @enum {string} */
                            readonly kind: "retrieval";
                            /**
                             * @description recall@k or ndcg@k with k from 1 to 100, or mrr
                             * @default recall@5
                             */
                            readonly metric?: string | "mrr";
                            /** @description the name of the dimension, which gates use: lower-case letters, digits and hyphens, 63 at most, beginning with a letter */
                            readonly name: string;
                        } | {
                            /** @enum {string} */
                            readonly kind: "consistency";
                            /** @description the name of the dimension, which gates use: lower-case letters, digits and hyphens, 63 at most, beginning with a letter */
                            readonly name: string;
                            /**
                             * @description number of repeats, from 2 to 20
                             * @default 3
                             */
                            readonly repeats?: number;
                        } | {
                            /** @enum {string} */
                            readonly kind: "robustness";
                            /** @description the name of the dimension, which gates use: lower-case letters, digits and hyphens, 63 at most, beginning with a letter */
                            readonly name: string;
                            /** @description the dimension whose score should stay the same: lower-case letters, digits and hyphens, 63 at most, beginning with a letter */
                            readonly of: string;
                            /** @description how the variable is changed */
                            readonly perturbations: readonly ({
                                /**
                                 * @description one in this many words gets a typing error
                                 * @default 5
                                 */
                                readonly every?: number;
                                /** @enum {string} */
                                readonly kind: "typos";
                            } | {
                                /** @enum {string} */
                                readonly kind: "upperCase";
                            } | {
                                /** @enum {string} */
                                readonly kind: "lowerCase";
                            } | {
                                /** @enum {string} */
                                readonly kind: "order";
                            } | {
                                /** @enum {string} */
                                readonly kind: "distractor";
                                /** @description texts that are irrelevant to the question */
                                readonly texts: readonly string[];
                            } | {
                                /** @description length of the variable afterwards, in characters */
                                readonly characters: number;
                                /** @description texts to fill the context with */
                                readonly filler: readonly string[];
                                /** @enum {string} */
                                readonly kind: "longContext";
                            } | {
                                /** @enum {string} */
                                readonly kind: "paraphrase";
                                /**
                                 * @description smallest cosine similarity of both texts, from 0 to 1, if there is an embedder; other paraphrases are not asked
                                 * @default 0.8
                                 */
                                readonly minSimilarity?: number;
                                /** @description the model that paraphrases the question */
                                readonly model: string;
                                /**
                                 * @description embedded, or the name of a provider that the operator configured: lower-case letters, digits and hyphens, 63 at most, beginning with a letter
                                 * @default embedded
                                 */
                                readonly provider?: string;
                            })[];
                            /** @description the variable that is perturbed */
                            readonly variable: string;
                        } | {
                            /** @enum {string} */
                            readonly kind: "judge";
                            /** @description the path of an NDJSON file of answers that people have labelled, with case, answer and right; gates on this dimension need it */
                            readonly labels?: string | null;
                            /** @description the model that judges */
                            readonly model: string;
                            /** @description the name of the dimension, which gates use: lower-case letters, digits and hyphens, 63 at most, beginning with a letter */
                            readonly name: string;
                            /** @description the path of the Prompt file that asks for the verdict */
                            readonly prompt: string;
                            /**
                             * @description embedded, or the name of a provider that the operator configured: lower-case letters, digits and hyphens, 63 at most, beginning with a letter
                             * @default embedded
                             */
                            readonly provider?: string;
                        })[];
                        /**
                         * @description file name for error messages
                         * @default cases.ndjson
                         */
                        readonly fileName?: string;
                        /** @description the model that answers: provider and name */
                        readonly model: {
                            /** @description the provider's name of the model */
                            readonly name: string;
                            /**
                             * @description embedded, or the name of a provider that the operator configured: lower-case letters, digits and hyphens, 63 at most, beginning with a letter
                             * @default embedded
                             */
                            readonly provider?: string;
                            /**
                             * @description models that answer, in this order, when the first is not available; in a lifecycle only those that pass the gates
                             * @default []
                             */
                            readonly standby?: readonly {
                                /** @description the provider's name of the model */
                                readonly model: string;
                                /** @description embedded, or the name of a provider that the operator configured: lower-case letters, digits and hyphens, 63 at most, beginning with a letter */
                                readonly provider: string;
                            }[];
                        };
                        /**
                         * @description number of concurrent questions, from 1 to 256
                         * @default 4
                         */
                        readonly parallel?: number;
                        /**
                         * @description a version, a branch or a label
                         * @default main
                         */
                        readonly ref?: string;
                        /**
                         * @description how the model samples its answer
                         * @default {}
                         */
                        readonly sampling?: {
                            /**
                             * @description largest number of tokens of an answer, above 0
                             * @default 256
                             */
                            readonly maxTokens?: number;
                            /**
                             * @description random seed of the answers, or null so that repeats may differ
                             * @default 17
                             */
                            readonly seed?: number | null;
                            /**
                             * @description texts at which an answer ends
                             * @default []
                             */
                            readonly stop?: readonly string[];
                            /**
                             * @description randomness of the answers, from 0 to 2
                             * @default 0
                             */
                            readonly temperature?: number;
                            /**
                             * @description a share above 0
                             * @default 1
                             */
                            readonly topP?: number;
                        };
                    };
                };
            };
            readonly responses: {
                /** @description Default Response */
                readonly 202: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["PromptEvaluation"];
                    };
                };
            };
        };
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/prompts/{prompt}/evaluations/{id}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** Show the progress or the result of an evaluation */
        readonly get: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    /** @description an evaluation id: evaluation_… */
                    readonly id: string;
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly prompt: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["PromptEvaluation"];
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/prompts/{prompt}/evaluations/{id}/calls": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** Show the language model requests and their cost; an answer that was paid for earlier is in the report of the evaluation that paid for it */
        readonly get: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    /** @description an evaluation id: evaluation_… */
                    readonly id: string;
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly prompt: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["Calls"];
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/prompts/{prompt}/evaluations/{id}/results": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** List the answer and the scores of each case */
        readonly get: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    /** @description an evaluation id: evaluation_… */
                    readonly id: string;
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly prompt: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": {
                            /** @description one entry per case, in case order */
                            readonly items: readonly components["schemas"]["CaseResult"][];
                        };
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/prompts/{prompt}/history": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** List the moves of branches and labels, newest first */
        readonly get: {
            readonly parameters: {
                readonly query?: {
                    /** @description a whole number from 1 to 200 */
                    readonly pageSize?: number;
                    /** @description nextPageToken of the previous page */
                    readonly pageToken?: string;
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly ref?: string;
                };
                readonly header?: never;
                readonly path: {
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly prompt: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": {
                            readonly items: readonly components["schemas"]["PromptMove"][];
                            readonly nextPageToken: string | null;
                        };
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/prompts/{prompt}/labels/{label}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** Show the version of a label, with its ETag */
        readonly get: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly label: string;
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly prompt: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["PromptLabel"];
                    };
                };
            };
        };
        /** Point a label at a version; needs the ETag of the label */
        readonly put: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: {
                    /** @description 1 to 255 characters; requests with the same key take effect once */
                    readonly "idempotency-key"?: string;
                    /** @description the ETag of the label */
                    readonly "if-match"?: string;
                };
                readonly path: {
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly label: string;
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly prompt: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody: {
                readonly content: {
                    readonly "application/json": {
                        /** @description reason for the audit log, 1 to 1000 characters */
                        readonly reason: string;
                        /** @description a whole number from 1 */
                        readonly version: number;
                    };
                };
            };
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["PromptLabel"];
                    };
                };
            };
        };
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/prompts/{prompt}/labels/{label}/rollback": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /** Point a label at its previous version, or at a named earlier one */
        readonly post: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: {
                    /** @description 1 to 255 characters; requests with the same key take effect once */
                    readonly "idempotency-key"?: string;
                };
                readonly path: {
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly label: string;
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly prompt: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: {
                readonly content: {
                    readonly "application/json": {
                        /** @description reason for the audit log, 1 to 1000 characters */
                        readonly reason?: string;
                        /** @description a whole number from 1 */
                        readonly to?: number;
                    };
                };
            };
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["PromptRolledBack"];
                    };
                };
            };
        };
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/prompts/{prompt}/searches": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** List searches, newest first */
        readonly get: {
            readonly parameters: {
                readonly query?: {
                    /** @description a whole number from 1 to 200 */
                    readonly pageSize?: number;
                    /** @description nextPageToken of the previous page */
                    readonly pageToken?: string;
                };
                readonly header?: never;
                readonly path: {
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly prompt: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": {
                            readonly items: readonly components["schemas"]["PromptSearch"][];
                            readonly nextPageToken: string | null;
                        };
                    };
                };
            };
        };
        readonly put?: never;
        /** Start a search for a better prompt; the same request continues the same search, also after a failure */
        readonly post: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly prompt: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody: {
                readonly content: {
                    readonly "application/json": {
                        /** @description NDJSON, one case per line with id, input and expected; held-out cases are chosen from them */
                        readonly cases: string;
                        /** @description the measurements of each case: the dimension to optimize and, if it is a robustness, the dimension it refers to */
                        readonly dimensions: readonly ({
                            /** @enum {string} */
                            readonly kind: "exact";
                            /** @description the name of the dimension, which gates use: lower-case letters, digits and hyphens, 63 at most, beginning with a letter */
                            readonly name: string;
                        } | {
                            /** @enum {string} */
                            readonly kind: "f1";
                            /** @description the name of the dimension, which gates use: lower-case letters, digits and hyphens, 63 at most, beginning with a letter */
                            readonly name: string;
                        } | {
                            /** @enum {string} */
                            readonly kind: "label";
                            /** @description all possible labels */
                            readonly labels: readonly string[];
                            /** @description the name of the dimension, which gates use: lower-case letters, digits and hyphens, 63 at most, beginning with a letter */
                            readonly name: string;
                        } | {
                            /** @enum {string} */
                            readonly kind: "regex";
                            /** @description the name of the dimension, which gates use: lower-case letters, digits and hyphens, 63 at most, beginning with a letter */
                            readonly name: string;
                            /** @description a regular expression */
                            readonly pattern: string;
                        } | {
                            /** @enum {string} */
                            readonly kind: "json";
                            /** @description the name of the dimension, which gates use: lower-case letters, digits and hyphens, 63 at most, beginning with a letter */
                            readonly name: string;
                            /**
                             * @description a JSON Schema, or null for the one of each case
                             * @default null
                             */
                            readonly schema?: {
                                readonly [key: string]: unknown;
                            } | null;
                        } | {
                            /** @enum {string} */
                            readonly kind: "rules";
                            /** @description the name of the dimension, which gates use: lower-case letters, digits and hyphens, 63 at most, beginning with a letter */
                            readonly name: string;
                            /**
                             * @description rules for every answer, in addition to those of its case
                             * @default []
                             */
                            readonly rules?: readonly ({
                                /** @description whether upper and lower case are the same */
                                readonly ignoreCase?: boolean;
                                /** @enum {string} */
                                readonly kind: "contains";
                                /** @description the text to look for */
                                readonly text: string;
                            } | {
                                /** @description whether upper and lower case are the same */
                                readonly ignoreCase?: boolean;
                                /** @enum {string} */
                                readonly kind: "excludes";
                                /** @description the text to look for */
                                readonly text: string;
                            } | {
                                /** @description whether upper and lower case are the same */
                                readonly ignoreCase?: boolean;
                                /** @enum {string} */
                                readonly kind: "startsWith";
                                /** @description the text to look for */
                                readonly text: string;
                            } | {
                                /** @description whether upper and lower case are the same */
                                readonly ignoreCase?: boolean;
                                /** @enum {string} */
                                readonly kind: "equals";
                                /** @description the text to look for */
                                readonly text: string;
                            } | {
                                /** @enum {string} */
                                readonly kind: "matches";
                                /** @description a regular expression */
                                readonly pattern: string;
                            } | {
                                /** @enum {string} */
                                readonly kind: "matchesNot";
                                /** @description a regular expression */
                                readonly pattern: string;
                            } | {
                                /** @enum {string} */
                                readonly kind: "words";
                                /** @description largest number of words */
                                readonly max?: number;
                                /** @description smallest number of words */
                                readonly min?: number;
                            } | {
                                /** @enum {string} */
                                readonly kind: "json";
                                /** @description a JSON Schema */
                                readonly schema?: {
                                    readonly [key: string]: unknown;
                                };
                            } | {
                                /** @enum {string} */
                                readonly kind: "anyOf";
                                /** @description rules of which at least one must hold */
                                readonly rules: readonly ({
                                    /** @description whether upper and lower case are the same */
                                    readonly ignoreCase?: boolean;
                                    /** @enum {string} */
                                    readonly kind: "contains";
                                    /** @description the text to look for */
                                    readonly text: string;
                                } | {
                                    /** @description whether upper and lower case are the same */
                                    readonly ignoreCase?: boolean;
                                    /** @enum {string} */
                                    readonly kind: "excludes";
                                    /** @description the text to look for */
                                    readonly text: string;
                                } | {
                                    /** @description whether upper and lower case are the same */
                                    readonly ignoreCase?: boolean;
                                    /** @enum {string} */
                                    readonly kind: "startsWith";
                                    /** @description the text to look for */
                                    readonly text: string;
                                } | {
                                    /** @description whether upper and lower case are the same */
                                    readonly ignoreCase?: boolean;
                                    /** @enum {string} */
                                    readonly kind: "equals";
                                    /** @description the text to look for */
                                    readonly text: string;
                                } | {
                                    /** @enum {string} */
                                    readonly kind: "matches";
                                    /** @description a regular expression */
                                    readonly pattern: string;
                                } | {
                                    /** @enum {string} */
                                    readonly kind: "matchesNot";
                                    /** @description a regular expression */
                                    readonly pattern: string;
                                } | {
                                    /** @enum {string} */
                                    readonly kind: "words";
                                    /** @description largest number of words */
                                    readonly max?: number;
                                    /** @description smallest number of words */
                                    readonly min?: number;
                                } | {
                                    /** @enum {string} */
                                    readonly kind: "json";
                                    /** @description a JSON Schema */
                                    readonly schema?: {
                                        readonly [key: string]: unknown;
                                    };
                                })[];
                            })[];
                        } | {
                            /** @enum {string} */
                            readonly kind: "similarity";
                            /** @description the name of the dimension, which gates use: lower-case letters, digits and hyphens, 63 at most, beginning with a letter */
                            readonly name: string;
                        } | {
                            /** @enum {string} */
                            readonly kind: "groundedness";
                            /** @description the name of the dimension, which gates use: lower-case letters, digits and hyphens, 63 at most, beginning with a letter */
                            readonly name: string;
                        } | {
                            /** @enum {string} */
                            readonly kind: "citations";
                            /** @description the name of the dimension, which gates use: lower-case letters, digits and hyphens, 63 at most, beginning with a letter */
                            readonly name: string;
                        } | {
                            /** @enum {string} */
                            readonly kind: "safety";
                            /** @description the name of the dimension, which gates use: lower-case letters, digits and hyphens, 63 at most, beginning with a letter */
                            readonly name: string;
                        } | {
                            /** @enum {string} */
                            readonly kind: "retrieval";
                            /**
                             * @description recall@k or ndcg@k with k from 1 to 100, or mrr
                             * @default recall@5
                             */
                            readonly metric?: string | "mrr";
                            /** @description the name of the dimension, which gates use: lower-case letters, digits and hyphens, 63 at most, beginning with a letter */
                            readonly name: string;
                        } | {
                            /** @enum {string} */
                            readonly kind: "consistency";
                            /** @description the name of the dimension, which gates use: lower-case letters, digits and hyphens, 63 at most, beginning with a letter */
                            readonly name: string;
                            /**
                             * @description number of repeats, from 2 to 20
                             * @default 3
                             */
                            readonly repeats?: number;
                        } | {
                            /** @enum {string} */
                            readonly kind: "robustness";
                            /** @description the name of the dimension, which gates use: lower-case letters, digits and hyphens, 63 at most, beginning with a letter */
                            readonly name: string;
                            /** @description the dimension whose score should stay the same: lower-case letters, digits and hyphens, 63 at most, beginning with a letter */
                            readonly of: string;
                            /** @description how the variable is changed */
                            readonly perturbations: readonly ({
                                /**
                                 * @description one in this many words gets a typing error
                                 * @default 5
                                 */
                                readonly every?: number;
                                /** @enum {string} */
                                readonly kind: "typos";
                            } | {
                                /** @enum {string} */
                                readonly kind: "upperCase";
                            } | {
                                /** @enum {string} */
                                readonly kind: "lowerCase";
                            } | {
                                /** @enum {string} */
                                readonly kind: "order";
                            } | {
                                /** @enum {string} */
                                readonly kind: "distractor";
                                /** @description texts that are irrelevant to the question */
                                readonly texts: readonly string[];
                            } | {
                                /** @description length of the variable afterwards, in characters */
                                readonly characters: number;
                                /** @description texts to fill the context with */
                                readonly filler: readonly string[];
                                /** @enum {string} */
                                readonly kind: "longContext";
                            } | {
                                /** @enum {string} */
                                readonly kind: "paraphrase";
                                /**
                                 * @description smallest cosine similarity of both texts, from 0 to 1, if there is an embedder; other paraphrases are not asked
                                 * @default 0.8
                                 */
                                readonly minSimilarity?: number;
                                /** @description the model that paraphrases the question */
                                readonly model: string;
                                /**
                                 * @description embedded, or the name of a provider that the operator configured: lower-case letters, digits and hyphens, 63 at most, beginning with a letter
                                 * @default embedded
                                 */
                                readonly provider?: string;
                            })[];
                            /** @description the variable that is perturbed */
                            readonly variable: string;
                        } | {
                            /** @enum {string} */
                            readonly kind: "judge";
                            /** @description the path of an NDJSON file of answers that people have labelled, with case, answer and right; gates on this dimension need it */
                            readonly labels?: string | null;
                            /** @description the model that judges */
                            readonly model: string;
                            /** @description the name of the dimension, which gates use: lower-case letters, digits and hyphens, 63 at most, beginning with a letter */
                            readonly name: string;
                            /** @description the path of the Prompt file that asks for the verdict */
                            readonly prompt: string;
                            /**
                             * @description embedded, or the name of a provider that the operator configured: lower-case letters, digits and hyphens, 63 at most, beginning with a letter
                             * @default embedded
                             */
                            readonly provider?: string;
                        })[];
                        /**
                         * @description file name for error messages
                         * @default cases.ndjson
                         */
                        readonly fileName?: string;
                        /** @description the model that answers: provider and name */
                        readonly model: {
                            /** @description the provider's name of the model */
                            readonly name: string;
                            /**
                             * @description embedded, or the name of a provider that the operator configured: lower-case letters, digits and hyphens, 63 at most, beginning with a letter
                             * @default embedded
                             */
                            readonly provider?: string;
                            /**
                             * @description models that answer, in this order, when the first is not available; in a lifecycle only those that pass the gates
                             * @default []
                             */
                            readonly standby?: readonly {
                                /** @description the provider's name of the model */
                                readonly model: string;
                                /** @description embedded, or the name of a provider that the operator configured: lower-case letters, digits and hyphens, 63 at most, beginning with a letter */
                                readonly provider: string;
                            }[];
                        };
                        /**
                         * @description number of concurrent questions, from 1 to 256
                         * @default 4
                         */
                        readonly parallel?: number;
                        /**
                         * @description version to start from: a number, a branch or a label
                         * @default main
                         */
                        readonly ref?: string;
                        /**
                         * @description how the model samples its answer
                         * @default {}
                         */
                        readonly sampling?: {
                            /**
                             * @description largest number of tokens of an answer, above 0
                             * @default 256
                             */
                            readonly maxTokens?: number;
                            /**
                             * @description random seed of the answers, or null so that repeats may differ
                             * @default 17
                             */
                            readonly seed?: number | null;
                            /**
                             * @description texts at which an answer ends
                             * @default []
                             */
                            readonly stop?: readonly string[];
                            /**
                             * @description randomness of the answers, from 0 to 2
                             * @default 0
                             */
                            readonly temperature?: number;
                            /**
                             * @description a share above 0
                             * @default 1
                             */
                            readonly topP?: number;
                        };
                        /** @description a search for a better prompt */
                        readonly search: {
                            /**
                             * @description budget of the search in US dollars; null for none of its own
                             * @default null
                             */
                            readonly budgetUsd?: number | null;
                            /**
                             * @description share of the cases that are kept to confirm the winner, from 0.1 to 0.9
                             * @default 0.4
                             */
                            readonly confirm?: number;
                            /**
                             * @description how rounds drop the worse prompts: firstCases and eta
                             * @default {}
                             */
                            readonly halving?: {
                                /**
                                 * @description after a round, 1/eta of the prompts continue with eta times as many cases
                                 * @default 3
                                 */
                                readonly eta?: number;
                                /**
                                 * @description number of cases of the first round
                                 * @default 8
                                 */
                                readonly firstCases?: number;
                            };
                            /** @description the sources of new variants: grid, fewShot and mutate */
                            readonly proposers: readonly ({
                                /** @description texts to replace; the grid combines all options */
                                readonly axes: readonly {
                                    /** @description the text that the options replace */
                                    readonly find: string;
                                    /**
                                     * @description index of the message, from 0
                                     * @default 0
                                     */
                                    readonly message?: number;
                                    /** @description texts to try */
                                    readonly options: readonly string[];
                                }[];
                                /** @enum {string} */
                                readonly kind: "grid";
                            } | {
                                /**
                                 * @description number of random draws for each size
                                 * @default 8
                                 */
                                readonly draws?: number;
                                /** @enum {string} */
                                readonly kind: "fewShot";
                                /**
                                 * @description number of cases to draw examples from; these cases are not scored
                                 * @default 32
                                 */
                                readonly pool?: number;
                                /**
                                 * @description numbers of examples to try
                                 * @default [
                                 *       2,
                                 *       4,
                                 *       8
                                 *     ]
                                 */
                                readonly sizes?: readonly number[];
                            } | {
                                /**
                                 * @description number of rewrites of each of them
                                 * @default 4
                                 */
                                readonly children?: number;
                                /** @enum {string} */
                                readonly kind: "mutate";
                                /** @description the model that rewrites prompts */
                                readonly model: string;
                                /**
                                 * @description number of best prompts to rewrite after each round
                                 * @default 3
                                 */
                                readonly parents?: number;
                                /** @description the name of a provider that the operator configured: lower-case letters, digits and hyphens, 63 at most, beginning with a letter */
                                readonly provider: string;
                            })[];
                            /** @description the dimension to optimize: lower-case letters, digits and hyphens, 63 at most, beginning with a letter */
                            readonly quality: string;
                            /**
                             * @description random seed, a whole number from 0
                             * @default 1
                             */
                            readonly seed?: number;
                            /**
                             * @description largest number of prompts, from 2 to 10000
                             * @default 64
                             */
                            readonly variants?: number;
                        };
                    };
                };
            };
            readonly responses: {
                /** @description Default Response */
                readonly 202: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["PromptSearch"];
                    };
                };
            };
        };
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/prompts/{prompt}/searches/{id}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** Show the progress or the result of a search */
        readonly get: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    /** @description a search id: search_… */
                    readonly id: string;
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly prompt: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["PromptSearchDetail"];
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/prompts/{prompt}/searches/{id}/calls": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** Show the language model requests and their cost; an answer that was paid for earlier is in the report of the search that paid for it */
        readonly get: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    /** @description a search id: search_… */
                    readonly id: string;
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly prompt: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["Calls"];
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/prompts/{prompt}/searches/{id}/cancel": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /** Cancel a search; its answers stay in the call ledger. A search that belongs to a run is cancelled with the run */
        readonly post: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    /** @description a search id: search_… */
                    readonly id: string;
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly prompt: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 202: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["PromptSearch"];
                    };
                };
            };
        };
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/prompts/{prompt}/versions": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** List the versions of a prompt, newest first */
        readonly get: {
            readonly parameters: {
                readonly query?: {
                    /** @description a whole number from 1 to 200 */
                    readonly pageSize?: number;
                    /** @description nextPageToken of the previous page */
                    readonly pageToken?: string;
                };
                readonly header?: never;
                readonly path: {
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly prompt: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": {
                            readonly items: readonly components["schemas"]["PromptVersion"][];
                            readonly nextPageToken: string | null;
                        };
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/prompts/{prompt}/versions/{ref}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** Show a version by number, branch or label */
        readonly get: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly prompt: string;
                    /** @description a version, a branch or a label */
                    readonly ref: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["PromptVersion"];
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/prompts/{prompt}/versions/{version}/approve": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /** Approve a version, which the label production requires; not allowed for its author */
        readonly post: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: {
                    /** @description 1 to 255 characters; requests with the same key take effect once */
                    readonly "idempotency-key"?: string;
                };
                readonly path: {
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly prompt: string;
                    /** @description a whole number from 1 */
                    readonly version: number;
                };
                readonly cookie?: never;
            };
            readonly requestBody: {
                readonly content: {
                    readonly "application/json": {
                        /** @description reason for the audit log, 1 to 1000 characters */
                        readonly reason: string;
                        /**
                         * @description true: an admin approves their own version; default false
                         * @default false
                         */
                        readonly selfApprove?: boolean;
                    };
                };
            };
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": {
                            readonly approvals: number;
                            readonly prompt: string;
                            readonly version: number;
                        };
                    };
                };
            };
        };
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/retention": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** Show retention times */
        readonly get: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path?: never;
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["RetentionSettings"];
                    };
                };
            };
        };
        /** Change retention times; expired data is deleted within an hour */
        readonly put: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path?: never;
                readonly cookie?: never;
            };
            readonly requestBody?: {
                readonly content: {
                    readonly "application/json": {
                        /** @description artifacts without references, since they were last used, in days: 1 to 36500 */
                        readonly artifactIdleDays?: number;
                        /** @description answers in the call ledger, after everything that requested or used them has ended; their costs are kept, in days: 1 to 36500 */
                        readonly callAnswerDays?: number;
                        /** @description labels, in days: 1 to 36500 */
                        readonly feedbackDays?: number;
                        /** @description idempotency keys, in days: 1 to 36500 */
                        readonly idempotencyDays?: number;
                        /** @description predictions; deleted by whole days after the longest retention of any tenant, in days: 1 to 36500 */
                        readonly predictionDays?: number;
                        /** @description the feed and the effects of ended runs, and the events sent to them; runs, stages, decisions and audit rows are kept, in days: 1 to 36500 */
                        readonly runDetailDays?: number;
                    };
                };
            };
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["RetentionSettings"];
                    };
                };
            };
        };
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/runs": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** List runs, newest first */
        readonly get: {
            readonly parameters: {
                readonly query?: {
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly lifecycle?: string;
                    /** @description a whole number from 1 to 200 */
                    readonly pageSize?: number;
                    /** @description nextPageToken of the previous page */
                    readonly pageToken?: string;
                    readonly status?: "pending" | "running" | "waiting" | "paused" | "succeeded" | "stopped" | "failed" | "cancelled" | "lost";
                };
                readonly header?: never;
                readonly path?: never;
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": {
                            readonly items: readonly components["schemas"]["Run"][];
                            readonly nextPageToken: string | null;
                        };
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/runs/{id}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** Show a run with its stages */
        readonly get: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    /** @description a run id: run_… */
                    readonly id: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["RunWithStages"];
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/runs/{id}/approve": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /** Approve a run that waits for approval */
        readonly post: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    /** @description a run id: run_… */
                    readonly id: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: {
                readonly content: {
                    readonly "application/json": {
                        /** @description reason for the audit log, 1 to 1000 characters */
                        readonly comment?: string;
                        /** @description stage whose approval the voter has seen, such as approve-2; default the one that waits now */
                        readonly stage?: string;
                    };
                };
            };
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["RunState"];
                    };
                };
            };
        };
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/runs/{id}/calls": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** Show the language model requests of each stage and their cost; an answer that was paid for earlier is in the report of the run that paid for it */
        readonly get: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    /** @description a run id: run_… */
                    readonly id: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["RunCalls"];
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/runs/{id}/cancel": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /** Cancel a run and undo its effects */
        readonly post: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    /** @description a run id: run_… */
                    readonly id: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: {
                readonly content: {
                    readonly "application/json": {
                        /** @description reason for the audit log, 1 to 1000 characters */
                        readonly reason?: string;
                    };
                };
            };
            readonly responses: {
                /** @description Default Response */
                readonly 202: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["Run"];
                    };
                };
            };
        };
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/runs/{id}/evaluations": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** List the stages and arms that have answers to the cases */
        readonly get: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    /** @description a run id: run_… */
                    readonly id: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": {
                            readonly items: readonly components["schemas"]["RunEvaluation"][];
                        };
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/runs/{id}/evaluations/{digest}/cases": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** List the answer and the scores of each case, in case order */
        readonly get: {
            readonly parameters: {
                readonly query?: {
                    /** @description id of one case */
                    readonly dimension?: string;
                    /** @description true: only cases without an answer, not measured, or below passAt */
                    readonly failed?: "true" | "false";
                    /** @description a whole number from 1 to 200 */
                    readonly pageSize?: number;
                    /** @description nextPageToken of the previous page */
                    readonly pageToken?: string;
                    /** @description lowest score that passes */
                    readonly passAt?: number;
                };
                readonly header?: never;
                readonly path: {
                    /** @description digest of the results, from the list of evaluations */
                    readonly digest: string;
                    /** @description a run id: run_… */
                    readonly id: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": {
                            readonly items: readonly components["schemas"]["CaseResult"][];
                            readonly nextPageToken: string | null;
                        };
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/runs/{id}/events": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** Stream the events of a run (server-sent events); resume with Last-Event-ID; the last event is `end` */
        readonly get: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: {
                    /** @description id of the last event received */
                    readonly "last-event-id"?: string;
                };
                readonly path: {
                    /** @description a run id: run_… */
                    readonly id: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "text/event-stream": {
                            /** @description the event as JSON */
                            readonly data: string;
                            readonly event: string;
                            readonly id?: string;
                        };
                    };
                };
            };
        };
        readonly put?: never;
        /** Send an event that the run waits for, or will wait for */
        readonly post: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: {
                    /** @description 1 to 255 characters; requests with the same key take effect once */
                    readonly "idempotency-key"?: string;
                };
                readonly path: {
                    /** @description a run id: run_… */
                    readonly id: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody: {
                readonly content: {
                    readonly "application/json": {
                        /** @description JSON that matches the schema of the event, at most 64 KiB */
                        readonly data: unknown;
                        /** @description name of an event that the lifecycle declares */
                        readonly event: string;
                    };
                };
            };
            readonly responses: {
                /** @description Default Response */
                readonly 202: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["SentEvent"];
                    };
                };
            };
        };
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/runs/{id}/history": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** Read the Temporal history of a run, to replay it with other code */
        readonly get: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    /** @description a run id: run_… */
                    readonly id: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["RunHistory"];
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/runs/{id}/logs": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** Show the output of the ended jobs; with `after`, only what was added behind that cursor */
        readonly get: {
            readonly parameters: {
                readonly query?: {
                    /** @description x-perennial-log-cursor of an earlier answer */
                    readonly after?: string;
                };
                readonly header?: never;
                readonly path: {
                    /** @description a run id: run_… */
                    readonly id: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "text/plain": string;
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/runs/{id}/pause": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /** Pause a run before its next stage */
        readonly post: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    /** @description a run id: run_… */
                    readonly id: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: {
                readonly content: {
                    readonly "application/json": {
                        /** @description reason for the audit log, 1 to 1000 characters */
                        readonly reason?: string;
                    };
                };
            };
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["RunState"];
                    };
                };
            };
        };
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/runs/{id}/reject": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /** Reject a run that waits for approval */
        readonly post: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    /** @description a run id: run_… */
                    readonly id: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: {
                readonly content: {
                    readonly "application/json": {
                        /** @description reason for the audit log, 1 to 1000 characters */
                        readonly comment?: string;
                        /** @description stage whose approval the voter has seen, such as approve-2; default the one that waits now */
                        readonly stage?: string;
                    };
                };
            };
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["RunState"];
                    };
                };
            };
        };
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/runs/{id}/rerun": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /** Start a new run that reuses the earlier stages of this one */
        readonly post: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: {
                    /** @description 1 to 255 characters; requests with the same key take effect once */
                    readonly "idempotency-key"?: string;
                };
                readonly path: {
                    /** @description a run id: run_… */
                    readonly id: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: {
                readonly content: {
                    readonly "application/json": {
                        /** @description stages to run even with unchanged inputs; not together with fromStage */
                        readonly force?: readonly string[];
                        /** @description the first stage to run again, with all later ones; default the first one that failed or whose inputs change */
                        readonly fromStage?: string;
                        /** @description parameters of the trainer to change; others are kept */
                        readonly params?: {
                            readonly [key: string]: unknown;
                        };
                        /**
                         * @description low, normal or high: how often the run gets its turn while runs wait for a worker; high has four turns for one of normal, and low one for four
                         * @enum {string}
                         */
                        readonly priority?: "low" | "normal" | "high";
                        /** @description the reason, for the audit log */
                        readonly reason?: string;
                        /** @description latest, the number or the digest of a revision; default the revision of the run */
                        readonly revision?: "latest" | number | string;
                        /** @description the end of the window: latest, or a time with its offset such as 2013-07-01T00:00:00Z */
                        readonly until?: string;
                    };
                };
            };
            readonly responses: {
                /** @description Default Response */
                readonly 202: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["Run"];
                    };
                };
            };
        };
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/runs/{id}/rerun/plan": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /** Show what a rerun would change, reuse and run; nothing is started */
        readonly post: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    /** @description a run id: run_… */
                    readonly id: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: {
                readonly content: {
                    readonly "application/json": {
                        /** @description stages to run even with unchanged inputs; not together with fromStage */
                        readonly force?: readonly string[];
                        /** @description the first stage to run again, with all later ones; default the first one that failed or whose inputs change */
                        readonly fromStage?: string;
                        /** @description parameters of the trainer to change; others are kept */
                        readonly params?: {
                            readonly [key: string]: unknown;
                        };
                        /**
                         * @description low, normal or high: how often the run gets its turn while runs wait for a worker; high has four turns for one of normal, and low one for four
                         * @enum {string}
                         */
                        readonly priority?: "low" | "normal" | "high";
                        /** @description the reason, for the audit log */
                        readonly reason?: string;
                        /** @description latest, the number or the digest of a revision; default the revision of the run */
                        readonly revision?: "latest" | number | string;
                        /** @description the end of the window: latest, or a time with its offset such as 2013-07-01T00:00:00Z */
                        readonly until?: string;
                    };
                };
            };
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["RerunPlan"];
                    };
                };
            };
        };
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/runs/{id}/resume": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /** Resume a paused run */
        readonly post: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    /** @description a run id: run_… */
                    readonly id: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: {
                readonly content: {
                    readonly "application/json": {
                        /** @description reason for the audit log, 1 to 1000 characters */
                        readonly reason?: string;
                    };
                };
            };
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["RunState"];
                    };
                };
            };
        };
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/runs/{id}/trials": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** List the trials of the tuning study by number */
        readonly get: {
            readonly parameters: {
                readonly query?: {
                    /** @description a whole number from 1 to 200 */
                    readonly pageSize?: number;
                    /** @description nextPageToken of the previous page */
                    readonly pageToken?: string;
                };
                readonly header?: never;
                readonly path: {
                    /** @description a run id: run_… */
                    readonly id: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": {
                            readonly items: readonly components["schemas"]["Trial"][];
                            readonly nextPageToken: string | null;
                        };
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/runs/compare": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** Compare parameters, metrics and times of runs side by side */
        readonly get: {
            readonly parameters: {
                readonly query: {
                    /** @description 2 to 20 run ids, separated by commas */
                    readonly ids: string;
                };
                readonly header?: never;
                readonly path?: never;
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["RunComparison"];
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/schedules": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** List the schedules by the name of their lifecycle; one that was just applied may be missing for seconds */
        readonly get: {
            readonly parameters: {
                readonly query?: {
                    /** @description a whole number from 1 to 200 */
                    readonly pageSize?: number;
                    /** @description nextPageToken of the previous page */
                    readonly pageToken?: string;
                };
                readonly header?: never;
                readonly path?: never;
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": {
                            readonly items: readonly components["schemas"]["Schedule"][];
                            readonly nextPageToken: string | null;
                        };
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/schedules/{name}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** Show the schedule of a lifecycle */
        readonly get: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly name: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["Schedule"];
                    };
                };
            };
        };
        /** Change only the schedule; this makes a new revision of the lifecycle */
        readonly put: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly name: string;
                };
                readonly cookie?: never;
            };
            /** @description the times of scheduled runs: cron and timezone */
            readonly requestBody: {
                readonly content: {
                    readonly "application/json": {
                        /**
                         * @description the longest delay of a missed start, such as 1d
                         * @default 1d
                         */
                        readonly catchup?: string;
                        /** @description five fields: minute, hour, day of month, month and day of week, such as "0 3 1 * *" */
                        readonly cron: string;
                        /**
                         * @description the longest random delay of a start, such as 10m
                         * @default 0s
                         */
                        readonly jitter?: string;
                        /**
                         * @description the action while the previous run is in progress: skip, bufferOne, cancelOther or allowAll
                         * @default skip
                         * @enum {string}
                         */
                        readonly overlap?: "skip" | "bufferOne" | "cancelOther" | "allowAll";
                        /**
                         * @description true stops automatic starts
                         * @default false
                         */
                        readonly paused?: boolean;
                        /**
                         * @description a time zone, such as America/New_York
                         * @default UTC
                         */
                        readonly timezone?: string;
                    };
                };
            };
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["Schedule"];
                    };
                };
            };
        };
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/schedules/{name}/backfill": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /** Start runs for scheduled times in the past */
        readonly post: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly name: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody: {
                readonly content: {
                    readonly "application/json": {
                        /**
                         * Format: date-time
                         * @description an RFC 3339 time, such as 2026-01-31T12:00:00Z
                         */
                        readonly from: string;
                        /** @description reason for the audit log, 1 to 1000 characters */
                        readonly reason: string;
                        /**
                         * Format: date-time
                         * @description an RFC 3339 time, such as 2026-01-31T12:00:00Z
                         */
                        readonly to: string;
                    };
                };
            };
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["Schedule"];
                    };
                };
            };
        };
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/schedules/{name}/pause": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /** Pause the schedule */
        readonly post: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly name: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody: {
                readonly content: {
                    readonly "application/json": {
                        /** @description reason for the audit log, 1 to 1000 characters */
                        readonly reason: string;
                    };
                };
            };
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["Schedule"];
                    };
                };
            };
        };
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/schedules/{name}/resume": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /** Resume the schedule */
        readonly post: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly name: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody: {
                readonly content: {
                    readonly "application/json": {
                        /** @description reason for the audit log, 1 to 1000 characters */
                        readonly reason: string;
                    };
                };
            };
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["Schedule"];
                    };
                };
            };
        };
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/schedules/{name}/trigger": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /** Start a run now */
        readonly post: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly name: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody: {
                readonly content: {
                    readonly "application/json": {
                        /** @description reason for the audit log, 1 to 1000 characters */
                        readonly reason: string;
                    };
                };
            };
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["Schedule"];
                    };
                };
            };
        };
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/session": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** Show the session of this browser; null without one */
        readonly get: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path?: never;
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": {
                            /** @description null: not signed in */
                            readonly session: components["schemas"]["Session"] | null;
                        };
                    };
                };
            };
        };
        readonly put?: never;
        /** Sign in: exchange an API key for the cookie of a session */
        readonly post: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path?: never;
                readonly cookie?: never;
            };
            readonly requestBody: {
                readonly content: {
                    readonly "application/json": {
                        /** @description API key: pk_… */
                        readonly apiKey: string;
                    };
                };
            };
            readonly responses: {
                /** @description Default Response */
                readonly 201: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": {
                            readonly session: components["schemas"]["Session"];
                        };
                    };
                };
            };
        };
        /** Sign out: end the session and remove its cookie */
        readonly delete: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path?: never;
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": {
                            /** @description null: not signed in */
                            readonly session: components["schemas"]["Session"] | null;
                        };
                    };
                };
            };
        };
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/tenants": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** List tenants with their limits, by name */
        readonly get: {
            readonly parameters: {
                readonly query?: {
                    /** @description a whole number from 1 to 200 */
                    readonly pageSize?: number;
                    /** @description nextPageToken of the previous page */
                    readonly pageToken?: string;
                };
                readonly header?: never;
                readonly path?: never;
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": {
                            readonly items: readonly components["schemas"]["Tenant"][];
                            readonly nextPageToken: string | null;
                        };
                    };
                };
            };
        };
        readonly put?: never;
        /** Create a tenant and its first admin key; the response is the only place that contains the key */
        readonly post: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path?: never;
                readonly cookie?: never;
            };
            readonly requestBody: {
                readonly content: {
                    readonly "application/json": {
                        /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                        readonly name: string;
                    };
                };
            };
            readonly responses: {
                /** @description Default Response */
                readonly 201: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["CreatedTenant"];
                    };
                };
            };
        };
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/tenants/{name}/limits": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** Show the limits of a tenant */
        readonly get: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly name: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["TenantLimits"];
                    };
                };
            };
        };
        /** Change limits of a tenant; open runs and existing lifecycles stay */
        readonly put: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly name: string;
                };
                readonly cookie?: never;
            };
            /** @description limits that are not named stay as they are */
            readonly requestBody?: {
                readonly content: {
                    readonly "application/json": {
                        /**
                         * @description the period of maxCpuHours and maxUsd, in UTC: day or month
                         * @enum {string}
                         */
                        readonly costPeriod?: "day" | "month";
                        /** @description CPU-hours that jobs may use in one period, above 0; null: no limit */
                        readonly maxCpuHours?: number | null;
                        /** @description most lifecycles that are not deleted, including archived ones; null: no limit */
                        readonly maxLifecycles?: number | null;
                        /** @description most runs that have not ended, including waiting ones; null: no limit */
                        readonly maxOpenRuns?: number | null;
                        /** @description US dollars that jobs may cost in one period, above 0; null: no limit */
                        readonly maxUsd?: number | null;
                    };
                };
            };
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["TenantLimits"];
                    };
                };
            };
        };
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/tenants/{name}/resume": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /** Accept the keys of a suspended tenant again */
        readonly post: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly name: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["Tenant"];
                    };
                };
            };
        };
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/tenants/{name}/suspend": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /** Refuse all keys of a tenant and start no run of it; open runs go on */
        readonly post: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path: {
                    /** @description lower-case letters, digits and dashes, beginning with a letter, at most 63 */
                    readonly name: string;
                };
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": components["schemas"]["Tenant"];
                    };
                };
            };
        };
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/trainers": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** List trainers with their parameters */
        readonly get: {
            readonly parameters: {
                readonly query?: never;
                readonly header?: never;
                readonly path?: never;
                readonly cookie?: never;
            };
            readonly requestBody?: never;
            readonly responses: {
                /** @description Default Response */
                readonly 200: {
                    headers: {
                        readonly [name: string]: unknown;
                    };
                    content: {
                        readonly "application/json": {
                            readonly items: readonly components["schemas"]["Trainer"][];
                        };
                    };
                };
            };
        };
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        readonly AliasMove: {
            readonly actor: string;
            /** @constant */
            readonly alias: "champion";
            readonly cause: string;
            readonly decisionId: string | null;
            readonly fencing: number;
            readonly from: number | null;
            readonly id: string;
            /** @enum {string} */
            readonly kind: "promote" | "rollback" | "withdraw";
            /** Format: date-time */
            readonly movedAt: string;
            /** @description override of a promotion by hand that did not meet the requirements of its revision */
            readonly override: {
                readonly reason: string;
                /** @description by the person who started the run */
                readonly selfApproved: boolean;
                readonly unmet: readonly {
                    readonly code: string;
                    readonly detail: string;
                }[];
            } | null;
            readonly runId: string | null;
            readonly to: number | null;
        };
        readonly AliasState: {
            readonly fencing: number;
            /** Format: date-time */
            readonly movedAt: string;
            readonly version: number;
        };
        readonly ApiKey: {
            /** Format: date-time */
            readonly createdAt: string;
            readonly createdBy: string;
            readonly expiresAt: string | null;
            readonly id: string;
            readonly lastUsedAt: string | null;
            readonly name: string;
            readonly revokedAt: string | null;
            /** @enum {string} */
            readonly scope: "viewer" | "operator" | "approver" | "admin";
        };
        readonly Applied: {
            /** @description whether new runs use another revision than before */
            readonly changed: boolean;
            /** @description changed lines of the files that differ from the revision in force */
            readonly diffs: readonly {
                readonly lines: readonly string[];
                readonly path: string;
            }[];
            readonly digest: string;
            readonly lifecycle: string;
            readonly loosenings: readonly {
                readonly after?: unknown;
                readonly before?: unknown;
                readonly what: string;
                readonly why: string;
            }[];
            readonly revision: number;
            /**
             * @description pending: it loosens the policy and waits for an approver other than its author
             * @enum {string}
             */
            readonly state: "inForce" | "pending";
            /** @description sources that cannot be read, and providers and models that are not available, as far as the API can tell; a run would fail on them */
            readonly warnings: readonly string[];
        };
        readonly Approval: {
            readonly comment: string | null;
            /** Format: date-time */
            readonly createdAt: string;
            readonly id: string;
            readonly keyId: string;
            readonly keyName: string;
            readonly runId: string;
            readonly scope: string;
            /** @enum {string} */
            readonly vote: "approve" | "reject";
        };
        readonly ApprovalWait: {
            /** @description why the caller may not vote, as far as known; null: the caller may */
            readonly obstacle: string | null;
            /**
             * @description scope that a vote needs
             * @enum {string}
             */
            readonly scope: "approver" | "admin";
            readonly stage: string;
            /** Format: date-time */
            readonly until: string;
            /** @description what people approve, such as churn@7 */
            readonly what: string;
        };
        readonly ArtifactRef: {
            readonly bytes: number;
            readonly digest: string;
            readonly mediaType: string;
            readonly uri: string;
        };
        readonly Attention: {
            /** @description runs that failed or were lost within the last day, newest first, at most 100 */
            readonly failures: readonly {
                /** Format: date-time */
                readonly createdAt: string;
                readonly endedAt: string | null;
                readonly failure: {
                    readonly message: string;
                    /** @description undos that failed and need an operator */
                    readonly needsOperator?: readonly {
                        readonly message: string;
                        readonly what: string;
                    }[];
                    /** @description what to try next */
                    readonly next?: string;
                    readonly stage?: string;
                    readonly type: string;
                } | null;
                readonly id: string;
                readonly lifecycle: string;
                /** @enum {string} */
                readonly status: "pending" | "running" | "waiting" | "paused" | "succeeded" | "stopped" | "failed" | "cancelled" | "lost";
                readonly version: number | null;
                readonly waitingFor: string | null;
            }[];
            /** @description revisions in force that only their author approved */
            readonly selfApproved: readonly {
                /** Format: date-time */
                readonly approvedAt: string;
                readonly by: string;
                /**
                 * Format: date-time
                 * @description then the stricter revision before returns
                 */
                readonly expiresAt: string;
                readonly lifecycle: string;
                readonly reason: string;
                readonly revision: number;
            }[];
            /** @description runs that wait or are paused, newest first, at most 100 */
            readonly waiting: readonly {
                readonly approvals: readonly components["schemas"]["ApprovalWait"][];
                /** Format: date-time */
                readonly createdAt: string;
                readonly endedAt: string | null;
                readonly failure: {
                    readonly message: string;
                    /** @description undos that failed and need an operator */
                    readonly needsOperator?: readonly {
                        readonly message: string;
                        readonly what: string;
                    }[];
                    /** @description what to try next */
                    readonly next?: string;
                    readonly stage?: string;
                    readonly type: string;
                } | null;
                readonly id: string;
                readonly lifecycle: string;
                /** @enum {string} */
                readonly status: "pending" | "running" | "waiting" | "paused" | "succeeded" | "stopped" | "failed" | "cancelled" | "lost";
                readonly version: number | null;
                readonly waitingFor: string | null;
            }[];
        };
        readonly AuditKey: {
            /** Format: date-time */
            readonly addedAt: string;
            readonly addedBy: string;
            /** @description SHA-256 of the public key */
            readonly fingerprint: string;
            /** @description first batch that it may sign */
            readonly fromBatch: number;
            readonly keyId: string;
            /**
             * @description first: begins the log; added: for an additional machine; rotated, lost: replaces the previous key
             * @enum {string}
             */
            readonly kind: "first" | "added" | "rotated" | "lost";
            /** @description fingerprint of the key that endorses it, or that was lost */
            readonly previous: string | null;
            /** @description Ed25519, SPKI DER, base64 */
            readonly publicKey: string;
        };
        readonly AuditProof: {
            /** @description canonical JSON of the row, which is the leaf of the Merkle tree */
            readonly content: string;
            readonly head: {
                readonly batch: number;
                readonly count: number;
                /** @description of the canonical JSON of all fields but itself and the signature */
                readonly digest: string;
                /** @description position of the first row of the batch */
                readonly first: number;
                readonly keyId: string;
                /** @description digest of the head before; null for the first */
                readonly previous: string | null;
                readonly root: string;
                readonly sealedAt: string;
                /** @description Ed25519 signature of the digest, base64 */
                readonly signature: string;
                readonly tenant: string;
            };
            /** @description index of the row within its batch, from 0 */
            readonly index: number;
            /** @description sibling hashes from the leaf upwards (RFC 6962 audit path) */
            readonly path: readonly string[];
            /** @description the key that signed the head: Ed25519, SPKI DER, base64 */
            readonly publicKey: string;
        };
        readonly AuditReport: {
            readonly batches: number;
            /** @description the latest batch head, to verify from next time if nothing was found */
            readonly checkpoint: {
                readonly batch: number;
                readonly digest: string;
            } | null;
            /** @description copies that the heads were compared with */
            readonly copies: readonly {
                readonly heads: number;
                readonly place: string;
                /** @description heads that are not copied yet */
                readonly waiting: number;
            }[];
            /** @description empty: nothing was found */
            readonly findings: readonly {
                readonly batch?: number;
                readonly detail: string;
                readonly keyId?: string;
                /** @enum {string} */
                readonly kind: "changed" | "missing" | "cutOff" | "rewritten" | "badSignature" | "missingCopy" | "untrustedKey" | "changedKey";
                readonly lastBatch?: number;
                readonly place?: string;
                readonly sealedAs?: number;
            }[];
            /** @description checkpoint after which rows were verified; null: all rows were */
            readonly from: {
                readonly batch: number;
                readonly digest: string;
            } | null;
            /** @description number of findings that are not listed */
            readonly furtherFindings: number;
            readonly keys: readonly {
                /** Format: date-time */
                readonly addedAt: string;
                readonly addedBy: string;
                readonly fingerprint: string;
                readonly fromBatch: number;
                readonly keyId: string;
                /** @enum {string} */
                readonly kind: "first" | "added" | "rotated" | "lost";
                readonly previous: string | null;
                readonly trusted: boolean;
                /** @description first batch that it may no longer sign */
                readonly untilBatch: number | null;
            }[];
            readonly rows: number;
            /**
             * @description basis of trust: PERENNIAL_AUDIT_TRUSTED_KEYS, the key of this machine, or only the first registered key
             * @enum {string}
             */
            readonly trustedBy: "setting" | "ownKey" | "firstKey";
            readonly unsealed: number;
            /** @description creation time of the oldest row that is not sealed yet */
            readonly unsealedSince: string | null;
        };
        readonly AuditRow: {
            readonly action: string;
            readonly actor: string;
            readonly after: unknown;
            /** Format: date-time */
            readonly at: string;
            readonly before: unknown;
            readonly cause: string;
            readonly id: string;
            /** @description id of the API key that acted; null for the platform itself */
            readonly keyId: string | null;
            /** @description position in the sealed order; null until sealed */
            readonly sealedAs: number | null;
            readonly subject: string;
        };
        readonly Batch: {
            /** @description chunks of the plan, or scored so far */
            readonly chunks: number;
            /** @description dataset version of the rows, in the stage resolve */
            readonly input: string | null;
            /** @description model version that scores, in the stage resolve */
            readonly model: string | null;
            /** @description dataset version of the predictions, in commit */
            readonly output: string | null;
            /** @description rejected rows */
            readonly quarantined: number | null;
            /** @description rejected rows by reason */
            readonly reasons: {
                readonly [key: string]: number;
            };
            /** @description rows of the input */
            readonly rows: number;
            /** @description rate of the stage score */
            readonly rowsPerSecond: number | null;
            /** @description rows with a prediction */
            readonly scored: number | null;
        };
        /** @description assumed: part of spent whose requests never reported a result, at its maximum; reserved: requests in progress */
        readonly Budget: {
            readonly assumed: number;
            readonly limit: number;
            readonly reserved: number;
            readonly scope: string;
            readonly spent: number;
            /** @enum {string} */
            readonly unit: "usd" | "tokens" | "seconds" | "cpuHours";
        };
        readonly Calls: {
            /** @description questions with an answer */
            readonly answered: number;
            readonly asking: number;
            readonly completionTokens: number;
            readonly failed: number;
            readonly promptTokens: number;
            /** @description requests sent to providers, including failed ones */
            readonly requests: number;
            /** @description requests whose result was never received, for example because a worker died; the bill may be higher by at most this amount */
            readonly unsettled: {
                readonly requestIds: readonly string[];
                /** @description US dollars */
                readonly usd: number;
            };
            /** @description US dollars */
            readonly usd: number;
        };
        readonly CaseResult: {
            readonly answer: string | null;
            /** @description message and advice of that failure */
            readonly because?: string;
            readonly by?: {
                readonly model: string;
                readonly provider: string;
                readonly standsIn: boolean;
            };
            /** @description US dollars */
            readonly costUsd: number | null;
            /** @description answered for another run or stage, so its latency comes from another load */
            readonly earlier?: boolean;
            /** @description expected answer, if the case has one */
            readonly expected?: unknown;
            readonly group: string | null;
            readonly id: string;
            /** @description what was asked: values of the prompt’s variables */
            readonly input?: {
                readonly [key: string]: unknown;
            };
            readonly latencyMs: number | null;
            readonly notReworded?: readonly string[];
            readonly pair: string | null;
            readonly retrieved: readonly {
                readonly documentId: string;
            }[];
            /** @description scores by dimension */
            readonly scores: {
                readonly [key: string]: {
                    readonly detail?: string;
                    /** @constant */
                    readonly kind: "scored";
                    readonly value: number;
                } | {
                    /** @constant */
                    readonly kind: "failed";
                    readonly reason: string;
                } | {
                    /** @constant */
                    readonly kind: "notApplicable";
                };
            };
            /** @description type of the failure if there is no answer */
            readonly unanswered: string | null;
            readonly untimed?: string;
        };
        readonly Champion: {
            /** @constant */
            readonly alias: "champion";
            readonly fencing: number;
            readonly model: string;
            readonly movedAt: string | null;
            readonly version: number | null;
        };
        readonly ChosenPrompt: {
            /** @description in the order of the spec, on the selection cases */
            readonly candidates: readonly {
                readonly cases: number;
                readonly dimensions: {
                    readonly [key: string]: {
                        readonly cases: number;
                        /** @description cases that could not be measured */
                        readonly failures: number;
                        /** @description 95 % confidence interval, valid at any time */
                        readonly lower: number | null;
                        readonly mean: number | null;
                        readonly upper: number | null;
                    };
                };
                readonly medianMs: number | null;
                readonly path: string;
            }[];
            /** @description path of the prompt file */
            readonly chosen: string;
            /** @description difference between the best and the first prompt on held-out cases; null if the first was the best */
            readonly confirmed: {
                readonly difference: {
                    readonly cases: number;
                    /** @description cases that could not be measured */
                    readonly failures: number;
                    /** @description 95 % confidence interval, valid at any time */
                    readonly lower: number | null;
                    readonly mean: number | null;
                    readonly upper: number | null;
                };
                readonly path: string;
            } | null;
            /** @description comparisons on held-out cases whose lower bound is not above 0; the prompt in `against` was kept */
            readonly notShown: readonly {
                readonly against: string;
                readonly difference: {
                    readonly cases: number;
                    /** @description cases that could not be measured */
                    readonly failures: number;
                    /** @description 95 % confidence interval, valid at any time */
                    readonly lower: number | null;
                    readonly mean: number | null;
                    readonly upper: number | null;
                };
                readonly path: string;
            }[];
            /** @description null if no search was configured */
            readonly searched: {
                /** @description why fewer variants were tried than allowed; empty if all were */
                readonly fewer: readonly string[];
                /** @description candidate that the search started from */
                readonly first: string;
                /** @description prompt://name@version; null if nothing was better or the budget was spent */
                readonly found: string | null;
                /** @description gain over the starting prompt, on held-out cases */
                readonly gain: {
                    readonly cases: number;
                    /** @description cases that could not be measured */
                    readonly failures: number;
                    /** @description 95 % confidence interval, valid at any time */
                    readonly lower: number | null;
                    readonly mean: number | null;
                    readonly upper: number | null;
                } | null;
                readonly questions: number;
                /** @description variants that the budget did not cover */
                readonly unpaid: string | null;
                readonly variants: number;
            } | null;
        };
        readonly ComparedEvaluation: {
            /** @description version or baseline that the slices compare with */
            readonly against: string | null;
            /** @description null if a row had no score, or if it was not measured */
            readonly fit: components["schemas"]["ModelFit"] | null;
            /** @description judged rows of the holdout */
            readonly rows: number;
            readonly sliceMetric: string | null;
            readonly slices: readonly {
                readonly column: string;
                readonly groups: number;
                /** @description this version minus the other one; positive is worse */
                readonly increase: number | null;
                readonly lower: number | null;
                readonly rows: number;
                /** @description bound of the 95 % confidence interval */
                readonly upper: number | null;
                /** @description null pools the groups with few rows */
                readonly value: string | null;
            }[];
        };
        readonly CostRow: {
            readonly jobs: number;
            /** @description the run, model, backend, day, month or tenant */
            readonly key: string;
            /** @description of jobs that have not ended */
            readonly reservedCpuHours: number;
            readonly reservedUsd: number;
            /** @description jobs whose backend had no price; they add no money */
            readonly unpriced: number;
            readonly usedCpuHours: number;
            readonly usedUsd: number;
        };
        readonly CreatedTenant: {
            /** @description the first key; its scope is admin */
            readonly key: components["schemas"]["MadeApiKey"];
            readonly tenant: components["schemas"]["Tenant"];
        };
        readonly DatasetDiff: {
            readonly added: readonly {
                readonly name: string;
                readonly type: string;
            }[];
            /** @description false if one of the two has no statistics */
            readonly comparable: boolean;
            readonly dataset: string;
            readonly from: number;
            readonly removed: readonly {
                readonly name: string;
                readonly type: string;
            }[];
            readonly retyped: readonly {
                readonly from: string;
                readonly name: string;
                readonly to: string;
            }[];
            readonly rows: {
                readonly from: number;
                readonly to: number;
            };
            /** @description whether both versions have the same content */
            readonly same: boolean;
            /** @description columns in both versions that differ; empty if a version has no statistics */
            readonly statistics: readonly {
                readonly column: string;
                readonly from: unknown;
                readonly statistic: string;
                readonly to: unknown;
            }[];
            readonly to: number;
        };
        readonly DatasetFile: {
            readonly bytes: number;
            readonly digest: string;
            /** @description number, from 1 */
            readonly file: number;
        };
        readonly DatasetSummary: {
            readonly approved: number | null;
            /** Format: date-time */
            readonly createdAt: string;
            readonly latest: number | null;
            readonly name: string;
            readonly versions: number;
        };
        readonly DatasetVersion: {
            readonly columns: readonly {
                readonly name: string;
                readonly type: string;
            }[];
            /** Format: date-time */
            readonly createdAt: string;
            readonly dataset: string;
            readonly manifest: components["schemas"]["ArtifactRef"];
            readonly rows: number;
            readonly runId: string | null;
            /** @description one entry per column; null if there are no statistics */
            readonly statistics: unknown;
            readonly version: number;
        };
        readonly Decision: {
            /** Format: date-time */
            readonly createdAt: string;
            readonly evidence: string;
            /** @description measurements */
            readonly evidenceBody: unknown;
            readonly id: string;
            readonly policy: string;
            /** @description gates in force */
            readonly policyBody: unknown;
            readonly runId: string;
            readonly stage: string;
            readonly verdict: components["schemas"]["Verdict"];
        };
        readonly EventReceipts: {
            readonly id: string;
            /** @description false for a repetition, which changed nothing */
            readonly isNew: boolean;
            /** @description one for each lifecycle that subscribes to the type */
            readonly receipts: readonly {
                readonly lifecycle: string;
                /**
                 * @description what became of its automatic run
                 * @enum {string}
                 */
                readonly outcome: "started" | "queued" | "skipped" | "held" | "stopped" | "refused";
                readonly why: string;
            }[];
            readonly source: string;
        };
        readonly Experiment: {
            /** Format: date-time */
            readonly createdAt: string;
            readonly id: string;
            readonly name: string;
            readonly tags: {
                readonly [key: string]: string;
            };
        };
        readonly Explanation: {
            /** @description votes on its promotion, oldest first */
            readonly approvals: readonly components["schemas"]["Approval"][];
            readonly decisions: readonly components["schemas"]["Decision"][];
            /** @description manifest, policies and evidence, verified now against their digests */
            readonly digests: readonly {
                readonly detail: string | null;
                readonly digest: string;
                /** @enum {string} */
                readonly outcome: "matches" | "differs" | "gone" | "unknown";
                readonly what: string;
            }[];
            readonly lineage: readonly components["schemas"]["LineageEdge"][];
            readonly model: string;
            readonly moves: readonly components["schemas"]["AliasMove"][];
            readonly record: components["schemas"]["ModelVersion"];
            /** @description rollout in which it was the challenger */
            readonly rollout: {
                /** @description number of rollouts that compared these two versions, this one included */
                readonly attempt: number;
                readonly challenger: number;
                readonly champion: number;
                readonly decision: string | null;
                readonly endedAt: string | null;
                readonly id: string;
                readonly judge: components["schemas"]["RolloutJudge"] | null;
                /**
                 * @description how it moves traffic: by steps, never, all at once, by fixed shares, or daily
                 * @enum {string}
                 */
                readonly method: "canary" | "shadow" | "blueGreen" | "ab" | "bandit";
                readonly model: string;
                readonly runId: string;
                /** Format: date-time */
                readonly startedAt: string;
                /** @enum {string} */
                readonly status: "running" | "held" | "passed" | "promoted" | "rolledBack" | "aborted" | "superseded";
                /** @description index into steps */
                readonly step: number;
                /** @description percent of entities; 0 is shadow; of a bandit the least and the greatest share */
                readonly steps: readonly number[];
                /** @description decision of the rollout; null before */
                readonly verdict: components["schemas"]["Verdict"] | null;
                readonly waitingFor: string | null;
                /** @description the challenger’s share of entities now, 0 to 1 */
                readonly weight: number;
            } | null;
            readonly run: components["schemas"]["Run"] | null;
            readonly serves: boolean;
            readonly stages: readonly {
                readonly contracts: readonly {
                    /** @description rows that meet the contract */
                    readonly accepted: number;
                    readonly dataset: string;
                    /** @description rows that break it */
                    readonly quarantined: number;
                    /** @description rows that were checked */
                    readonly rows: number;
                    readonly source: string;
                    /** @enum {string} */
                    readonly verdict: "passed" | "failed" | "inconclusive";
                }[] | null;
                readonly name: string;
                readonly reusedFrom: string | null;
                readonly seconds: number;
                readonly status: string;
            }[];
            readonly version: number;
        };
        readonly FineTuning: {
            readonly facts: {
                readonly [key: string]: unknown;
            };
            /** @description metrics of the trainer on its held-out rows */
            readonly metrics: {
                readonly [key: string]: number;
            };
            /** @description passages of the index in the examples; null for a bundle without an index */
            readonly passages: {
                /** @description name@version */
                readonly index: string;
                /** @description passages found but not shown, by reason */
                readonly leftOut: {
                    readonly policy: number;
                    readonly room: number;
                };
                /** @description examples left out because a provider, such as the reranker’s, rejected them or returned no usable result, by reason */
                readonly refused?: {
                    readonly [key: string]: number;
                };
                /** @description total over all conversations */
                readonly shown: number;
                /** @description examples for which no passages were found or allowed */
                readonly without: number;
            } | null;
            readonly rows: {
                readonly holdout: number;
                /** @description examples without a text on one side */
                readonly leftOut: number;
                /** @description examples left out because their passages could not be retrieved */
                readonly tooLong?: number;
                readonly train: number;
            };
        };
        readonly Incident: {
            readonly acknowledgedAt: string | null;
            readonly acknowledgedBy: string | null;
            /** @description why it was resolved */
            readonly because: string | null;
            /** @description the longest waiting time after which it was escalated; 0 if it was not */
            readonly escalatedSeconds: number;
            readonly id: string;
            /** @description at most one incident of a model with this key is not resolved */
            readonly key: string;
            /** @enum {string} */
            readonly kind: "drift" | "quality" | "data" | "service" | "skew" | "volume" | "labels" | "artifact" | "retraining" | "approval" | "gateway";
            /** @description page with more details; null if PERENNIAL_PAGES_URL is not set */
            readonly link: string | null;
            /** @description null for an incident of the installation */
            readonly model: string | null;
            /** Format: date-time */
            readonly openedAt: string;
            readonly resolvedAt: string | null;
            readonly resolvedBy: string | null;
            /** @enum {string} */
            readonly severity: "warning" | "critical";
            /** @enum {string} */
            readonly status: "open" | "acknowledged" | "resolved";
            readonly story: {
                /** @description dataset versions of the training and, if the alarm is about recent data, the newest */
                readonly dataVersion: string | null;
                /** @description what Perennial has done */
                readonly engineDid: string;
                /** @description affected features, the largest effect first */
                readonly features: readonly {
                    /** @description total variation distance from the reference, 0 to 1; null if not measured */
                    readonly effect: number | null;
                    readonly name: string;
                }[];
                readonly howLarge: string | null;
                readonly since: string | null;
                readonly slice: string | null;
                /** @description what a person must do; null if nothing */
                readonly waitsFor: string | null;
                /** @description what changed */
                readonly what: string;
            };
            readonly title: string;
            /** Format: date-time */
            readonly updatedAt: string;
            /** @description how often the story was updated */
            readonly updates: number;
            readonly version: number | null;
        };
        readonly Index: {
            readonly aliases: {
                readonly champion: {
                    readonly fencing: number;
                    /** Format: date-time */
                    readonly movedAt: string;
                    readonly version: number;
                } | null;
                readonly previous: {
                    readonly fencing: number;
                    /** Format: date-time */
                    readonly movedAt: string;
                    readonly version: number;
                } | null;
            };
            readonly name: string;
            /** @description the newest 20 versions */
            readonly versions: readonly components["schemas"]["IndexVersion"][];
            /** @description document changes that versions have not applied yet, since when and why */
            readonly waiting: {
                readonly reason: string;
                readonly since: string;
                readonly versions: readonly number[];
            } | null;
        };
        readonly IndexBuild: {
            readonly build: string;
            /** @description cause of the failure */
            readonly cause: string | null;
            readonly index: string;
            readonly outcome: {
                /** @description whether it is the champion */
                readonly promoted: boolean;
                readonly report: unknown;
                readonly verdict: components["schemas"]["Verdict"] | null;
                readonly version: number;
            } | null;
            /** @description null if the build has ended, or no worker reports progress */
            readonly progress: {
                /** @enum {string} */
                readonly phase: "planning" | "embedding" | "indexing" | "catching up" | "comparing" | "answering" | "done";
                readonly shards: {
                    readonly done: number;
                    readonly of: number;
                };
                readonly version: number | null;
            } | null;
            /** @enum {string} */
            readonly status: "running" | "done" | "failed" | "cancelled";
            readonly temporalUrl: string | null;
        };
        readonly IndexChanged: {
            readonly index: string;
            /** @description position in the order of changes; a version includes it if `applied` is at least this */
            readonly seq: number;
        };
        readonly IndexMove: {
            readonly actor: string;
            /** @description application whose promotion or rollback caused the move; null for a move of the index alone */
            readonly bundle: {
                readonly model: string;
                readonly version: number;
            } | null;
            readonly cause: string;
            readonly fencing: number;
            readonly from: number | null;
            readonly id: string;
            /** @enum {string} */
            readonly kind: "promote" | "rollback";
            /** Format: date-time */
            readonly movedAt: string;
            readonly to: number;
        };
        readonly IndexRetired: {
            /**
             * @description previous state
             * @enum {string}
             */
            readonly from: "building" | "ready" | "failed" | "retired";
            readonly index: string;
            readonly version: number;
        };
        readonly IndexRolledBack: {
            readonly fencing: number;
            readonly from: number | null;
            readonly index: string;
            readonly to: number;
        };
        readonly IndexSummary: {
            /** @description version of the champion */
            readonly champion: number | null;
            /** @description number of document changes accepted so far */
            readonly changes: number;
            /** Format: date-time */
            readonly createdAt: string;
            readonly name: string;
            readonly versions: number;
        };
        readonly IndexVersion: {
            /** @description last change of documents that it includes */
            readonly applied: number;
            readonly chunks: number | null;
            /** Format: date-time */
            readonly createdAt: string;
            readonly dataset: string;
            readonly datasetVersion: number;
            /** @description digest of recipe and dataset version, used in release bundles */
            readonly digest: string;
            /** @description documents now in its table, including changes; the report counts those of the build */
            readonly documents: number | null;
            readonly index: string;
            /** @description embedder and chunking */
            readonly recipe: unknown;
            /** @description report of its build; null while it is being built */
            readonly report: unknown;
            readonly runId: string | null;
            /** @enum {string} */
            readonly state: "building" | "ready" | "failed" | "retired";
            /** Format: date-time */
            readonly updatedAt: string;
            readonly version: number;
        };
        readonly LifecycleArchive: {
            /** @description since when, by whom and why the lifecycle is archived; null while it is in use */
            readonly archived: {
                /** Format: date-time */
                readonly at: string;
                readonly by: string;
                readonly reason: string;
            } | null;
            /** @description champion, which continues to serve; null without one */
            readonly champion: number | null;
            readonly deletedAt: string | null;
            readonly lifecycle: string;
            /** @description runs that started before archiving and continue to their end, at most 20 */
            readonly openRuns: readonly string[];
        };
        readonly LifecycleFiles: {
            /** @description digest of the revision */
            readonly digest: string;
            /** @description path → text */
            readonly files: {
                readonly [key: string]: string;
            };
        };
        readonly LifecyclePlan: {
            readonly changed: boolean;
            readonly changes: readonly {
                readonly after?: unknown;
                readonly before?: unknown;
                readonly what: string;
            }[];
            readonly current: {
                readonly digest: string;
                readonly revision: number;
            } | null;
            /** @description changed lines of the files that differ from the revision in force */
            readonly diffs: readonly {
                readonly lines: readonly string[];
                readonly path: string;
            }[];
            readonly lifecycle: string;
            /** @description the same as text */
            readonly lines: readonly string[];
            /** @description rules that are less strict than before, and changes of the judged rows if approvals are required */
            readonly loosenings: readonly {
                readonly after?: unknown;
                readonly before?: unknown;
                readonly what: string;
                readonly why: string;
            }[];
            readonly next: string;
            readonly stages: readonly {
                /** @enum {string} */
                readonly action: "runs" | "mayRun" | "reused";
                readonly because: readonly string[];
                readonly stage: string;
            }[];
            /** @description sources that cannot be read, and providers and models that are not available, as far as the API can tell; a run would fail on them */
            readonly warnings: readonly string[];
        };
        readonly LifecycleRevision: {
            /** @description since when, by whom and why the lifecycle is archived; null while it is in use */
            readonly archived: {
                /** Format: date-time */
                readonly at: string;
                readonly by: string;
                readonly reason: string;
            } | null;
            /** @description parsed contract file of each source that has one, by source name */
            readonly contracts: {
                readonly [key: string]: unknown;
            };
            readonly digest: string;
            readonly files: {
                readonly [key: string]: components["schemas"]["ArtifactRef"];
            };
            readonly lifecycle: string;
            /** @description revision that loosens the policy or changes the judged rows, and waits for approvers */
            readonly pending: components["schemas"]["PendingRevision"] | null;
            readonly revision: number;
            /** @description complete spec with all defaults, durations in seconds, sizes in bytes */
            readonly spec: unknown;
        };
        readonly LifecycleSummary: {
            /** @description since when no run may begin; null while the lifecycle is in use */
            readonly archivedAt: string | null;
            /** Format: date-time */
            readonly createdAt: string;
            readonly digest: string;
            readonly kind: string;
            readonly name: string;
            readonly owner: string;
            /** @description revision that new runs use */
            readonly revision: number;
            /** Format: date-time */
            readonly updatedAt: string;
        };
        readonly Lineage: {
            readonly items: readonly components["schemas"]["LineageEdge"][];
            readonly nextPageToken: string | null;
            readonly of: {
                readonly digest?: string;
                /** @enum {string} */
                readonly kind: "source" | "dataset" | "run" | "index" | "model" | "deployment";
                readonly name: string;
                readonly version?: number;
            };
        };
        readonly LineageEdge: {
            readonly distance: number;
            readonly from: {
                readonly digest?: string;
                /** @enum {string} */
                readonly kind: "source" | "dataset" | "run" | "index" | "model" | "deployment";
                readonly name: string;
                readonly version?: number;
            };
            readonly runId: string | null;
            readonly to: {
                readonly digest?: string;
                /** @enum {string} */
                readonly kind: "source" | "dataset" | "run" | "index" | "model" | "deployment";
                readonly name: string;
                readonly version?: number;
            };
        };
        readonly LlmSpend: {
            readonly answered: number;
            readonly completionTokens: number;
            /** @description provider and model, or a scope such as run/<id> */
            readonly key: string;
            /** @description the most that requests without a received result may have cost beside */
            readonly mostUnsettledUsd: number;
            readonly promptTokens: number;
            readonly requests: number;
            /** @description US dollars */
            readonly usd: number;
        };
        readonly MadeApiKey: {
            /** @description null: never */
            readonly expiresAt: string | null;
            readonly id: string;
            /** @description returned only once */
            readonly key: string;
        };
        readonly Model: {
            readonly aliases: {
                readonly challenger: components["schemas"]["AliasState"] | null;
                readonly champion: components["schemas"]["AliasState"] | null;
                readonly previous: components["schemas"]["AliasState"] | null;
            };
            readonly inferUrl: string | null;
            readonly name: string;
            /** @description the newest 20 versions */
            readonly versions: readonly components["schemas"]["ModelVersion"][];
        };
        /** @description How scores fit the labels of the judged rows */
        readonly ModelFit: {
            /** @description rows in bins of about equal size, by score */
            readonly calibration: readonly {
                readonly rows: number;
                /** @description mean score */
                readonly score: number;
                /** @description share of rows whose label agrees */
                readonly share: number;
            }[];
            readonly confusion: {
                readonly classes: readonly string[];
                /** @description rows by label, then by predicted class */
                readonly counts: readonly (readonly number[])[];
            };
            /** @constant */
            readonly kind: "classification";
        } | {
            /** @description rows in bins of about equal size, by score */
            readonly calibration: readonly {
                readonly rows: number;
                /** @description mean score */
                readonly score: number;
                /** @description share of rows whose label agrees */
                readonly share: number;
            }[];
            readonly confusion: {
                readonly classes: readonly string[];
                /** @description rows by label, then by predicted class */
                readonly counts: readonly (readonly number[])[];
            };
            /** @constant */
            readonly kind: "multiclass";
        } | {
            readonly byPrediction: readonly {
                /** @description mean label */
                readonly label: number;
                /** @description mean prediction */
                readonly prediction: number;
                readonly rows: number;
            }[];
            /** @constant */
            readonly kind: "regression";
            /** @description histogram of prediction minus label; 1 % of the rows is left out on each side */
            readonly residuals: {
                readonly above: number;
                readonly below: number;
                /** @description rows between two edges */
                readonly counts: readonly number[];
                readonly edges: readonly number[];
            };
        };
        readonly ModelOverview: {
            readonly champion: {
                /** Format: date-time */
                readonly since: string;
                readonly version: number;
            } | null;
            readonly lastRun: {
                /** Format: date-time */
                readonly createdAt: string;
                readonly endedAt: string | null;
                readonly id: string;
                /** @enum {string} */
                readonly status: "pending" | "running" | "waiting" | "paused" | "succeeded" | "stopped" | "failed" | "cancelled" | "lost";
            } | null;
            /** @description the evaluations of the newest 12 versions, newest first */
            readonly measured: readonly {
                /** @description value and bounds of the 95 % confidence interval of each metric on the holdout */
                readonly metrics: {
                    readonly [key: string]: {
                        readonly lower: number | null;
                        readonly upper: number | null;
                        readonly value: number | null;
                    };
                };
                readonly version: number;
            }[];
            readonly name: string;
            /** @description the open rollout */
            readonly rollout: {
                readonly challenger: number;
                readonly id: string;
                /** @enum {string} */
                readonly status: "running" | "held" | "passed" | "promoted" | "rolledBack" | "aborted" | "superseded";
                readonly step: number;
                readonly steps: readonly number[];
                readonly waitingFor: string | null;
                readonly weight: number;
            } | null;
            readonly task: ("classification" | "multiclass" | "regression" | "chat") | null;
            readonly versions: number;
        };
        readonly ModelSummary: {
            readonly champion: number | null;
            /** Format: date-time */
            readonly createdAt: string;
            readonly name: string;
            readonly versions: number;
        };
        readonly ModelVersion: {
            /** Format: date-time */
            readonly createdAt: string;
            /** @description the file that was imported; null for a model that its run trained */
            readonly imported: {
                /** @description name of the key that imported it */
                readonly actor: string;
                readonly digest: string;
                readonly fileName: string;
                /** @enum {string} */
                readonly format: "onnx" | "sklearn" | "lightgbm" | "xgboost";
            } | null;
            /** @description digest of the manifest, which identifies the version in evaluation, promotion and serving */
            readonly manifest: components["schemas"]["ArtifactRef"];
            /** @description metrics that its trainer measured */
            readonly metrics: {
                readonly [key: string]: number;
            };
            readonly model: string;
            readonly runId: string;
            /** @description required request columns */
            readonly signature: {
                /** @description prompt variable that receives the user’s text */
                readonly input: string;
                /** @constant */
                readonly task: "chat";
            } | {
                /** @description classes of a multiclass model, in the order of its probabilities */
                readonly classes?: readonly string[];
                readonly entity: string | null;
                readonly features: readonly {
                    readonly name: string;
                    readonly type: string;
                }[];
                /** @constant */
                readonly output: "score";
                readonly request: readonly {
                    readonly name: string;
                    readonly type: string;
                }[];
                /** @enum {string} */
                readonly task: "classification" | "multiclass" | "regression";
                readonly time: string | null;
            };
            /** @enum {string} */
            readonly status: "candidate" | "promoted" | "rejected" | "withdrawn";
            /** Format: date-time */
            readonly updatedAt: string;
            readonly version: number;
        };
        readonly Monitor: {
            readonly alarms: readonly {
                /** @description total variation distance; of a jump, the change of the mean as a share of the range of the reference; of quality, the increase of the loss; of the volume, the distance from the nearest usual number of requests as a share of it; of labels, the decrease of the share of predictions with a label */
                readonly effect: number;
                readonly feature: string | null;
                readonly key: string;
                /** @enum {string} */
                readonly kind: "service" | "quality" | "skew" | "data" | "drift" | "volume" | "labels";
                /**
                 * Format: date-time
                 * @description event time of the first block that shows it; of the volume, the time of receipt
                 */
                readonly since: string;
                readonly title: string;
                /** @description what the alarm triggers, by the settings and the brakes of runs */
                readonly triggers: string;
            }[];
            /** @description null while event time is not known */
            readonly contradicted: {
                /** @description those whose prediction got several labels with different values */
                readonly contradicted: number;
                /** @description due labels since then */
                readonly labels: number;
                /**
                 * Format: date-time
                 * @description start of the last four weeks of event time
                 */
                readonly since: string;
            } | null;
            readonly drift: readonly {
                readonly bins: readonly {
                    readonly bin: string;
                    readonly current: number;
                    /** @description null for usual values */
                    readonly problem: ("missing" | "out-of-range" | "unseen" | "wrong-type") | null;
                    readonly reference: number;
                }[];
                /** @description total variation distance from the reference, less what chance alone gives */
                readonly effect: number;
                readonly feature: string;
                /** @description sudden changes of the mean of a number, in its units; null if they are not tested at all */
                readonly jump: {
                    readonly alarm: {
                        readonly after: number;
                        readonly before: number;
                        /** @description the change as a share of the range of the reference */
                        readonly effect: number;
                        /** @description hours from the mean before to the mean after */
                        readonly hours: number;
                        /**
                         * Format: date-time
                         * @description start of the hour that raised the alarm
                         */
                        readonly since: string;
                    } | null;
                    readonly limits: readonly {
                        /** @description the largest change in the reference */
                        readonly largest: number | null;
                        /** @description why it is not tested */
                        readonly reason: string | null;
                        /**
                         * @description near: hours at most two apart; far: at most twelve, over a gap
                         * @enum {string}
                         */
                        readonly span: "near" | "far";
                        /** @description null if it is not tested */
                        readonly tolerance: number | null;
                    }[];
                } | null;
                /** @description in standard deviations of the reference */
                readonly meanShift: number | null;
                /**
                 * @description pair: how usual the values of two features are together
                 * @enum {string}
                 */
                readonly role: "feature" | "pair" | "score";
                readonly rows: number;
                /**
                 * @description of effect, rows, meanShift and bins
                 * @enum {string}
                 */
                readonly scale: "hour" | "day" | "week";
                readonly signals: readonly {
                    readonly effect: number;
                    /**
                     * @description unusual: out of the range of the reference, or a value that it does not hold
                     * @enum {string}
                     */
                    readonly kind: "distribution" | "missing" | "unusual";
                    /** @description log-evidence of the newest block */
                    readonly logEvidence: number;
                    readonly raisedAt: string | null;
                    /** @description why it is not tested */
                    readonly reason: string | null;
                    readonly rows: number;
                    /** @enum {string} */
                    readonly scale: "hour" | "day" | "week";
                    readonly since: string | null;
                    /** @description the log-evidence that raises an alarm */
                    readonly threshold: number;
                    /** @description null if the scale is not tested */
                    readonly tolerance: number | null;
                }[];
                readonly tolerance: number | null;
            }[];
            /** @description estimate of the loss from calibrated scores, without labels; raises no alarm */
            readonly estimate: {
                readonly from: string;
                readonly loss: number;
                readonly metric: string;
                readonly rows: number;
                readonly until: string;
            } | null;
            /** @description latest event time */
            readonly eventNow: string | null;
            /** @description the comparison with the former champion while an alarm of quality is open */
            readonly fallback: {
                /** @description mean loss of the champion minus that of the former */
                readonly difference: number | null;
                /** @description why nothing more is compared */
                readonly failure: string | null;
                /** @description the version before the champion */
                readonly former: number;
                readonly isBetter: boolean;
                readonly lower: number | null;
                /** @description labelled requests that both versions scored */
                readonly n: number;
                /** @description the former serves again once `lower` is above it */
                readonly needed: number | null;
                /**
                 * Format: date-time
                 * @description event time from which labels count
                 */
                readonly since: string;
            } | null;
            /** @description whether labels stop or thin; null until the labels of a day are due */
            readonly labelFeed: {
                readonly alarm: {
                    readonly labelled: number;
                    readonly predictions: number;
                    /** @description the first UTC day of event time that shows it */
                    readonly since: string;
                    readonly until: string;
                } | null;
                /** @description the newest day whose labels are due */
                readonly newest: {
                    /** @description UTC day of event time */
                    readonly day: string;
                    /** @description those with a label within a day after it was due */
                    readonly labelled: number;
                    readonly predictions: number;
                };
                /** @description null while no day can be tested */
                readonly reference: {
                    /** @description the days before; 0: the limit is 1 − maxMissing */
                    readonly days: number;
                    /** @description the least share of labelled predictions to expect on average */
                    readonly limit: number;
                    /** @description mean share of the days before; null: maxMissing */
                    readonly usual: number | null;
                } | null;
            } | null;
            /** @description due labels that were counted since the version serves */
            readonly labels: number;
            readonly lookedAt: string | null;
            readonly model: string;
            readonly quality: {
                /** @description mean prediction minus mean label */
                readonly bias: number | null;
                readonly estimate: number;
                readonly history: readonly {
                    readonly estimate: number;
                    /** Format: date-time */
                    readonly eventTime: string;
                    readonly lower: number | null;
                    readonly n: number;
                    readonly upper: number | null;
                }[];
                /** @description the loss on the holdout plus maxDrop */
                readonly limit: number | null;
                readonly lower: number;
                readonly metric: string;
                /** @description labelled requests of the current four weeks of event time */
                readonly n: number;
                /** @description mean loss on the holdout */
                readonly reference: number | null;
                /**
                 * Format: date-time
                 * @description start of the four weeks
                 */
                readonly since: string;
                /** @description mean loss of the current four weeks; limits are in tests */
                readonly slices: readonly {
                    readonly estimate: number;
                    /** @description band of this slice alone */
                    readonly lower: number | null;
                    readonly n: number;
                    readonly slice: string;
                    readonly upper: number | null;
                }[];
                readonly tests: readonly {
                    /** @description null if it is not tested */
                    readonly limit: number | null;
                    /** @enum {string} */
                    readonly measure: "loss" | "bias";
                    /** @description why it is not tested */
                    readonly reason: string | null;
                    readonly reference: number;
                    readonly rows: number;
                    /** @enum {string} */
                    readonly scale: "day" | "week" | "fourWeeks";
                    /** @description start of the block that raised the open alarm */
                    readonly since: string | null;
                    /** @description all, or column=value */
                    readonly slice: string;
                    /** @description mean of the last whole block */
                    readonly value: number | null;
                }[];
                /** @description labelled requests since the version serves */
                readonly total: number;
                readonly upper: number;
            } | null;
            /** @description digest of the reference */
            readonly reference: string | null;
            /** @description requests that do not fit the signature of the model; null without any */
            readonly refused: {
                /** @description since the alarm began, or in these hours; the most frequent first */
                readonly causes: readonly {
                    /** @description null for an unknown column or a malformed body */
                    readonly column: string | null;
                    /** @enum {string} */
                    readonly reason: "wrong-type" | "missing" | "unknown" | "malformed";
                    /** @description refused requests; one may have several causes */
                    readonly rows: number;
                }[];
                /** @description monitor.data.maxRefused */
                readonly limit: number;
                readonly lower: number | null;
                /** @description answered, failed and refused rows of these hours; a refused request is one row */
                readonly requests: number;
                /** @description refused requests of the last 24 hours with requests */
                readonly rows: number;
                /** @description null while fewer than 20 requests keep the limit */
                readonly share: number | null;
                /** @description the first hour since which the limit is exceeded */
                readonly since: string | null;
            } | null;
            /** @description lifecycle revision of the settings */
            readonly revision: number;
            /** @description requests that were counted since the version serves */
            readonly rows: number;
            readonly service: {
                /** @description requests of these hours that got no answer */
                readonly failed: number;
                readonly hours: readonly {
                    readonly failed: number;
                    /** Format: date-time */
                    readonly hour: string;
                    readonly rows: number;
                }[];
                /** @description requests of these hours in gateways that were killed, at most; not in `failed` */
                readonly interrupted: number;
                readonly lastReceivedAt: string | null;
                /** @description an upper bound of the median latency in milliseconds */
                readonly p50Ms: number | null;
                readonly p97Ms: number | null;
                /** @description requests of the last 24 hours with requests */
                readonly rows: number;
                readonly tests: readonly {
                    /** @description hours that hold them; several if hours have few requests */
                    readonly hours: number;
                    readonly limit: number;
                    readonly lower: number | null;
                    /** @description the latency that counts as slow */
                    readonly maxMs: number | null;
                    /** @enum {string} */
                    readonly measure: "failed" | "slow";
                    /** @description requests that were tested together */
                    readonly requests: number;
                    /** @description null while fewer than 20 requests keep the limit */
                    readonly share: number | null;
                    /** @description the first hour since which the limit is exceeded */
                    readonly since: string | null;
                }[];
            } | null;
            readonly settings: {
                readonly availableAfterSeconds: number;
                readonly everySeconds: number;
                /** @enum {string} */
                readonly fallback: "none" | "previous";
                readonly falseAlarmsPerYear: number;
                readonly maxDrop: number;
                readonly maxRefused: number;
                readonly metric: string;
                readonly minEffect: number;
                /** @enum {string} */
                readonly onAlarm: "notify" | "retrain";
                readonly timezone: string;
                /** @description null if the volume is not tested */
                readonly volumeTolerance: number | null;
            } | null;
            /** @description training-serving skew of a sample of requests */
            readonly skew: {
                /** @description those that differ by at most 0.005 */
                readonly agreeing: number;
                /** @description requests with a logged score */
                readonly compared: number;
                /** @description why nothing was compared */
                readonly failure: string | null;
                readonly maxDifference: number;
                /** Format: date-time */
                readonly measuredAt: string;
                readonly rows: number;
            } | null;
            /** Format: date-time */
            readonly startedAt: string;
            /** @enum {string} */
            readonly status: "watching" | "off";
            /** @description what the monitor cannot tell, why, and when it will */
            readonly unknown: readonly {
                readonly until: string | null;
                readonly what: string;
                readonly why: string;
            }[];
            /** @description the watched version; 0 without a champion */
            readonly version: number;
            /** @description requests by the wall clock beside the weeks before; null until judged */
            readonly volume: {
                /** @description the first whole hour that was counted */
                readonly countedFrom: string | null;
                /** Format: date-time */
                readonly judgedUntil: string;
                /** @description those with three weeks or more before the newest block */
                readonly scales: readonly {
                    readonly alarms: {
                        readonly fewer: {
                            /** @description the newest block that shows it */
                            readonly block: {
                                /** Format: date-time */
                                readonly from: string;
                                readonly highest: number;
                                /** @description the largest number that is too low and the smallest too high; null: not tested */
                                readonly limits: {
                                    readonly fewer: number | null;
                                    readonly more: number | null;
                                };
                                /** @description the smallest number of the same blocks in the weeks before */
                                readonly lowest: number;
                                /** @description of all versions of the model, also those without an answer */
                                readonly requests: number;
                                /** Format: date-time */
                                readonly until: string;
                                /** @description weeks before that were counted, at most four */
                                readonly weeks: number;
                            };
                            /** Format: date-time */
                            readonly since: string;
                        } | null;
                        readonly more: {
                            /** @description the newest block that shows it */
                            readonly block: {
                                /** Format: date-time */
                                readonly from: string;
                                readonly highest: number;
                                /** @description the largest number that is too low and the smallest too high; null: not tested */
                                readonly limits: {
                                    readonly fewer: number | null;
                                    readonly more: number | null;
                                };
                                /** @description the smallest number of the same blocks in the weeks before */
                                readonly lowest: number;
                                /** @description of all versions of the model, also those without an answer */
                                readonly requests: number;
                                /** Format: date-time */
                                readonly until: string;
                                /** @description weeks before that were counted, at most four */
                                readonly weeks: number;
                            };
                            /** Format: date-time */
                            readonly since: string;
                        } | null;
                    };
                    readonly newest: {
                        /** Format: date-time */
                        readonly from: string;
                        readonly highest: number;
                        /** @description the largest number that is too low and the smallest too high; null: not tested */
                        readonly limits: {
                            readonly fewer: number | null;
                            readonly more: number | null;
                        };
                        /** @description the smallest number of the same blocks in the weeks before */
                        readonly lowest: number;
                        /** @description of all versions of the model, also those without an answer */
                        readonly requests: number;
                        /** Format: date-time */
                        readonly until: string;
                        /** @description weeks before that were counted, at most four */
                        readonly weeks: number;
                    };
                    /** @enum {string} */
                    readonly scale: "hour" | "day" | "week";
                }[];
            } | null;
            /** @description why it is off, or what it measures nothing without */
            readonly waitingFor: string | null;
            /** @description the newest hours of event time, oldest first, at most a week */
            readonly windows: readonly {
                /** @description rows by bin; the bins are those of drift */
                readonly features: {
                    readonly [key: string]: readonly number[];
                };
                /** Format: date-time */
                readonly hour: string;
                readonly labels: number;
                /** @description mean loss of the labels */
                readonly loss: number | null;
                readonly rows: number;
            }[];
        };
        readonly MonitorSummary: {
            readonly alarms: readonly {
                /** @description total variation distance; of a jump, the change of the mean as a share of the range of the reference; of quality, the increase of the loss; of the volume, the distance from the nearest usual number of requests as a share of it; of labels, the decrease of the share of predictions with a label */
                readonly effect: number;
                readonly feature: string | null;
                readonly key: string;
                /** @enum {string} */
                readonly kind: "service" | "quality" | "skew" | "data" | "drift" | "volume" | "labels";
                /**
                 * Format: date-time
                 * @description event time of the first block that shows it; of the volume, the time of receipt
                 */
                readonly since: string;
                readonly title: string;
                /** @description what the alarm triggers, by the settings and the brakes of runs */
                readonly triggers: string;
            }[];
            /** @description latest event time */
            readonly eventNow: string | null;
            /** @description due labels that were counted since the version serves */
            readonly labels: number;
            readonly lookedAt: string | null;
            readonly model: string;
            /** @description requests that were counted since the version serves */
            readonly rows: number;
            /** Format: date-time */
            readonly startedAt: string;
            /** @enum {string} */
            readonly status: "watching" | "off";
            /** @description the watched version; 0 without a champion */
            readonly version: number;
            /** @description why it is off, or what it measures nothing without */
            readonly waitingFor: string | null;
        };
        readonly PastContractResult: {
            readonly accepted: number;
            /**
             * Format: date-time
             * @description end of the check
             */
            readonly at: string;
            readonly quarantined: number;
            /** @description run that checked the same rows before */
            readonly reusedFrom: string | null;
            readonly rows: number;
            readonly run: string;
            /** @enum {string} */
            readonly verdict: "passed" | "failed" | "inconclusive";
        };
        readonly PendingRevision: {
            readonly approvals: readonly {
                /** Format: date-time */
                readonly approvedAt: string;
                readonly by: string;
                /** @description approved by its author, with selfApprove */
                readonly isAuthor: boolean;
                readonly reason: string;
            }[];
            /** @description revision in force until this one is approved */
            readonly baseRevision: number;
            /** @description changed lines of the files that differ from the revision in force */
            readonly diffs: readonly {
                readonly lines: readonly string[];
                readonly path: string;
            }[];
            readonly digest: string;
            readonly loosenings: readonly {
                readonly after?: unknown;
                readonly before?: unknown;
                readonly what: string;
                readonly why: string;
            }[];
            /** Format: date-time */
            readonly proposedAt: string;
            readonly proposedBy: string;
            /** @description people who must approve it, by the policy in force */
            readonly required: number;
            readonly revision: number;
            /**
             * @description scope that an approval needs
             * @enum {string}
             */
            readonly role: "approver" | "admin";
        };
        readonly Platform: {
            readonly caller: {
                readonly expiresAt: string | null;
                readonly name: string;
                /** @enum {string} */
                readonly scope: "viewer" | "operator" | "approver" | "admin";
                readonly tenant: string;
            };
            readonly parts: readonly {
                readonly detail: string;
                /** @enum {string} */
                readonly name: "database" | "artifact store" | "temporal" | "workers" | "gateway" | "language models";
                /** @description suggested fix if it is not ready */
                readonly next: string | null;
                readonly ok: boolean;
            }[];
        };
        readonly Prediction: {
            /** @description for a language application; null for a classical model */
            readonly answer: {
                /** @description side on which the safety policy blocked the answer */
                readonly blocked: ("input" | "output") | null;
                readonly completionTokens: number;
                /** @description why it was interrupted after its first piece */
                readonly error: string | null;
                /** @enum {string} */
                readonly finish: "stop" | "length" | "filtered";
                /** @description time to the first piece; null if the answer was sent whole */
                readonly firstTokenMs: number | null;
                /** @description whether it violates the JSON schema that it must match */
                readonly malformed: boolean;
                readonly promptTokens: number;
                /** @description standby that answered; null if the bundle’s own model did */
                readonly standby: {
                    readonly model: string;
                    readonly provider: string;
                } | null;
            } | null;
            /**
             * @description alias that answered; direct: the caller named the version; probe: a test of the platform
             * @enum {string}
             */
            readonly arm: "champion" | "challenger" | "previous" | "direct" | "probe";
            /** @description most probable class of a multiclass model; otherwise null */
            readonly class: string | null;
            /** @description digest of the version that answered; for an application, of the release bundle */
            readonly digest: string | null;
            readonly eventTime: string | null;
            readonly feedback: {
                /** @description whether a corrected answer was given */
                readonly corrected: boolean;
                /** @description a judge’s verdicts on both answers: 1 right, 0 wrong */
                readonly judged: {
                    readonly beside: number | null;
                    readonly judge: string;
                    readonly served: number | null;
                } | null;
                /** @description true value or class */
                readonly label: number | boolean | string | null;
                /** @description null if only a judge has given feedback */
                readonly labelledAt: string | null;
                /** @description number of right answers given; their texts are not shown */
                readonly references: number;
                /** @description score of the answer, from 0 to 1 */
                readonly score: number | null;
            } | null;
            readonly id: string;
            /** @description the values that contradicted, in the order of arrival, up to 8 kB; empty if none did */
            readonly labels: readonly {
                /** @description whether a corrected answer was given */
                readonly corrected: boolean;
                /** @description a judge’s verdicts on both answers: 1 right, 0 wrong */
                readonly judged: {
                    readonly beside: number | null;
                    readonly judge: string;
                    readonly served: number | null;
                } | null;
                /** @description true value or class */
                readonly label: number | boolean | string | null;
                /** @description null if only a judge has given feedback */
                readonly labelledAt: string | null;
                /** @description number of right answers given; their texts are not shown */
                readonly references: number;
                /** @description score of the answer, from 0 to 1 */
                readonly score: number | null;
            }[];
            /** @description time from the request to its response */
            readonly latencyMs: number;
            /** @description a model or an application */
            readonly model: string;
            /** @description the version that did not answer */
            readonly other: {
                readonly answer: {
                    /** @description side on which the safety policy blocked the answer */
                    readonly blocked: ("input" | "output") | null;
                    readonly completionTokens: number;
                    /** @description why it was interrupted after its first piece */
                    readonly error: string | null;
                    /** @enum {string} */
                    readonly finish: "stop" | "length" | "filtered";
                    /** @description time to the first piece; null if the answer was sent whole */
                    readonly firstTokenMs: number | null;
                    /** @description whether it violates the JSON schema that it must match */
                    readonly malformed: boolean;
                    readonly promptTokens: number;
                    /** @description standby that answered; null if the bundle’s own model did */
                    readonly standby: {
                        readonly model: string;
                        readonly provider: string;
                    } | null;
                } | null;
                readonly class: string | null;
                readonly error: string | null;
                /** @description milliseconds */
                readonly latencyMs: number;
                /** @description probability by class, for a multiclass model; otherwise null */
                readonly probabilities: {
                    readonly [key: string]: number;
                } | null;
                readonly retrieved: {
                    /** @description numbers of the cited passages, from 1 */
                    readonly cited: readonly number[];
                    readonly index: {
                        readonly digest: string;
                        readonly name: string;
                        readonly version: number;
                    };
                    /** @description passages found but not shown */
                    readonly left: {
                        readonly policy: number;
                        readonly room: number;
                    };
                    /** @description why the reranker did not order the passages */
                    readonly notReranked?: string;
                    readonly passages: readonly {
                        readonly chunkId: string;
                        readonly documentId: string;
                        readonly score: number;
                    }[];
                } | null;
                /**
                 * @description shadow: requested in addition to the answer; fallback: it should have answered and failed; stopped: it was assigned, but its rollout had stopped its traffic
                 * @enum {string}
                 */
                readonly role: "shadow" | "fallback" | "stopped";
                readonly safety: {
                    readonly input: {
                        readonly findings: readonly {
                            /** @enum {string} */
                            readonly action: "block" | "redact" | "flag";
                            readonly detector: string;
                            /** @description why the detector failed */
                            readonly failure: string | null;
                            /** @description kind of finding → count, without the text */
                            readonly found: {
                                readonly [key: string]: number;
                            };
                        }[];
                        /** @enum {string} */
                        readonly outcome: "blocked" | "redacted" | "flagged" | "passed";
                        /** @description the policy keeps texts that did not pass; read them with GET …/texts */
                        readonly textKept: boolean;
                    };
                    /** @description null if there was no text */
                    readonly output: {
                        readonly findings: readonly {
                            /** @enum {string} */
                            readonly action: "block" | "redact" | "flag";
                            readonly detector: string;
                            /** @description why the detector failed */
                            readonly failure: string | null;
                            /** @description kind of finding → count, without the text */
                            readonly found: {
                                readonly [key: string]: number;
                            };
                        }[];
                        /** @enum {string} */
                        readonly outcome: "blocked" | "redacted" | "flagged" | "passed";
                        /** @description the policy keeps texts that did not pass; read them with GET …/texts */
                        readonly textKept: boolean;
                    } | null;
                    /** @description version of the policy that was applied */
                    readonly policy: string;
                    /** @description for all passages together; null without passages */
                    readonly retrieved: {
                        readonly findings: readonly {
                            /** @enum {string} */
                            readonly action: "block" | "redact" | "flag";
                            readonly detector: string;
                            /** @description why the detector failed */
                            readonly failure: string | null;
                            /** @description kind of finding → count, without the text */
                            readonly found: {
                                readonly [key: string]: number;
                            };
                        }[];
                        /** @enum {string} */
                        readonly outcome: "blocked" | "redacted" | "flagged" | "passed";
                        /** @description the policy keeps texts that did not pass; read them with GET …/texts */
                        readonly textKept: boolean;
                    } | null;
                } | null;
                readonly score: number | null;
                readonly version: number;
            } | null;
            /** @description probability by class, for a multiclass model; otherwise null */
            readonly probabilities: {
                readonly [key: string]: number;
            } | null;
            /** Format: date-time */
            readonly receivedAt: string;
            readonly retrieved: {
                /** @description numbers of the cited passages, from 1 */
                readonly cited: readonly number[];
                readonly index: {
                    readonly digest: string;
                    readonly name: string;
                    readonly version: number;
                };
                /** @description passages found but not shown */
                readonly left: {
                    readonly policy: number;
                    readonly room: number;
                };
                /** @description why the reranker did not order the passages */
                readonly notReranked?: string;
                readonly passages: readonly {
                    readonly chunkId: string;
                    readonly documentId: string;
                    readonly score: number;
                }[];
            } | null;
            /** @description open rollout that the request was part of */
            readonly rollout: {
                readonly id: string;
                readonly step: number;
            } | null;
            readonly safety: {
                readonly input: {
                    readonly findings: readonly {
                        /** @enum {string} */
                        readonly action: "block" | "redact" | "flag";
                        readonly detector: string;
                        /** @description why the detector failed */
                        readonly failure: string | null;
                        /** @description kind of finding → count, without the text */
                        readonly found: {
                            readonly [key: string]: number;
                        };
                    }[];
                    /** @enum {string} */
                    readonly outcome: "blocked" | "redacted" | "flagged" | "passed";
                    /** @description the policy keeps texts that did not pass; read them with GET …/texts */
                    readonly textKept: boolean;
                };
                /** @description null if there was no text */
                readonly output: {
                    readonly findings: readonly {
                        /** @enum {string} */
                        readonly action: "block" | "redact" | "flag";
                        readonly detector: string;
                        /** @description why the detector failed */
                        readonly failure: string | null;
                        /** @description kind of finding → count, without the text */
                        readonly found: {
                            readonly [key: string]: number;
                        };
                    }[];
                    /** @enum {string} */
                    readonly outcome: "blocked" | "redacted" | "flagged" | "passed";
                    /** @description the policy keeps texts that did not pass; read them with GET …/texts */
                    readonly textKept: boolean;
                } | null;
                /** @description version of the policy that was applied */
                readonly policy: string;
                /** @description for all passages together; null without passages */
                readonly retrieved: {
                    readonly findings: readonly {
                        /** @enum {string} */
                        readonly action: "block" | "redact" | "flag";
                        readonly detector: string;
                        /** @description why the detector failed */
                        readonly failure: string | null;
                        /** @description kind of finding → count, without the text */
                        readonly found: {
                            readonly [key: string]: number;
                        };
                    }[];
                    /** @enum {string} */
                    readonly outcome: "blocked" | "redacted" | "flagged" | "passed";
                    /** @description the policy keeps texts that did not pass; read them with GET …/texts */
                    readonly textKept: boolean;
                } | null;
            } | null;
            /** @description for a binary classification or a regression; otherwise null */
            readonly score: number | null;
            /** @description most severe outcome of the safety policy for any side; null if no policy was applied */
            readonly verdict: ("blocked" | "redacted" | "flagged" | "passed") | null;
            readonly version: number;
        };
        readonly PredictionSummary: {
            /** @description for a language application; null for a classical model */
            readonly answer: {
                /** @description side on which the safety policy blocked the answer */
                readonly blocked: ("input" | "output") | null;
                readonly completionTokens: number;
                /** @description why it was interrupted after its first piece */
                readonly error: string | null;
                /** @enum {string} */
                readonly finish: "stop" | "length" | "filtered";
                /** @description time to the first piece; null if the answer was sent whole */
                readonly firstTokenMs: number | null;
                /** @description whether it violates the JSON schema that it must match */
                readonly malformed: boolean;
                readonly promptTokens: number;
                /** @description standby that answered; null if the bundle’s own model did */
                readonly standby: {
                    readonly model: string;
                    readonly provider: string;
                } | null;
            } | null;
            /**
             * @description alias that answered; direct: the caller named the version; probe: a test of the platform
             * @enum {string}
             */
            readonly arm: "champion" | "challenger" | "previous" | "direct" | "probe";
            /** @description most probable class of a multiclass model; otherwise null */
            readonly class: string | null;
            readonly feedback: {
                /** @description whether a corrected answer was given */
                readonly corrected: boolean;
                /** @description a judge’s verdicts on both answers: 1 right, 0 wrong */
                readonly judged: {
                    readonly beside: number | null;
                    readonly judge: string;
                    readonly served: number | null;
                } | null;
                /** @description true value or class */
                readonly label: number | boolean | string | null;
                /** @description null if only a judge has given feedback */
                readonly labelledAt: string | null;
                /** @description number of right answers given; their texts are not shown */
                readonly references: number;
                /** @description score of the answer, from 0 to 1 */
                readonly score: number | null;
            } | null;
            readonly id: string;
            /** @description time from the request to its response */
            readonly latencyMs: number;
            /** @description a model or an application */
            readonly model: string;
            /** Format: date-time */
            readonly receivedAt: string;
            /** @description for a binary classification or a regression; otherwise null */
            readonly score: number | null;
            /** @description most severe outcome of the safety policy for any side; null if no policy was applied */
            readonly verdict: ("blocked" | "redacted" | "flagged" | "passed") | null;
            readonly version: number;
        };
        readonly PredictionTexts: {
            /** @description texts of the version that did not answer */
            readonly other: {
                readonly input: string | null;
                readonly output: string | null;
                readonly retrieved: string | null;
            };
            /** @description unchanged texts by side; null if the text passed or the policy does not keep it */
            readonly served: {
                readonly input: string | null;
                readonly output: string | null;
                readonly retrieved: string | null;
            };
        };
        readonly Problem: {
            readonly code: string;
            readonly detail: string;
            readonly errors?: readonly {
                readonly column?: number;
                readonly detail: string;
                readonly didYouMean?: string;
                readonly expected?: string;
                readonly file?: string;
                readonly line?: number;
                readonly pointer: string;
            }[];
            /** @description suggested next step */
            readonly next?: string;
            /** @description in seconds; also sent as the header of the same name */
            readonly retryAfter?: number;
            readonly status: number;
            readonly title: string;
            readonly traceId: string;
            readonly type: string;
        };
        readonly ProjectBuild: {
            /** Format: date-time */
            readonly createdAt: string;
            readonly createdBy: string;
            /** @description digest of the compiled code; program.build of a lifecycle */
            readonly digest: string;
            /** @description lifecycles whose functions it has */
            readonly lifecycles: readonly string[];
            readonly project: string;
        };
        readonly Prompt: {
            readonly name: string;
            readonly refs: readonly components["schemas"]["PromptRef"][];
            /** @description the newest 20 versions */
            readonly versions: readonly components["schemas"]["PromptVersion"][];
        };
        readonly PromptDiff: {
            readonly changes: readonly {
                readonly lines: readonly {
                    /** @enum {string} */
                    readonly sign: " " | "+" | "-";
                    readonly text: string;
                }[];
                readonly place: string;
            }[];
            readonly from: number;
            readonly prompt: string;
            readonly to: number;
        };
        readonly PromptEvaluation: {
            readonly cause: string | null;
            readonly id: string;
            /** @description suggested fix after a failure */
            readonly next: string | null;
            /** @description progress in cases; null if it is not running, or no worker reports progress */
            readonly progress: {
                readonly done: number;
                readonly of: number;
            } | null;
            readonly prompt: string;
            readonly results: components["schemas"]["ArtifactRef"] | null;
            /** @enum {string} */
            readonly status: "running" | "done" | "failed";
            readonly summary: {
                readonly cases: number;
                /** @description total in US dollars from the call ledger, including what an earlier evaluation paid for */
                readonly costUsd: number;
                readonly dimensions: {
                    readonly [key: string]: {
                        readonly cases: number;
                        readonly failures: number;
                        /** @description 95 % confidence interval, valid at any time; cases that could not be measured count as 0 */
                        readonly lower: number | null;
                        /** @description mean of the measured cases */
                        readonly mean: number | null;
                        readonly upper: number | null;
                    };
                };
                readonly medianMs: number | null;
                /** @description one line per reason, with the message of one of those cases */
                readonly notAnswered?: readonly string[];
                readonly unanswered: number;
            } | null;
        };
        readonly PromptLabel: {
            readonly fencing: number;
            readonly label: string;
            readonly prompt: string;
            readonly version: number | null;
        };
        readonly PromptMove: {
            readonly actor: string;
            readonly cause: string;
            readonly fencing: number;
            readonly from: number | null;
            readonly id: string;
            /** @enum {string} */
            readonly kind: "set" | "rollback";
            /** Format: date-time */
            readonly movedAt: string;
            readonly ref: string;
            readonly to: number;
        };
        readonly PromptRef: {
            readonly fencing: number;
            /** @enum {string} */
            readonly kind: "branch" | "label";
            /** Format: date-time */
            readonly movedAt: string;
            readonly ref: string;
            readonly version: number;
        };
        readonly PromptRolledBack: {
            readonly fencing: number;
            readonly from: number;
            readonly label: string;
            readonly prompt: string;
            readonly to: number;
        };
        readonly PromptSearch: {
            readonly actor: string;
            /** @description why it ended without a result */
            readonly cause: string | null;
            /** Format: date-time */
            readonly createdAt: string;
            readonly endedAt: string | null;
            readonly firstVersion: number;
            readonly id: string;
            readonly outcome: {
                /** @description on held-out cases */
                readonly confirmed: {
                    readonly first: {
                        readonly cases: number;
                        readonly failures: number;
                        /** @description 95 % confidence interval, valid at any time */
                        readonly lower: number;
                        readonly mean: number | null;
                        readonly upper: number;
                    };
                    readonly gain: {
                        readonly cases: number;
                        readonly failures: number;
                        /** @description 95 % confidence interval, valid at any time */
                        readonly lower: number;
                        readonly mean: number | null;
                        readonly upper: number;
                    };
                    /** @description difference between the result on the search cases and on the held-out cases */
                    readonly optimism: number | null;
                    readonly winner: {
                        readonly cases: number;
                        readonly failures: number;
                        /** @description 95 % confidence interval, valid at any time */
                        readonly lower: number;
                        readonly mean: number | null;
                        readonly upper: number;
                    };
                };
                /** @description why fewer variants were tried than allowed; empty if all were */
                readonly fewer: readonly string[];
                readonly first: {
                    readonly digest: string;
                    readonly version: number;
                };
                /** @description not beaten in quality, cost and latency at the same time */
                readonly front: readonly {
                    readonly cases: number;
                    /** @description US dollars per case; null without an answer */
                    readonly costUsd: number | null;
                    readonly failures: number;
                    /** @description digest of the variant’s template */
                    readonly id: string;
                    /** @description median latency */
                    readonly latencyMs: number;
                    readonly origin: string;
                    /** @description mean over its cases; failed cases count as 0 */
                    readonly quality: number;
                }[];
                /** @description whether the lower bound of the gain is above 0 */
                readonly improved: boolean;
                readonly paid: {
                    readonly answers: number;
                    /** @description US dollars */
                    readonly costUsd: number;
                    /** @description attempts that were sent but whose result was never received */
                    readonly unsettled: number;
                };
                readonly questions: number;
                /** @description JSON with every variant */
                readonly report: components["schemas"]["ArtifactRef"];
                /** @description the winner on the search cases, by which it was chosen */
                readonly searched: {
                    readonly cases: number;
                    /** @description US dollars per case; null without an answer */
                    readonly costUsd: number | null;
                    readonly failures: number;
                    /** @description digest of the variant’s template */
                    readonly id: string;
                    /** @description median latency */
                    readonly latencyMs: number;
                    /** @description mean over its cases; failed cases count as 0 */
                    readonly quality: number;
                };
                /** @description other variants with the winner’s quality on as many cases */
                readonly tied: number;
                readonly variants: number;
                readonly winner: {
                    readonly artifact: components["schemas"]["ArtifactRef"];
                    readonly digest: string;
                    readonly origin: {
                        readonly kind: string;
                        readonly parent: string | null;
                    };
                    /** @description version of the prompt, on a branch of the search */
                    readonly version: number;
                };
            } | null;
            readonly prompt: string;
            readonly quality: string;
            /** @enum {string} */
            readonly status: "running" | "done" | "failed" | "cancelled";
            /** @description maximum number of variants */
            readonly variants: number;
        };
        readonly PromptSearchDetail: {
            readonly actor: string;
            /** @description why it ended without a result */
            readonly cause: string | null;
            /** Format: date-time */
            readonly createdAt: string;
            readonly endedAt: string | null;
            readonly firstVersion: number;
            readonly id: string;
            readonly outcome: {
                /** @description on held-out cases */
                readonly confirmed: {
                    readonly first: {
                        readonly cases: number;
                        readonly failures: number;
                        /** @description 95 % confidence interval, valid at any time */
                        readonly lower: number;
                        readonly mean: number | null;
                        readonly upper: number;
                    };
                    readonly gain: {
                        readonly cases: number;
                        readonly failures: number;
                        /** @description 95 % confidence interval, valid at any time */
                        readonly lower: number;
                        readonly mean: number | null;
                        readonly upper: number;
                    };
                    /** @description difference between the result on the search cases and on the held-out cases */
                    readonly optimism: number | null;
                    readonly winner: {
                        readonly cases: number;
                        readonly failures: number;
                        /** @description 95 % confidence interval, valid at any time */
                        readonly lower: number;
                        readonly mean: number | null;
                        readonly upper: number;
                    };
                };
                /** @description why fewer variants were tried than allowed; empty if all were */
                readonly fewer: readonly string[];
                readonly first: {
                    readonly digest: string;
                    readonly version: number;
                };
                /** @description not beaten in quality, cost and latency at the same time */
                readonly front: readonly {
                    readonly cases: number;
                    /** @description US dollars per case; null without an answer */
                    readonly costUsd: number | null;
                    readonly failures: number;
                    /** @description digest of the variant’s template */
                    readonly id: string;
                    /** @description median latency */
                    readonly latencyMs: number;
                    readonly origin: string;
                    /** @description mean over its cases; failed cases count as 0 */
                    readonly quality: number;
                }[];
                /** @description whether the lower bound of the gain is above 0 */
                readonly improved: boolean;
                readonly paid: {
                    readonly answers: number;
                    /** @description US dollars */
                    readonly costUsd: number;
                    /** @description attempts that were sent but whose result was never received */
                    readonly unsettled: number;
                };
                readonly questions: number;
                /** @description JSON with every variant */
                readonly report: components["schemas"]["ArtifactRef"];
                /** @description the winner on the search cases, by which it was chosen */
                readonly searched: {
                    readonly cases: number;
                    /** @description US dollars per case; null without an answer */
                    readonly costUsd: number | null;
                    readonly failures: number;
                    /** @description digest of the variant’s template */
                    readonly id: string;
                    /** @description median latency */
                    readonly latencyMs: number;
                    /** @description mean over its cases; failed cases count as 0 */
                    readonly quality: number;
                };
                /** @description other variants with the winner’s quality on as many cases */
                readonly tied: number;
                readonly variants: number;
                readonly winner: {
                    readonly artifact: components["schemas"]["ArtifactRef"];
                    readonly digest: string;
                    readonly origin: {
                        readonly kind: string;
                        readonly parent: string | null;
                    };
                    /** @description version of the prompt, on a branch of the search */
                    readonly version: number;
                };
            } | null;
            /** @description null if it is not running, or no worker reports progress */
            readonly progress: {
                readonly best: {
                    readonly cases: number;
                    /** @description US dollars per case; null without an answer */
                    readonly costUsd: number | null;
                    readonly failures: number;
                    /** @description digest of the variant’s template */
                    readonly id: string;
                    /** @description median latency */
                    readonly latencyMs: number;
                    /** @description mean over its cases; failed cases count as 0 */
                    readonly quality: number;
                } | null;
                /** @description cases per variant in this round */
                readonly cases: number;
                /** @description variants proposed so far */
                readonly known: number;
                /** @description of this step */
                readonly pieces: {
                    readonly done: number;
                    readonly of: number;
                };
                /** @description of the previous rounds */
                readonly questions: number;
                /** @description from 1 */
                readonly round: number;
                readonly rounds: number;
                /** @enum {string} */
                readonly stage: "search" | "confirm";
                /** @description of this step */
                readonly variants: number;
            } | null;
            readonly prompt: string;
            readonly quality: string;
            /** @description complete search settings, with all defaults */
            readonly request: unknown;
            /** @enum {string} */
            readonly status: "running" | "done" | "failed" | "cancelled";
            readonly temporalUrl: string | null;
            /** @description maximum number of variants */
            readonly variants: number;
        };
        readonly PromptSummary: {
            /** Format: date-time */
            readonly createdAt: string;
            readonly name: string;
            readonly refs: readonly components["schemas"]["PromptRef"][];
            readonly versions: number;
        };
        readonly PromptVersion: {
            readonly approvals: readonly {
                readonly actor: string;
                /** Format: date-time */
                readonly approvedAt: string;
                readonly cause: string;
                readonly selfApproved: boolean;
            }[];
            readonly author: string;
            readonly cause: string;
            /** Format: date-time */
            readonly createdAt: string;
            /** @description digest of the template’s canonical JSON, used in release bundles */
            readonly digest: string;
            /** @description version that its author started from */
            readonly parent: number | null;
            readonly prompt: string;
            /** @description messages, variables, few-shot sets, answer schema */
            readonly template: unknown;
            readonly version: number;
        };
        readonly PromptWritten: {
            readonly branch: string;
            readonly changed: boolean;
            readonly digest: string;
            readonly prompt: string;
            readonly version: number;
        };
        readonly Quarantine: {
            /** @description the bad rows with their reasons */
            readonly artifact: components["schemas"]["ArtifactRef"];
            /** Format: date-time */
            readonly createdAt: string;
            readonly dataset: string;
            readonly id: string;
            /** @description reason → rows */
            readonly reasons: {
                readonly [key: string]: number;
            };
            readonly rows: number;
            readonly runId: string;
            readonly version: number;
        };
        readonly QuarantinedRows: {
            /** @description first rows, in the order of the source */
            readonly items: readonly {
                /** @description checks that the row failed, such as range:temp; unique:flight */
                readonly reasons: string;
                readonly values: {
                    readonly [key: string]: string | number | boolean | null;
                };
            }[];
            readonly quarantine: components["schemas"]["Quarantine"];
        };
        readonly RerunOf: {
            /** @description everything that differs from that run */
            readonly changes: readonly ({
                readonly after: {
                    readonly digest: string;
                    readonly revision: number;
                };
                readonly before: {
                    readonly digest: string;
                    readonly revision: number;
                };
                /** @constant */
                readonly kind: "revision";
            } | {
                /** @description end of the data window */
                readonly after: string | null;
                readonly before: string | null;
                /** @constant */
                readonly kind: "until";
            } | {
                /** @description value; null where the default of the trainer applies */
                readonly after: unknown;
                readonly before: unknown;
                /** @constant */
                readonly kind: "param";
                readonly name: string;
            } | {
                /** @constant */
                readonly kind: "force";
                /** @description stage that runs even with unchanged inputs */
                readonly stage: string;
            })[];
            readonly run: string;
        };
        readonly RerunPlan: {
            /** @description digest of the revision */
            readonly digest: string;
            readonly request: {
                readonly [key: string]: unknown;
            };
            readonly rerunOf: components["schemas"]["RerunOf"];
            readonly revision: number;
            readonly stages: readonly {
                /** @enum {string} */
                readonly action: "runs" | "mayRun" | "reused";
                readonly because: readonly string[];
                readonly stage: string;
            }[];
        };
        readonly RetentionSettings: {
            /** @description artifacts without references, since they were last used, in days: 1 to 36500 */
            readonly artifactIdleDays: number;
            /** @description answers in the call ledger, after everything that requested or used them has ended; their costs are kept, in days: 1 to 36500 */
            readonly callAnswerDays: number;
            /** @description labels, in days: 1 to 36500 */
            readonly feedbackDays: number;
            /** @description idempotency keys, in days: 1 to 36500 */
            readonly idempotencyDays: number;
            /** @description predictions; deleted by whole days after the longest retention of any tenant, in days: 1 to 36500 */
            readonly predictionDays: number;
            /** @description the feed and the effects of ended runs, and the events sent to them; runs, stages, decisions and audit rows are kept, in days: 1 to 36500 */
            readonly runDetailDays: number;
        };
        readonly Retraining: {
            /** @description only runs that are started by alarms */
            readonly alarmRuns: {
                /** @description runs for alarms without a better model, in a row */
                readonly fruitless: number;
                /** @description no run for an alarm starts before */
                readonly notBefore: string | null;
                /** @description runs for alarms stopped after maxFailures without a better model; other runs go on, and a release ends it */
                readonly stop: {
                    /** @description incident to resolve; null if there is none */
                    readonly incident: string | null;
                } | null;
            };
            /** @description most that the jobs of all runs may use in the period; null without a cap */
            readonly budget: {
                readonly limits: readonly {
                    readonly limit: number;
                    readonly spent: number;
                    readonly unit: string;
                }[];
                /** @enum {string} */
                readonly period: "day" | "month";
            } | null;
            readonly cooldownSeconds: number;
            /** @description fruitless runs since the last release: automatic and scheduled ones with a fault */
            readonly fruitless: number;
            readonly hold: {
                /** @description requests that also hold the runs, until their alarm ends or a suspected jump has lasted for 24 hours */
                readonly alarm: {
                    /** @description dataset version, or request data with the names of their features */
                    readonly data: string;
                    /** @description true if a feature jumped less than 24 hours ago, so its data may be broken or right; false for broken data */
                    readonly isSuspected: boolean;
                    readonly problem: string;
                    /** @description when the hold ends at the latest */
                    readonly until: string | null;
                } | null;
                /** @description dataset version, or request data with the names of their features */
                readonly data: string;
                /** @description incident to resolve; null if there is none */
                readonly incident: string | null;
                /** @description true if a feature jumped less than 24 hours ago, so its data may be broken or right; false for broken data */
                readonly isSuspected: boolean;
                readonly problem: string;
                /**
                 * @description alarm: ends with the alarm, or earlier once a suspected jump has lasted for 24 hours. contract: ends with the next event or new data, if these are triggers, with the next scheduled run that meets the contract, or by a person. Both end at `until`
                 * @enum {string}
                 */
                readonly shownBy: "alarm" | "contract";
                /** @description when the hold ends at the latest */
                readonly until: string | null;
            } | null;
            readonly lifecycle: string;
            readonly maxFailures: number;
            /** @description end of the cool-down and the back-off */
            readonly notBefore: string | null;
            /** @description trigger that starts a run when the brakes allow it */
            readonly queued: {
                readonly kind: string;
                readonly reason: string;
            } | null;
            /** @description automatic or scheduled run in progress */
            readonly run: string | null;
            /**
             * @description what happens to a trigger while a run is open
             * @enum {string}
             */
            readonly runStrategy: "skip" | "queue" | "replace";
            /** @description start of the last of these runs */
            readonly startedAt: string | null;
            /**
             * @description what a trigger meets; the next automatic run starts at once if it is ready
             * @enum {string}
             */
            readonly status: "ready" | "running" | "coolingDown" | "held" | "stopped";
            /** @description automatic and scheduled runs stopped after maxFailures fruitless ones */
            readonly stop: {
                /** @description incident to resolve; null if there is none */
                readonly incident: string | null;
            } | null;
            readonly triggers: {
                /** @description types of CloudEvents */
                readonly events: readonly string[];
                readonly newData: boolean;
                /**
                 * @description retrain: alarms of the monitor start runs
                 * @enum {string}
                 */
                readonly onAlarm: "notify" | "retrain";
                /** @description cron expression; a hold and a stop also apply to its runs, but the cool-down does not */
                readonly schedule: string | null;
            };
        };
        readonly RevisionSummary: {
            /** Format: date-time */
            readonly appliedAt: string;
            readonly appliedBy: string;
            readonly digest: string;
            readonly revision: number;
        };
        readonly RolledBack: {
            readonly fencing: number;
            readonly from: number | null;
            /** @description gateways with a lease, and the routing epoch that each has confirmed */
            readonly gateways: readonly {
                readonly epoch: number;
                readonly id: string;
                readonly url: string;
            }[];
            /** @description index alias of a language application; it follows where a promotion of the application moved it */
            readonly index?: ({
                readonly from: number;
                readonly index: string;
                /** @constant */
                readonly kind: "moved";
                readonly to: number;
            } | {
                readonly at: number | null;
                readonly index: string;
                /** @constant */
                readonly kind: "stays";
                readonly why: string;
            }) | null;
            readonly model: string;
            readonly to: number;
        };
        readonly Rollout: {
            /** @description of an A/B rollout with traffic: the challengers, then the champion */
            readonly arms: readonly {
                /** @description entities that were assigned to it */
                readonly entities: number;
                readonly estimate: number | null;
                readonly lower: number | null;
                /** @description labelled answers of the smaller of its arm and the champion’s */
                readonly n: number;
                /** @description its quality; null for the champion */
                readonly outcome: ("passed" | "failed" | "inconclusive") | null;
                /** @description requests of its entities, also those that the champion answered instead; null once the counts are deleted */
                readonly requests: number | null;
                /** @enum {string} */
                readonly role: "champion" | "challenger";
                /** @description planned share of entities, 0 to 1 */
                readonly share: number;
                /** @description harm took its traffic */
                readonly stopped: boolean;
                readonly upper: number | null;
                readonly version: number;
            }[] | null;
            /** @description number of rollouts that compared these two versions, this one included */
            readonly attempt: number;
            readonly challenger: number;
            readonly champion: number;
            readonly decision: string | null;
            readonly endedAt: string | null;
            /** @description latest event time */
            readonly eventNow: string | null;
            /** @description event time of the first request */
            readonly eventStartedAt: string | null;
            readonly guardrails: readonly {
                readonly estimate: number | null;
                /** @description maximum share of such requests, or of requests above max */
                readonly limit: number;
                readonly lower: number | null;
                /** @description errors, blocked, format: maximum share; latency_ms, first_token_ms: milliseconds; tokens: tokens */
                readonly max: number;
                readonly metric: string;
                /** @description requests of the challenger in the current step */
                readonly n: number;
                /** @enum {string} */
                readonly outcome: "passed" | "failed" | "inconclusive";
                readonly quantile: number | null;
                readonly upper: number | null;
                /** @description the challenger; an A/B rollout may have several */
                readonly version: number;
            }[];
            /** @description history of the quality reading, oldest first, at most 201 points */
            readonly history: readonly {
                readonly estimate: number;
                /** Format: date-time */
                readonly eventTime: string;
                readonly lower: number | null;
                readonly n: number;
                readonly upper: number | null;
            }[];
            readonly id: string;
            /** @description judge of the answers, if quality is judged */
            readonly judge: components["schemas"]["RolloutJudge"] | null;
            /**
             * @description how it moves traffic: by steps, never, all at once, by fixed shares, or daily
             * @enum {string}
             */
            readonly method: "canary" | "shadow" | "blueGreen" | "ab" | "bandit";
            readonly model: string;
            readonly quality: {
                /** @enum {string} */
                readonly comparison: "pairs" | "arms";
                /** @description the same over days of event time, if quality must hold across days */
                readonly days: {
                    readonly estimate: number | null;
                    readonly lower: number | null;
                    readonly n: number;
                    readonly upper: number | null;
                } | null;
                /** @description with arms, how many entities of equal weight would be as certain, in the smaller arm; null for pairs */
                readonly effectiveEntities: number | null;
                readonly estimate: number | null;
                /** @description limit for the bounds: the margin; negative for superiority */
                readonly limit: number;
                readonly lower: number | null;
                readonly margin: number;
                /** @description logloss, brier or mae; for a language application exact-loss, f1-loss, label-loss, caller-loss or judge-loss */
                readonly metric: string;
                /** @description labelled pairs of the shadow, or of the time since the challenger answers requests; with arms, labelled answers of the smaller arm */
                readonly n: number;
                /** @enum {string} */
                readonly outcome: "passed" | "failed" | "inconclusive";
                /** @enum {string} */
                readonly rule: "nonInferiority" | "superiority";
                readonly upper: number | null;
            };
            /** @description current result of each metric, then what the rollout waits for */
            readonly reasons: readonly {
                readonly code: string;
                /** @description further facts, one per line; absent if there are none */
                readonly details?: readonly string[];
                readonly gate: string;
                /** @description one fact, with its figures */
                readonly message: string;
                /**
                 * @description outcome of this gate; absent if it equals the verdict
                 * @enum {string}
                 */
                readonly outcome?: "passed" | "failed" | "inconclusive" | "notApplicable" | "noted";
            }[];
            /** @description further labelled requests and seconds of event time at the current rate; null inside: never at this rate */
            readonly remaining: {
                readonly observations: number | null;
                readonly seconds: number | null;
            } | null;
            readonly rollback: {
                readonly from: number;
                /** @description seconds of wall-clock time from the detection of harm until every live gateway served only the champion; null until all have confirmed */
                readonly secondsToFullTraffic: number | null;
                readonly to: number;
                /** @description gateways with a lease that have not confirmed */
                readonly unconfirmed: readonly string[];
            } | null;
            readonly runId: string;
            /** @description What the labelled pairs of the shadow showed, once the challenger answers requests; they do not count toward a promotion. */
            readonly shadow: {
                readonly estimate: number | null;
                readonly lower: number | null;
                readonly n: number;
                readonly upper: number | null;
            } | null;
            /** @description of a bandit with traffic: how its share moved */
            readonly shares: {
                /** @description share of the entities, 0 to 1, that changed version at least once */
                readonly changedEntities: number;
                /** @description the newest moves, at most 60, oldest first */
                readonly items: readonly {
                    /**
                     * Format: date-time
                     * @description event time
                     */
                    readonly at: string;
                    /** @description days with labels that are due */
                    readonly days: number;
                    /** @description mean difference in loss of these days; positive is worse */
                    readonly difference: number;
                    /** @description the challenger’s share of entities, 0 to 1 */
                    readonly from: number;
                    /** @description probability that the challenger has the smaller loss, before the limits */
                    readonly probability: number;
                    readonly to: number;
                }[];
                /** @description number of moves so far; at most one per day of event time */
                readonly moves: number;
            } | null;
            /** Format: date-time */
            readonly startedAt: string;
            /** @enum {string} */
            readonly status: "running" | "held" | "passed" | "promoted" | "rolledBack" | "aborted" | "superseded";
            /** @description index into steps */
            readonly step: number;
            /** @description percent of entities; 0 is shadow; of a bandit the least and the greatest share */
            readonly steps: readonly number[];
            /** Format: date-time */
            readonly stepStartedAt: string;
            readonly temporalUrl: string | null;
            readonly test: {
                readonly alpha: number;
                /** @description seconds added to maxDurationSeconds by people */
                readonly extendedSeconds: number;
                readonly maxDurationSeconds: number;
                readonly minDurationSeconds: number;
                readonly minSamples: number;
                /** @enum {string} */
                readonly onInconclusive: "rollback" | "hold";
            };
            /** @description null if nothing was recorded */
            readonly traffic: {
                readonly step: {
                    readonly challenger: {
                        /** @description requests of its entities */
                        readonly assigned: number;
                        readonly errors: number;
                        /** @description assigned requests that it failed and the champion answered */
                        readonly fallbacks: number;
                        /** @description due labels that arrived */
                        readonly labelled: number;
                        /** @description scoring requests sent to it */
                        readonly requests: number;
                        /** @description assigned requests whose labels are due */
                        readonly ripe: number;
                        readonly slow: number;
                    };
                    readonly champion: {
                        /** @description requests of its entities */
                        readonly assigned: number;
                        readonly errors: number;
                        /** @description assigned requests that it failed and the champion answered */
                        readonly fallbacks: number;
                        /** @description due labels that arrived */
                        readonly labelled: number;
                        /** @description scoring requests sent to it */
                        readonly requests: number;
                        /** @description assigned requests whose labels are due */
                        readonly ripe: number;
                        readonly slow: number;
                    };
                };
                readonly total: {
                    readonly challenger: {
                        /** @description requests of its entities */
                        readonly assigned: number;
                        readonly errors: number;
                        /** @description assigned requests that it failed and the champion answered */
                        readonly fallbacks: number;
                        /** @description due labels that arrived */
                        readonly labelled: number;
                        /** @description scoring requests sent to it */
                        readonly requests: number;
                        /** @description assigned requests whose labels are due */
                        readonly ripe: number;
                        readonly slow: number;
                    };
                    readonly champion: {
                        /** @description requests of its entities */
                        readonly assigned: number;
                        readonly errors: number;
                        /** @description assigned requests that it failed and the champion answered */
                        readonly fallbacks: number;
                        /** @description due labels that arrived */
                        readonly labelled: number;
                        /** @description scoring requests sent to it */
                        readonly requests: number;
                        /** @description assigned requests whose labels are due */
                        readonly ripe: number;
                        readonly slow: number;
                    };
                };
            } | null;
            /** @description decision of the rollout; null before */
            readonly verdict: components["schemas"]["Verdict"] | null;
            readonly waitingFor: string | null;
            /** @description the challenger’s share of entities now, 0 to 1 */
            readonly weight: number;
            /** @description the version that an A/B rollout promotes; null before, and for other methods */
            readonly winner: number | null;
        };
        readonly RolloutJudge: {
            /** @description cost of judging in US dollars, without what was paid for earlier */
            readonly costUsd: number;
            /** @description version of the judge: prompt, model and sampling */
            readonly digest: string;
            /** @description name of the judge in spec.evaluate */
            readonly dimension: string;
            /** @description labels of judged answers in this rollout */
            readonly labels: {
                /** @description answers of this version that people labelled right and wrong */
                readonly challenger: {
                    readonly right: number;
                    readonly wrong: number;
                };
                /** @description answers of this version that people labelled right and wrong */
                readonly champion: {
                    readonly right: number;
                    readonly wrong: number;
                };
                /** @description labels of each kind and version required before the judge may decide */
                readonly needed: number;
                /** @description labelled pairs of answers */
                readonly pairs: number;
                /** @description why the verdicts may not decide yet: missing labels, or error rates that differ between the versions */
                readonly whyNot: readonly string[];
            };
            readonly mostPairs: number;
            /** @description Why judging has ended; null while it continues */
            readonly over: string | null;
            /** @description questions whose two answers were judged and count */
            readonly pairs: number;
            /** @description sensitivity: share of right answers that it called right, among the labelled ones */
            readonly sensitivity: number;
            /** @description since when the judge has not answered, and its last failure; null while it answers, and after the rollout */
            readonly silence: {
                /** @enum {string} */
                readonly failure: "ProviderDenied" | "ProviderUnavailable" | "ProviderRateLimited" | "ProviderTimeout" | "AnswerLost";
                /** Format: date-time */
                readonly since: string;
            } | null;
            /** @description specificity: share of wrong answers that it called wrong, among the labelled ones */
            readonly specificity: number;
            /** @description pairs without a verdict on both answers */
            readonly withoutVerdict: number;
        };
        readonly RolloutSummary: {
            /** @description number of rollouts that compared these two versions, this one included */
            readonly attempt: number;
            readonly challenger: number;
            readonly champion: number;
            readonly decision: string | null;
            readonly endedAt: string | null;
            readonly id: string;
            /**
             * @description how it moves traffic: by steps, never, all at once, by fixed shares, or daily
             * @enum {string}
             */
            readonly method: "canary" | "shadow" | "blueGreen" | "ab" | "bandit";
            readonly model: string;
            readonly runId: string;
            /** Format: date-time */
            readonly startedAt: string;
            /** @enum {string} */
            readonly status: "running" | "held" | "passed" | "promoted" | "rolledBack" | "aborted" | "superseded";
            /** @description index into steps */
            readonly step: number;
            /** @description percent of entities; 0 is shadow; of a bandit the least and the greatest share */
            readonly steps: readonly number[];
            /** @description decision of the rollout; null before */
            readonly verdict: components["schemas"]["Verdict"] | null;
            readonly waitingFor: string | null;
            /** @description the challenger’s share of entities now, 0 to 1 */
            readonly weight: number;
        };
        readonly RolloutTrafficHistory: {
            /** @description at most 200 parts of equal length; parts without requests are left out */
            readonly items: readonly {
                readonly challenger: number;
                readonly challengerErrors: number;
                /** @description requests that were assigned to the champion */
                readonly champion: number;
                readonly championErrors: number;
                /**
                 * Format: date-time
                 * @description begin of the part, in event time
                 */
                readonly from: string;
                readonly step: number;
            }[];
        };
        readonly RotatedApiKey: {
            readonly id: string;
            /** @description returned only once */
            readonly key: string;
            /** Format: date-time */
            readonly oldValidUntil: string;
        };
        readonly Run: {
            readonly actor: string;
            /** Format: date-time */
            readonly createdAt: string;
            readonly endedAt: string | null;
            readonly failure: {
                readonly message: string;
                /** @description undos that failed and need an operator */
                readonly needsOperator?: readonly {
                    readonly message: string;
                    readonly what: string;
                }[];
                /** @description what to try next */
                readonly next?: string;
                readonly stage?: string;
                readonly type: string;
            } | null;
            readonly id: string;
            readonly lifecycle: string;
            /** @description run that started it as its child; null for other runs */
            readonly parent: {
                readonly run: string;
                /** @description stage that waits for this run */
                readonly stage: string;
            } | null;
            readonly request: {
                readonly [key: string]: unknown;
            };
            /** @description run whose stages it reuses; null for other runs */
            readonly rerunOf: components["schemas"]["RerunOf"] | null;
            readonly revision: string;
            readonly startedAt: string | null;
            /** @enum {string} */
            readonly status: "pending" | "running" | "waiting" | "paused" | "succeeded" | "stopped" | "failed" | "cancelled" | "lost";
            readonly temporalUrl: string | null;
            readonly traceId: string;
            readonly verdict: components["schemas"]["Verdict"] | null;
            /** @description model version that the run registered */
            readonly version: number | null;
            readonly waitingFor: string | null;
        };
        readonly RunCalls: {
            readonly stages: readonly {
                /** @description questions with an answer */
                readonly answered: number;
                readonly asking: number;
                readonly completionTokens: number;
                readonly failed: number;
                readonly promptTokens: number;
                /** @description requests sent to providers, including failed ones */
                readonly requests: number;
                readonly stage: string;
                /** @description requests whose result was never received, for example because a worker died; the bill may be higher by at most this amount */
                readonly unsettled: {
                    readonly requestIds: readonly string[];
                    /** @description US dollars */
                    readonly usd: number;
                };
                /** @description US dollars */
                readonly usd: number;
            }[];
        };
        readonly RunComparison: {
            readonly differingParams: {
                readonly [key: string]: readonly unknown[];
            };
            readonly runs: readonly {
                readonly id: string;
                readonly lifecycle: string;
                /** @description metric of the evaluation: value, and lower and upper bound of the 95 % confidence interval */
                readonly metrics: {
                    readonly [key: string]: unknown;
                };
                readonly params: {
                    readonly [key: string]: unknown;
                };
                readonly revision: string;
                readonly seconds: {
                    readonly [key: string]: number;
                };
                /** @enum {string} */
                readonly status: "pending" | "running" | "waiting" | "paused" | "succeeded" | "stopped" | "failed" | "cancelled" | "lost";
                readonly trainer: string | null;
                readonly verdict: components["schemas"]["Verdict"] | null;
                readonly version: number | null;
            }[];
        };
        readonly RunEvaluation: {
            readonly cases: number | null;
            /** @description arm that answered: candidate, champion, baseline, standby <provider> <model>, or the path of a prompt with its slice */
            readonly name: string;
            /** @description JSON, one entry per case */
            readonly results: components["schemas"]["ArtifactRef"];
            readonly stage: string;
        };
        readonly RunHistory: {
            /** @description events of the run's newest execution, as Temporal's own tools write them */
            readonly history: {
                readonly [key: string]: unknown;
            };
            readonly workflowId: string;
        };
        /** @description The run after a command, as its workflow reports it */
        readonly RunState: {
            readonly approvals: readonly {
                readonly actor: string;
                readonly comment?: string;
                readonly keyId: string;
                readonly scope: string;
            }[];
            /** @description stage whose approval the run waits for; null while it waits for none */
            readonly ballot: string | null;
            readonly runId: string | null;
            readonly stage: string | null;
            readonly stages: readonly {
                readonly name: string;
                readonly reusedFrom: string | null;
                readonly seconds: number;
                readonly status: string;
            }[];
            /** @enum {string} */
            readonly status: "pending" | "running" | "waiting" | "paused" | "succeeded" | "stopped" | "failed" | "cancelled" | "lost";
            readonly waitingFor: string | null;
        };
        readonly RunWithStages: {
            readonly actor: string;
            /** @description votes that the run waits for */
            readonly approvals: readonly components["schemas"]["ApprovalWait"][];
            /** @description the newest 100 runs that this run started, oldest first */
            readonly children: readonly {
                readonly id: string;
                readonly lifecycle: string;
                /** @description stage of this run that waits for it */
                readonly stage: string | null;
                /** @enum {string} */
                readonly status: "pending" | "running" | "waiting" | "paused" | "succeeded" | "stopped" | "failed" | "cancelled" | "lost";
            }[];
            /** Format: date-time */
            readonly createdAt: string;
            readonly endedAt: string | null;
            readonly failure: {
                readonly message: string;
                /** @description undos that failed and need an operator */
                readonly needsOperator?: readonly {
                    readonly message: string;
                    readonly what: string;
                }[];
                /** @description what to try next */
                readonly next?: string;
                readonly stage?: string;
                readonly type: string;
            } | null;
            readonly id: string;
            readonly lifecycle: string;
            /** @description run that started it as its child; null for other runs */
            readonly parent: {
                readonly run: string;
                /** @description stage that waits for this run */
                readonly stage: string;
            } | null;
            /** @description stages of its lifecycle, in order; empty where only the code of a project says */
            readonly plannedStages: readonly string[];
            readonly request: {
                readonly [key: string]: unknown;
            };
            /** @description run whose stages it reuses; null for other runs */
            readonly rerunOf: components["schemas"]["RerunOf"] | null;
            readonly revision: string;
            /** @description rollout of its canary stage */
            readonly rollout: components["schemas"]["RolloutSummary"] | null;
            /** @description the newest 100 events that were sent to the run, oldest first */
            readonly sentEvents: readonly components["schemas"]["SentEvent"][];
            readonly stages: readonly components["schemas"]["Stage"][];
            readonly startedAt: string | null;
            /** @enum {string} */
            readonly status: "pending" | "running" | "waiting" | "paused" | "succeeded" | "stopped" | "failed" | "cancelled" | "lost";
            readonly temporalUrl: string | null;
            readonly traceId: string;
            readonly verdict: components["schemas"]["Verdict"] | null;
            /** @description model version that the run registered */
            readonly version: number | null;
            readonly waitingFor: string | null;
        };
        readonly Schedule: {
            /** @description creation or last change of the schedule */
            readonly changedAt: string | null;
            /** @description id of the Temporal Schedule */
            readonly id: string;
            readonly lifecycle: string;
            /** @description next start times, soonest first; the window of each run ends there */
            readonly nextTimes: readonly string[];
            /** @description why it is paused, or the last note */
            readonly note: string | null;
            readonly paused: boolean;
            /** @description newest first */
            readonly recent: readonly {
                /** Format: date-time */
                readonly scheduledAt: string;
                /** Format: date-time */
                readonly takenAt: string;
                readonly workflowId: string;
            }[];
            /** @description revision of the lifecycle when the schedule was last changed */
            readonly revision: number;
            /** @description workflow ids */
            readonly running: readonly string[];
            /** @description as the lifecycle says */
            readonly schedule: {
                readonly catchupSeconds: number;
                readonly cron: string;
                readonly jitterSeconds: number;
                readonly overlap: string;
                readonly paused: boolean;
                readonly timezone: string;
            };
            /** @description newest first, at most 100 */
            readonly skipped: readonly {
                readonly cause: string;
                /** Format: date-time */
                readonly noticedAt: string;
                /** @description run that was still open */
                readonly runId: string | null;
                /**
                 * Format: date-time
                 * @description time at which no run was started
                 */
                readonly scheduledAt: string;
            }[];
            /** @description URL in the Temporal Web UI */
            readonly url: string | null;
        };
        readonly SentEvent: {
            /** @description name of the API key that sent it */
            readonly actor: string;
            /** Format: date-time */
            readonly createdAt: string;
            readonly event: string;
            readonly id: string;
            /** @description stage that received it; null while the run keeps it for a later wait */
            readonly takenBy: string | null;
        };
        readonly Session: {
            /** @description token that every change sends in the header x-perennial-csrf */
            readonly csrf: string;
            /** Format: date-time */
            readonly expiresAt: string;
            readonly keyId: string;
            /** @description name of the API key */
            readonly name: string;
            /** @enum {string} */
            readonly scope: "viewer" | "operator" | "approver" | "admin";
            readonly tenant: string;
        };
        readonly Stage: {
            /** @description figures of a stage of a batch prediction */
            readonly batch: components["schemas"]["Batch"] | null;
            /** @description result of a validate stage for each source that has a contract */
            readonly contracts: readonly {
                /** @description rows that meet the contract */
                readonly accepted: number;
                readonly dataset: string;
                /** @description rows that break it */
                readonly quarantined: number;
                /** @description rows that were checked */
                readonly rows: number;
                readonly source: string;
                /** @enum {string} */
                readonly verdict: "passed" | "failed" | "inconclusive";
            }[] | null;
            readonly decision: string | null;
            readonly failure: {
                readonly message: string;
                /** @description undos that failed and need an operator */
                readonly needsOperator?: readonly {
                    readonly message: string;
                    readonly what: string;
                }[];
                /** @description what to try next */
                readonly next?: string;
                readonly stage?: string;
                readonly type: string;
            } | null;
            /** @description result of a fine-tune stage and of its baselines */
            readonly fineTuning: components["schemas"]["FineTuning"] | null;
            readonly name: string;
            /** @description choice of a prompt-eval stage and its figures */
            readonly prompts: components["schemas"]["ChosenPrompt"] | null;
            /** @description run whose output was reused */
            readonly reusedFrom: string | null;
            readonly seconds: number;
            readonly status: string;
            /** @description choice of a tune stage and its figures */
            readonly tuning: components["schemas"]["Tuning"] | null;
            readonly verdict: components["schemas"]["Verdict"] | null;
        };
        readonly StoredProjectBuild: {
            /** Format: date-time */
            readonly createdAt: string;
            readonly createdBy: string;
            /** @description digest of the compiled code; program.build of a lifecycle */
            readonly digest: string;
            /** @description stored lock of Python packages; null without */
            readonly environment: components["schemas"]["ArtifactRef"] | null;
            /** @description stored files of Python steps, by path */
            readonly files: {
                readonly [key: string]: components["schemas"]["ArtifactRef"];
            };
            /** @description lifecycles whose functions it has */
            readonly lifecycles: readonly string[];
            readonly project: string;
        };
        readonly Tenant: {
            /** Format: date-time */
            readonly createdAt: string;
            /** @description null for the tenant default */
            readonly createdBy: string | null;
            readonly limits: components["schemas"]["TenantLimits"];
            readonly name: string;
            /** @description null unless the tenant is suspended */
            readonly suspendedAt: string | null;
        };
        readonly TenantLimits: {
            /**
             * @description the period of maxCpuHours and maxUsd, in UTC: day or month
             * @enum {string}
             */
            readonly costPeriod: "day" | "month";
            /** @description CPU-hours that jobs may use in one period, above 0; null: no limit */
            readonly maxCpuHours: number | null;
            /** @description most lifecycles that are not deleted, including archived ones; null: no limit */
            readonly maxLifecycles: number | null;
            /** @description most runs that have not ended, including waiting ones; null: no limit */
            readonly maxOpenRuns: number | null;
            /** @description US dollars that jobs may cost in one period, above 0; null: no limit */
            readonly maxUsd: number | null;
        };
        readonly TrackedRun: {
            readonly endedAt: string | null;
            readonly id: string;
            /** @description value of each metric at its latest step; null if it is not finite */
            readonly metrics: {
                readonly [key: string]: number | null;
            };
            readonly name: string;
            readonly params: {
                readonly [key: string]: string;
            };
            /** Format: date-time */
            readonly startedAt: string;
            /** @enum {string} */
            readonly status: "RUNNING" | "SCHEDULED" | "FINISHED" | "FAILED" | "KILLED";
            readonly user: string;
        };
        readonly Trainer: {
            /** @description digest of its code, the job runtime and the library versions */
            readonly codeDigest: string;
            readonly description: string;
            /** @description whether one training can use several nodes */
            readonly distributed: boolean;
            /** @description parameter that counts iterations, and its default; null if it reports no progress */
            readonly iterations: {
                readonly default: number | null;
                readonly param: string;
            } | null;
            readonly name: string;
            /** @description JSON Schema of its parameters */
            readonly paramsSchema: {
                readonly [key: string]: unknown;
            };
            readonly tasks: readonly ("classification" | "multiclass" | "regression" | "generation")[];
        };
        readonly Trial: {
            readonly best: boolean;
            readonly endedAt: string | null;
            /** @description metric after so many iterations, by which hyperband judged it */
            readonly intermediate: readonly {
                readonly step: number;
                readonly value: number;
            }[];
            readonly metric: string;
            /** @description 0, 1, 2 … within the study */
            readonly number: number;
            readonly params: {
                readonly [key: string]: string | number | boolean;
            };
            /** @description why it was pruned or failed */
            readonly reason: string | null;
            /** @description run of the study; another run if the stage was reused */
            readonly run: string;
            /** @description null while it is running */
            readonly seconds: number | null;
            /** Format: date-time */
            readonly startedAt: string;
            /** @enum {string} */
            readonly status: "running" | "complete" | "pruned" | "failed";
            /** @description metric on the tuning slice; of a pruned trial, the last value */
            readonly value: number | null;
            /** @description one per objective of a study with several, in their order */
            readonly values?: readonly number[];
        };
        readonly TriedChat: {
            /** @description null if the safety policy withheld it */
            readonly answer: string | null;
            /** @description index version that was searched, as name@number */
            readonly index: string | null;
            readonly milliseconds: number;
            /** @description passages in the prompt, best first */
            readonly passages: readonly {
                readonly cited: boolean;
                readonly documentId: string;
                readonly number: number;
                readonly score: number;
                readonly source: string | null;
                /** @description null if the search of the index does not find the passage again */
                readonly text: string | null;
                readonly title: string | null;
            }[];
            readonly predictionId: string;
            readonly refusal: string | null;
            readonly tokens: {
                readonly completion: number;
                readonly prompt: number;
            };
            /** @description version that gave the answer, as name@number */
            readonly version: string;
        };
        readonly TriedPrediction: {
            /** @description inputs of the graph, computed from the row; null if they were not asked for, the key may not see them, or the gateway could not compute them */
            readonly features: {
                readonly [key: string]: string | number | null;
            } | null;
            readonly milliseconds: number;
            readonly model: string;
            /** @description value by the name of the output */
            readonly outputs: {
                readonly [key: string]: unknown;
            };
            readonly predictionId: string | null;
            /** @description version that gave the answer */
            readonly version: number;
        };
        readonly Tuning: {
            /** @description metric on the tuning slice */
            readonly best: {
                readonly number: number;
                readonly params: {
                    readonly [key: string]: unknown;
                };
                readonly value: number;
            } | null;
            /** @enum {string} */
            readonly chosen: "tuned" | "default";
            /** @description both models on the confirm slice; null if there was nothing to compare */
            readonly confirm: {
                readonly days: number;
                readonly default: number | null;
                /** @description tuned minus default; positive is worse */
                readonly difference: number | null;
                readonly interval: {
                    readonly level: number;
                    readonly lower: number | null;
                    readonly upper: number | null;
                };
                readonly metric: string;
                /** @description why it could not be measured */
                readonly reason: string | null;
                readonly rows: number;
                readonly tuned: number | null;
            } | null;
            /** @description Pareto front of a study with several objectives, at most 100 trials */
            readonly front?: readonly {
                readonly number: number;
                readonly params: {
                    readonly [key: string]: unknown;
                };
                /** @description one per objective, in their order */
                readonly values: readonly number[];
            }[];
            /** @description parameters of the chosen model */
            readonly params: {
                readonly [key: string]: unknown;
            };
            readonly trials: {
                readonly complete: number;
                readonly failed: number;
                readonly pruned: number;
            };
            /** @description earlier study from which the sampler learned */
            readonly warmStart?: {
                /** @description trials that do not fit, at most 100 */
                readonly leftOut: readonly {
                    readonly number: number;
                    readonly reason: string;
                }[];
                readonly runId: string;
                /** @description number of its trials that fit the space */
                readonly used: number;
            };
        };
        readonly Verdict: {
            /** @enum {string} */
            readonly kind: "passed" | "failed" | "inconclusive";
            readonly reasons: readonly {
                readonly code: string;
                /** @description further facts, one per line; absent if there are none */
                readonly details?: readonly string[];
                readonly gate: string;
                /** @description one fact, with its figures */
                readonly message: string;
                /**
                 * @description outcome of this gate; absent if it equals the verdict
                 * @enum {string}
                 */
                readonly outcome?: "passed" | "failed" | "inconclusive" | "notApplicable" | "noted";
            }[];
        };
        readonly VersionComparison: {
            /** @description for each version; null without a stored evaluation */
            readonly evaluations: readonly (components["schemas"]["ComparedEvaluation"] | null)[];
            readonly runs: components["schemas"]["RunComparison"];
            /** @description datasets that each version was trained on */
            readonly trainedOn: readonly (readonly {
                readonly dataset: string;
                readonly version: number;
            }[])[];
            readonly versions: readonly {
                /** Format: date-time */
                readonly createdAt: string;
                /** @description the file that was imported; null for a model that its run trained */
                readonly imported: {
                    /** @description name of the key that imported it */
                    readonly actor: string;
                    readonly digest: string;
                    readonly fileName: string;
                    /** @enum {string} */
                    readonly format: "onnx" | "sklearn" | "lightgbm" | "xgboost";
                } | null;
                /** @description digest of the manifest, which identifies the version in evaluation, promotion and serving */
                readonly manifest: components["schemas"]["ArtifactRef"];
                /** @description metrics that its trainer measured */
                readonly metrics: {
                    readonly [key: string]: number;
                };
                readonly model: string;
                readonly runId: string;
                /** @description required request columns */
                readonly signature: {
                    /** @description prompt variable that receives the user’s text */
                    readonly input: string;
                    /** @constant */
                    readonly task: "chat";
                } | {
                    /** @description classes of a multiclass model, in the order of its probabilities */
                    readonly classes?: readonly string[];
                    readonly entity: string | null;
                    readonly features: readonly {
                        readonly name: string;
                        readonly type: string;
                    }[];
                    /** @constant */
                    readonly output: "score";
                    readonly request: readonly {
                        readonly name: string;
                        readonly type: string;
                    }[];
                    /** @enum {string} */
                    readonly task: "classification" | "multiclass" | "regression";
                    readonly time: string | null;
                };
                /** @enum {string} */
                readonly status: "candidate" | "promoted" | "rejected" | "withdrawn";
                /** Format: date-time */
                readonly updatedAt: string;
                readonly verdict: components["schemas"]["Verdict"] | null;
                readonly version: number;
            }[];
        };
        readonly WebhookDelivery: {
            readonly attempts: readonly {
                /** Format: date-time */
                readonly at: string;
                readonly error: string | null;
                readonly milliseconds: number;
                /** @description status of HTTP or SMTP; null without a response */
                readonly status: number | null;
            }[];
            /** @enum {string} */
            readonly channel: "webhook" | "slack" | "email";
            /** Format: date-time */
            readonly createdAt: string;
            /**
             * Format: date-time
             * @description time of the next attempt
             */
            readonly dueAt: string;
            readonly endedAt: string | null;
            readonly event: string;
            /** @description id of the event, sent as `webhook-id` in every attempt */
            readonly id: string;
            readonly lifecycle: string;
            /** @enum {string} */
            readonly status: "pending" | "delivered" | "failed" | "gone";
            readonly subject: string;
            /** @description position in the lifecycle’s notify, from 1 */
            readonly target: number;
            /** @description full URL of a webhook for callers with the scope operator, otherwise its host; slack: with the name of its secret; mailto: with the addresses */
            readonly url: string;
        };
        readonly WhatIf: {
            /** @description outcomes under the other rules */
            readonly gates: readonly {
                readonly code: string;
                /** @description further facts, one per line; absent if there are none */
                readonly details?: readonly string[];
                readonly gate: string;
                readonly kind: string;
                readonly message: string;
                /** @enum {string} */
                readonly outcome: "passed" | "failed" | "inconclusive" | "notApplicable" | "noted";
            }[];
            readonly was: components["schemas"]["Verdict"];
            readonly wouldBe: components["schemas"]["Verdict"];
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export type operations = Record<string, never>;

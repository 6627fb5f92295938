/**
 * A small language application for the real embedded model: the routing step of samples/wiki-router
 * without training. An answer is JSON, and its key shows which prompt made it.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { TrafficQuestion } from './question-traffic';

export interface TinyRouterOptions {
  readonly name: string;
  /** The prompts, the current one first; with two, the better one is chosen. */
  readonly keys: readonly string[];
  readonly cases?: number;
  readonly parallel: number;
  /** More lines of the spec, indented by two. */
  readonly more?: string;
}

const kinds = ['animal', 'plant', 'food', 'artifact', 'person', 'location', 'substance', 'event'];
export const kindList = `[${kinds.join(', ')}]`;

/** Writes the lifecycle's folder and returns its path. */
export function writeTinyRouter(
  parent: string,
  { name, keys, cases = 60, parallel, more = '' }: TinyRouterOptions,
): string {
  const folder = join(parent, name);
  mkdirSync(folder, { recursive: true });
  for (const key of keys) writeFileSync(join(folder, `${key}.yaml`), promptText(key));
  writeFileSync(join(folder, 'cases.ndjson'), caseLines().slice(0, cases).join(''));
  const chooses = keys.length > 1;
  writeFileSync(
    join(folder, 'lifecycle.yaml'),
    `apiVersion: perennial.dev/v1
kind: LlmLifecycle
metadata: { name: ${name}, owner: ops@library.example }
spec:
  model: { name: smollm2-135m-instruct }
  sampling: { temperature: 0, maxTokens: 24 }
  prompt: { candidates: [${keys.map((key) => `${key}.yaml`).join(', ')}], input: text }
  cases: { file: cases.ndjson${chooses ? '' : ', search: 0, confirm: 0'} }
${chooses ? '  promptEval: { quality: right }\n' : ''}  evaluate:
    dimensions: [{ name: right, kind: label, labels: ${kindList} }, { name: parseable, kind: json }]
    gates: [{ name: parseable, kind: threshold, dimension: parseable, min: 0.3, minCases: 10 }]
    parallel: ${parallel}
${more}`,
  );
  return folder;
}

/** Definitions that are in no case of a small lifecycle. */
export function routed(number: number): TrafficQuestion {
  const lines = caseLines().slice(100);
  const { input, expected } = JSON.parse(lines[number % lines.length] ?? '') as {
    readonly input: { readonly text: string };
    readonly expected: { readonly label: string };
  };
  return { text: input.text, label: expected.label };
}

/** The key of an answer; null if it is not a router's answer. */
export function findKey(text: string): string | null {
  try {
    return Object.keys(JSON.parse(text) as object)[0] ?? null;
  } catch {
    return null;
  }
}

function caseLines(): readonly string[] {
  return (
    readFileSync(resolve('samples', 'wiki-router', 'cases.ndjson'), 'utf8').match(/.+\n/g) ?? []
  );
}

function promptText(key: string): string {
  return `apiVersion: perennial.dev/v1
kind: Prompt
metadata: { name: ${key} }
spec:
  variables: { text: { type: string, description: what somebody says of a thing } }
  messages: [{ role: user, template: "Which ${key} of thing is this: ${kinds.join(', ')}? Definition: {{text}}" }]
  answer:
    schema: { type: object, properties: { ${key}: { enum: ${kindList} } }, required: [${key}], additionalProperties: false }
`;
}

import { Agent, request } from 'undici';
import { createTfIdf } from '../../../domain/index/tf-idf';
import type { IndexDocument } from '../../../domain/index/document';
import { CliError } from '../cli-error';
import type { WikiQuestion } from './documents';

/** The number of questions whose document was among the first `k` results. */
export interface RetrievalScore {
  readonly k: number;
  readonly questions: number;
  readonly byIndex: number;
  readonly byTfIdf: number;
}

const depths = [1, 2, 5] as const;
/** The number of requested chunks; several chunks of one document count once. */
const hits = 20;

/**
 * Queries the index through the gateway like any caller, and compares it with TF-IDF over the same
 * documents.
 */
export async function compareRetrieval(options: {
  readonly gatewayUrl: string;
  readonly apiKey: string;
  readonly index: string;
  readonly version: number;
  readonly documents: readonly IndexDocument[];
  readonly questions: readonly WikiQuestion[];
}): Promise<readonly RetrievalScore[]> {
  const { documents, questions } = options;
  const search = createTfIdf(documents);
  const byIndex = await askIndex(options);
  const byTfIdf = questions.map(({ text }) => search(text, Math.max(...depths)));
  const count = (found: readonly (readonly string[])[], k: number): number =>
    questions.filter(({ document }, place) => found[place]?.slice(0, k).includes(document)).length;
  return depths.map((k) => ({
    k,
    questions: questions.length,
    byIndex: count(byIndex, k),
    byTfIdf: count(byTfIdf, k),
  }));
}

async function askIndex({
  gatewayUrl,
  apiKey,
  index,
  version,
  questions,
}: Parameters<typeof compareRetrieval>[0]): Promise<readonly (readonly string[])[]> {
  const url = `${gatewayUrl}/v1/indexes/${index}/query`;
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };
  const dispatcher = new Agent({ connections: 1 });
  const found: string[][] = [];
  try {
    for (const { text } of questions) {
      const answer = await request(url, {
        method: 'POST',
        headers,
        body: JSON.stringify({ text, version, k: hits }),
        dispatcher,
      });
      const body = (await answer.body.json()) as {
        readonly detail?: string;
        readonly hits?: readonly { readonly documentId: string }[];
      };
      if (answer.statusCode !== 200 || !body.hits)
        throw new CliError(`${url} responded with ${answer.statusCode}: ${body.detail ?? ''}`, 1);
      found.push([...new Set(body.hits.map(({ documentId }) => documentId))]);
    }
  } finally {
    await dispatcher.close();
  }
  return found;
}

import { Agent, request } from 'undici';
import { sendFeedback, type ReplayGateway } from './gateway';

/**
 * A language application over the OpenAI API. Each question is one conversation, so that it stays
 * with its assigned arm.
 */
export function openQuestionGateway(options: {
  readonly gatewayUrl: string;
  readonly apiKey: string;
  readonly model: string;
  readonly parallel: number;
}): ReplayGateway {
  const { gatewayUrl, apiKey, model, parallel } = options;
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };
  const dispatcher = new Agent({ connections: parallel, pipelining: 1 });
  return {
    async infer({ columns }) {
      const body = JSON.stringify({
        model,
        messages: [{ role: 'user', content: columns['question'] }],
      });
      const answer = await request(`${gatewayUrl}/v1/chat/completions`, {
        method: 'POST',
        headers,
        body,
        dispatcher,
      });
      const text = await answer.body.text();
      if (answer.statusCode !== 200) throw new Error(`${answer.statusCode}: ${text.slice(0, 300)}`);
      return {
        predictionId: String(answer.headers['x-perennial-prediction-id']),
        version: String(answer.headers['x-perennial-model-version']),
      };
    },
    feedback: (labels) =>
      sendFeedback(`${gatewayUrl}/v1/feedback`, labels, { headers, dispatcher }),
    close: () => dispatcher.close(),
  };
}

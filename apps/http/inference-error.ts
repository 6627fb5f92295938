import type { ErrorFormat } from './problem';

/**
 * The errors of the Open Inference Protocol, whose clients read the member `error`. KServe's client
 * requires exactly this media type. The members of the problem are added.
 */
export const inferenceErrors: ErrorFormat = {
  mediaType: 'application/json',
  buildBody: (problem) => {
    const { detail, next } = problem;
    const body = { ...problem, error: next === undefined ? detail : `${detail}; ${next}` };
    return body;
  },
};

import type { ErrorForm } from './problem';

/**
 * The errors of the Open Inference Protocol, by whose member `error` its clients read them;
 * KServe's does so only under exactly this media type. The members of the problem stand beside it.
 */
export const inferenceErrors: ErrorForm = {
  mediaType: 'application/json',
  bodyOf: (problem) => {
    const { detail, next } = problem;
    const body = { ...problem, error: next === undefined ? detail : `${detail}; ${next}` };
    return body;
  },
};

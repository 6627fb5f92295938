/**
 * The default timeout of a test. Jest's five seconds are too short on a busy machine; tests that
 * must be fast assert that themselves.
 */
jest.setTimeout(120_000);

/**
 * The default timeout of a test, which only ends one that hangs. Other work on the machine can make
 * a test twenty times slower; tests that must be fast assert that themselves.
 */
jest.setTimeout(300_000);

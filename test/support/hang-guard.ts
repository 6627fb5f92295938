/**
 * When a test counts as hung, unless its file says otherwise. Jest's five seconds are passed by any
 * test on a machine that is busy enough; what must be quick is asserted where it is.
 */
jest.setTimeout(120_000);

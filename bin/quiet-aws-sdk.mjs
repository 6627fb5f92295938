/**
 * The AWS SDK announces on every start under Node 20 that versions after January 2027 need Node 22.
 * The README says so once; the pinned version works with 20.
 */
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';

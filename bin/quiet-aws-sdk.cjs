/**
 * Hides a notice of the AWS SDK under Node 20: its versions after January 2027 need Node 22. The
 * README says so, and the pinned version works with 20.
 */
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';

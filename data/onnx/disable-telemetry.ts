/**
 * Must be imported before onnxruntime, which reads this variable when it loads. From 1.30 on, it
 * sends usage reports to its maker and stores a machine identity in the user's home. A value set by
 * the caller stays.
 */
// eslint-disable-next-line no-restricted-properties -- written for the library, which reads it from nowhere else
process.env['ORT_DISABLE_TELEMETRY'] ??= '1';

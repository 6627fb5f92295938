/**
 * Imported before onnxruntime, which reads this when it loads: from 1.30 on it reports its use to
 * its maker over the internet, and for that keeps an identity of the machine in the user's home.
 * What the caller has set stays.
 */
// eslint-disable-next-line no-restricted-properties -- written for the library, which reads it from nowhere else
process.env['ORT_DISABLE_TELEMETRY'] ??= '1';

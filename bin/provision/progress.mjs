/**
 * Prints a line when a step starts and ends, and regularly in between. Writes to stderr, because
 * stdout is for results.
 */
const signOfLifeSeconds = 15;

export function openProgress(stream = process.stderr) {
  const active = new Map();
  const say = (line) => stream.write(`${line}\n`);
  let quietSince = Date.now();
  const timer = setInterval(() => {
    if (active.size === 0 || Date.now() - quietSince < signOfLifeSeconds * 1000) return;
    say(
      `  … still running: ${[...active].map(([title, since]) => `${title} (${seconds(since)})`).join(', ')}`,
    );
    quietSince = Date.now();
  }, 1000);
  timer.unref();
  return {
    say,
    async step(title, doing, work) {
      const since = Date.now();
      active.set(title, since);
      say(`  ${title.padEnd(18)} ${doing}`);
      quietSince = Date.now();
      try {
        const result = await work();
        say(`  ${title.padEnd(18)} done in ${seconds(since)}`);
        return result;
      } finally {
        active.delete(title);
        quietSince = Date.now();
      }
    },
    close: () => clearInterval(timer),
  };
}

function seconds(since) {
  return `${((Date.now() - since) / 1000).toFixed(1)} s`;
}

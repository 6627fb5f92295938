/** npm passes Ctrl-C on, but nobody passes on a kill -9 of npm: then this process has another parent from one moment to the next. */
export function endWithNpm() {
  if (process.env.npm_command === undefined) return;
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) process.kill(process.pid, 'SIGTERM');
  }, 1000).unref();
}

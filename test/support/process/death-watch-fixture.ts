/**
 * Two servers under a death watch, one of which ignores SIGTERM and has a child. A test starts and
 * kills it.
 */
import { openDeathWatch } from '../../../infra/death-watch';
import { serverEnvironment, startServer } from '../../../infra/embedded/server-process';

async function main(folder: string): Promise<void> {
  const guard = openDeathWatch(1);
  const scripts = {
    willing: 'exec sleep 60',
    stubborn: 'trap "" TERM; sleep 60 & echo $!; wait; wait; wait',
  };
  const servers = await Promise.all(
    Object.entries(scripts).map(([name, script]) =>
      startServer({
        name,
        command: '/bin/sh',
        args: ['-c', script],
        env: serverEnvironment(),
        logFile: `${folder}/${name}.log`,
        guard,
        ready: () => Promise.resolve(true),
        readySeconds: 5,
        stopSignal: 'SIGTERM',
        stopSeconds: 5,
      }),
    ),
  );
  process.stdout.write(`${JSON.stringify(servers.map(({ pid }) => pid))}\n`);
}

void main(process.argv[2] ?? '');

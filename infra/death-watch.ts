import { spawn } from 'node:child_process';

/**
 * Ends the processes given to it when this process dies in any way, kill -9 included: a shell of one megabyte holds the other end of a pipe, and
 * the kernel closes that pipe with us. Every process is checked by its birth before it is signalled.
 */
export interface DeathWatch {
  readonly pid: number;
  add(pid: number, signal: NodeJS.Signals): void;
  drop(pid: number): void;
  /** Lets go: what is still in the list stays alive. */
  close(): void;
}

/** How long the orphaned processes get to end by themselves before SIGKILL. */
const graceSeconds = 8;

export function openDeathWatch(): DeathWatch {
  const shell = spawn('/bin/sh', ['-c', script, 'perennial-death-watch'], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    cwd: '/',
  });
  shell.on('error', () => undefined); // without a shell there is no watch; leftovers are then cleared at the next start
  shell.stdin.on('error', () => undefined);
  shell.unref();
  (shell.stdin as unknown as { unref(): void }).unref();
  const tell = (line: string): void => {
    if (shell.stdin.writable) shell.stdin.write(`${line}\n`);
  };
  return {
    pid: shell.pid ?? 0,
    add: (pid, signal) => tell(`add ${pid} ${signal.replace(/^SIG/, '')}`),
    drop: (pid) => tell(`drop ${pid}`),
    close: () => {
      tell('done');
      shell.stdin.end();
    },
  };
}

/** Processes are leaders of their own groups, so the last signal reaches their children too. */
const script = `
birth() {
  if [ -d /proc/self ]; then
    line=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
    set -- \${line##*) }
    [ "$1" = Z ] || echo "\${20}"
  else
    ps -o lstart= -p "$1" 2>/dev/null | tr -c 'A-Za-z0-9\\n' '_'
  fi
}
trap '' INT TERM HUP
watched=
while read -r verb pid signal; do
  case $verb in
    add) watched="$pid:$(birth "$pid"):$signal $watched" ;;
    drop)
      kept=
      for entry in $watched; do [ "\${entry%%:*}" = "$pid" ] || kept="$kept $entry"; done
      watched=$kept ;;
    done) exit 0 ;;
  esac
done
each() {
  alive=0
  for entry in $watched; do
    pid=\${entry%%:*}; rest=\${entry#*:}; born=\${rest%:*}
    [ -n "$born" ] && [ "$(birth "$pid")" = "$born" ] || continue
    alive=1
    case $1 in
      ask) kill -s "\${rest##*:}" "$pid" ;;
      force) kill -s KILL -- "-$pid" || kill -s KILL "$pid" ;;
    esac
  done
}
each ask
waited=0
while each look; [ $alive = 1 ] && [ $waited -lt ${graceSeconds * 10} ]; do sleep 0.1; waited=$((waited + 1)); done
each force
`;

/** A copy of the trainers, with additional ones that break the job contract. */
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const code: Readonly<Record<string, string>> = {
  'no-result': 'import sys\n\ndef train(job):\n    print("done, really")\n    sys.exit(0)\n',
  'exits-one':
    'import sys\n\ndef train(job):\n    print("the moon is wrong", file=sys.stderr)\n    sys.exit(1)\n',
  raises: 'def train(job):\n    return 1 / 0\n',
  // Ignores SIGTERM, which the backend sends first.
  hangs:
    'import signal, time\n\ndef train(job):\n    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n    while True:\n        time.sleep(1)\n',
  eats: 'def train(job):\n    kept = []\n    while True:\n        kept.append(bytearray(50_000_000))\n',
  // Tries what hostile code would try, and reports the result of each attempt.
  hostile: `import ctypes, json, os, socket
from runtime.job import Produced

def attempt(what):
    try:
        return f"done: {what()}"[:200]
    except BaseException as error:
        return type(error).__name__

def replace(name, content):
    with open(f".{name}.mine", "w") as file:
        file.write(content)
    os.replace(f".{name}.mine", name)

def mount():
    # On a folder of its own and undone at once: where nothing refuses it, nobody else shall notice.
    os.makedirs("mounted", exist_ok=True)
    libc = ctypes.CDLL(None)
    if libc.mount(b"none", b"mounted", b"tmpfs", 0, None) != 0:
        raise PermissionError
    libc.umount2(b"mounted", 2)

def attempts(params):
    worker = params["worker"]
    return {
        "environment": attempt(lambda: open(f"/proc/{worker}/environ").read()),
        "memory": attempt(lambda: open(f"/proc/{worker}/mem", "rb").read(1)),
        "auditKey": attempt(lambda: open(params["audit_key"]).read()),
        "apiKey": attempt(lambda: open(params["api_key"]).read()),
        "otherJob": attempt(lambda: open(params["other_job"]).read()),
        "listJobs": attempt(lambda: os.listdir("..")),
        "listState": attempt(lambda: sorted(os.listdir(params["state"]))),
        "connect": attempt(lambda: socket.create_connection(("127.0.0.1", params["port"]), 5)),
        "connectOut": attempt(lambda: socket.create_connection(("192.0.2.1", 80), 5)),
        "killWorker": attempt(lambda: os.kill(worker, 0)),
        "killHost": attempt(lambda: os.kill(os.getppid(), 0)),
        "becomeRoot": attempt(lambda: os.setuid(0)),
        "mount": attempt(mount),
        "forgeProcess": attempt(lambda: replace("process.json", "{}")),
        "forgeJob": attempt(lambda: replace("job.json", "{}")),
        "changeInput": attempt(lambda: open("inputs/train/0.parquet", "w")),
    }

def train(job):
    found = attempts(job.params)
    for name in ("exit.json", "outcome.json", "cancelled.json"):
        attempt(lambda: replace(name, '{"kind": "failed", "attempt": 1, "code": 0}'))
    os.makedirs("outputs/folder")
    os.symlink(job.params["audit_key"], "outputs/stolen.txt")
    os.symlink("/etc", "outputs/etc")
    job.output("kept.txt").write_text("kept")
    return Produced(metrics={"user": os.getuid()}, facts={"attempts": found})
`,
  leaves:
    'import os, time\n\ndef train(job):\n    if os.fork() == 0:\n        while True:\n            time.sleep(1)\n    os._exit(0)\n',
};

export function writeBadTrainers(folder: string): string {
  cpSync(resolve(__dirname, '..', '..', '..', 'trainers'), folder, {
    recursive: true,
    filter: (path) => !path.includes('__pycache__'),
  });
  for (const [name, text] of Object.entries(code)) {
    mkdirSync(join(folder, name));
    writeFileSync(
      join(folder, name, 'trainer.yaml'),
      `name: ${name}\ndescription: Breaks the contract of jobs.\ntasks: [classification]\nparams: { type: object }\n`,
    );
    writeFileSync(join(folder, name, 'train.py'), text);
  }
  return folder;
}

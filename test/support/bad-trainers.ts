/** A copy of the trainers with some beside them that do not keep the contract of jobs. */
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const code: Readonly<Record<string, string>> = {
  'no-result': 'import sys\n\ndef train(job):\n    print("done, really")\n    sys.exit(0)\n',
  'exits-one': 'import sys\n\ndef train(job):\n    print("the moon is wrong", file=sys.stderr)\n    sys.exit(1)\n',
  raises: 'def train(job):\n    return 1 / 0\n',
  // SIGTERM is asked of it first, and it does not listen.
  hangs:
    'import signal, time\n\ndef train(job):\n    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n    while True:\n        time.sleep(1)\n',
  eats: 'def train(job):\n    kept = []\n    while True:\n        kept.append(bytearray(50_000_000))\n',
  leaves: 'import os, time\n\ndef train(job):\n    if os.fork() == 0:\n        while True:\n            time.sleep(1)\n    os._exit(0)\n',
};

export function writeBadTrainers(folder: string): string {
  cpSync(resolve(__dirname, '..', '..', 'trainers'), folder, { recursive: true, filter: (path) => !path.includes('__pycache__') });
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

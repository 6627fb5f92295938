import { Option } from 'commander';
import { runPriorities } from '../../../domain/run/fair-share';

export function priorityOption(byDefault: string): Option {
  return new Option(
    '--priority <priority>',
    `How often the run gets its turn while runs wait for a worker (default: ${byDefault})`,
  ).choices(runPriorities);
}

import { cliAgainst } from './fake-api';

/** The help of a command and its subcommands, by name. */
async function helpsBelow(names: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const { stdout } = await cliAgainst({ apiUrl: null, apiKey: null }, [...names, '--help']);
  const children = [...section(stdout, 'Commands').matchAll(/^ {2}([a-z][a-z-]*)/gm)].map(
    ([, name]) => name ?? '',
  );
  const below = await Promise.all(
    children.filter((name) => name !== 'help').map((name) => helpsBelow([...names, name])),
  );
  return new Map([[names.join(' '), stdout], ...below.flatMap((each) => [...each])]);
}

function section(help: string, title: string): string {
  return new RegExp(`^${title}:\n((?: .*\n?)*)`, 'm').exec(help)?.[1] ?? '';
}

test('help describes each command in the imperative, and each argument and option', async () => {
  const helps = await helpsBelow([]);
  expect(helps.size).toBeGreaterThan(100);
  const silent = [...helps].flatMap(([name, help]) => {
    const [usage = '', , description = ''] = help.split('\n');
    const used = [...usage.matchAll(/[<[]([a-z]+)(?:\.\.\.)?[>\]]/g)].flatMap(
      ([, argument = '']) => (argument === 'options' ? [] : [argument]),
    );
    const described = section(help, 'Arguments');
    return [
      ...(/^[A-Z][a-z]+,? /.test(description) ? [] : [`${name}: ${description}`]),
      ...used.filter(
        (argument) =>
          argument !== 'command' && !new RegExp(`^ {2}${argument} +\\S`, 'm').test(described),
      ),
      ...[
        ...section(help, 'Options').matchAll(/^ {2}(-\S*(?:, --?\S+)*(?: <\S+>)?)$\n(?! {4})/gm),
      ].map(([, option]) => `${name} ${option}`),
    ];
  });
  expect(silent).toEqual([]);
});

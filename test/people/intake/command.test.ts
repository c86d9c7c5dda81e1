import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

// The verb opens the database that the environment names: it is named before anything is loaded.
const folder = mkdtempSync(join(tmpdir(), 'amends-command-'));
vi.stubEnv('DATABASE_URL', `file:${join(folder, 'amends.db')}`);

let run: (...args: string[]) => Promise<{ code: number; out: string[]; err: string[] }>;
beforeAll(async () => {
  run = async (...args) => {
    // A verb closes the database it opened, as a command does when it ends: each run is a process of its own.
    vi.resetModules();
    const { importVerb } = await import('../../../src/cli/import.ts');
    const out: string[] = [];
    const err: string[] = [];
    const code = await importVerb.run(args, { out: (line) => out.push(line), err: (line) => err.push(line) });
    return { code, out, err };
  };
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const GOOD = 'source,person_id,kind,words\ndesk,7,customer,It stops.\n';

test('0 when every row went in, and a table that says so', async () => {
  const { code, out } = await run(file('good.csv', GOOD));
  expect(code).toBe(0);
  expect(out).toEqual([
    'good.csv, read as the neutral CSV.',
    '',
    '         1  rows',
    '         1  new people',
    '         0  went to people already known: 0 rows added something, 0 rows nothing new',
    '         0  refused',
    '',
    expect.stringMatching(/^To take it back: amends import --undo \S+$/),
  ]);
  expect((await run(file('good.csv', GOOD), '--dry-run')).out[0]).toMatch(/A dry run: nothing was written\.$/);
});

test('1 when rows were refused; the first of each kind is shown, the rest can be mended from the errors file', async () => {
  const errors = join(folder, 'mend.csv');
  const path = file('mixed.csv', `${GOOD}desk,8,client,"a, ""b"""\ndesk,9,klient,x\ndesk,10,customer\n`);
  const { code, out, err } = await run(path, '--errors', errors);
  expect(code).toBe(1);
  expect(out.slice(-2)).toEqual([
    '  line 3, kind: “client” is none of: customer, employee. (2 rows like this)',
    '  line 5, kind: This row has 3 cells and the header has 4. Look for a missing or an extra separator or quote.',
  ]);
  expect(err).toEqual([`The refused rows are in ${errors}. Mend them there and import that file.`]);
  expect(readFileSync(errors, 'utf8').split('\n').slice(0, 3)).toEqual([
    'refused_because,source,person_id,kind,words',
    '"kind: “client” is none of: customer, employee.",desk,8,client,"a, ""b"""',
    '"kind: “klient” is none of: customer, employee.",desk,9,klient,x',
  ]);
  const mended = readFileSync(errors, 'utf8')
    .replace(/,[ck]lient,/g, ',customer,')
    .split('\n')
    .slice(0, 3)
    .join('\n');
  expect((await run(file('mended.csv', mended))).code).toBe(0);
});

test('2 when nothing could be read, with the way out', async () => {
  expect(await run(file('page.csv', '<html>'))).toMatchObject({
    code: 2,
    err: [expect.stringMatching(/^Nothing was imported\. This is a web page/)],
  });
  expect(await run(join(folder, 'none.csv'))).toMatchObject({ code: 2 });
  expect(await run()).toMatchObject({ code: 2, err: ['Name one file. See: amends import --help'] });
  expect(await run('a.csv', '--quickly')).toMatchObject({ code: 2 });
  const path = file('accounts.csv', 'account_id,signup_date,plan_tier,seats\nA,2024-01-01,Pro,3\n');
  expect((await run(path)).err[0]).toMatch(/Its columns fit --mapping ravenstack-accounts\.$/);
  expect((await run(path, '--mapping', 'ravenstack')).err[0]).toMatch(
    /There is no mapping “ravenstack”\. There are: airline-tweets, .*ravenstack-accounts, /,
  );
  expect((await run(path, '--mapping', 'ravenstack-accounts')).code).toBe(0);
  expect((await run(path, '--errors', path)).code).toBe(2);
  expect(existsSync(path)).toBe(true);
});

test('--json is one object with the whole report', async () => {
  const { out } = await run(file('mixed.csv', `${GOOD}desk,8,client,x\n`), '--json');
  expect(out).toHaveLength(1);
  expect(JSON.parse(out[0]!)).toMatchObject({
    rows: 2,
    imported: 0,
    merged: { unchanged: 1 },
    refused: [{ line: 3, column: 'kind', value: 'client' }],
  });
});

test('--list names every import, --undo takes one back', async () => {
  await run(file('undo.csv', 'source,person_id,kind,words\ndesk,77,customer,Gone again.\n'));
  const listed = (await run('--list')).out;
  expect(listed[0]).toMatch(/undo\.csv, read as the neutral CSV: 1 new people$/);
  const id = listed[0]!.split(' ')[0]!;
  expect((await run('--undo', id)).out[0]).toBe(
    'The import of undo.csv is undone: 1 person, 0 departures, 1 complaint and 0 traces removed.',
  );
  expect(await run('--undo', id)).toMatchObject({ code: 2, err: [expect.stringMatching(/was undone on .* already/)] });
});

test('--map asks what the columns mean and writes a mapping that reads the file', async () => {
  const path = file(
    'leavers.csv',
    'Client No,Full Name,Mail,Gone,Why,Remarks\n1,Ada,ada@a.example,13/04/2026,dear,Too dear for us\n2,Bo,bo@b.example,02/05/2026,slow,\n',
  );
  const to = join(folder, 'leavers.yaml');
  vi.resetModules();
  const { mapByAsking } = await import('../../../src/cli/map.ts');
  const answers: Record<string, string> = {
    'Which system': 'crm',
    'person_id:': 'Client No',
    'first_name:': 'Full Name',
    'email:': 'Mail',
    'left_on:': 'gone',
    'reason_code:': 'Why',
    'words:': 'Remarks',
    '“dear”': 'value',
    '“slow”': 'e',
    'complaint_id:': '-',
    'said_on:': '-',
    'plan_or_role:': '-',
    'joined_on:': '-',
  };
  const asked: string[] = [];
  const ask = async (question: string, proposed: string) => {
    asked.push(question);
    const key = Object.keys(answers).find((one) => question.includes(one));
    return key === undefined ? proposed : answers[key]!;
  };
  const silent = { out: () => {}, err: () => {} };
  expect(await mapByAsking(silent, path, to, undefined, ask)).toBe(0);
  // 13/04 says that the day stands first: nobody has to be asked.
  expect(asked.join('\n')).not.toMatch(/what stands first/);
  const { code, out } = await run(path, '--mapping', to, '--json');
  expect([code, JSON.parse(out[0]!)]).toMatchObject([0, { imported: 2, conflicts: [] }]);
  expect(readFileSync(to, 'utf8')).toMatch(/D\/M\/YYYY/);
});

test('--map, answered with nonsense first: a sentence each time, and then a mapping that is never written over', async () => {
  const path = file('odd.csv', 'Client No,Remarks\n1,Too dear for us\n');
  const to = join(folder, 'odd.yaml');
  const { mapByAsking } = await import('../../../src/cli/map.ts');
  const fields = ['-', 'Colour', 'Client No', '-', '-', '-', 'Remarks', '-', '-', '-', '-'];
  const answers = ['', 'my crm', 'crm', 'elephant', 'complaint', 'customer', ...fields];
  const [out, err]: string[][] = [[], []];
  const io = { out: (line: string) => out!.push(line), err: (line: string) => err!.push(line) };
  const ask = async (question: string, proposed: string) => {
    if (question.startsWith('words')) return 'Remarks';
    return answers.shift() ?? proposed;
  };
  expect(await mapByAsking(io, path, to, undefined, ask)).toBe(0);
  const said = out!.join('\n');
  expect(said).toMatch(/A source is made of letters/);
  expect(said).toMatch(/“elephant” is none of these. Write one of departure, person, complaint and signal/);
  expect(said).toMatch(/one column has to be the person’s id/);
  expect(said).toMatch(/There is no column “Colour”. There are: Client No and Remarks/);
  expect(await mapByAsking(io, path, to, undefined, ask)).toBe(2);
  expect(err!.at(-1)).toMatch(/There is a file at .* already/);
});

test('--map, when the answers end before all was asked, says so and writes nothing', async () => {
  const path = file('short.csv', 'Client No,Remarks\n1,Too dear for us\n');
  const to = join(folder, 'short.yaml');
  const child = spawn(process.execPath, ['src/cli/main.ts', 'import', path, '--map', to], {
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  let err = '';
  child.stderr.on('data', (chunk) => {
    err += chunk;
  });
  child.stdin.end('\ncrm\n');
  const [code] = await once(child, 'close');
  expect([code, err]).toEqual([2, 'The answers ended before all was asked. Nothing was written.\n']);
  expect(existsSync(to)).toBe(false);
}, 120_000);

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { DatabaseSync } from 'node:sqlite';

/*
 * What a page costs without any of our code: a fixed file at /file, and at /for/<token> a person by three prepared statements and one
 * template. The limit that our own figures stand beside. `node raw.ts <port> <database> <file>`.
 */

const [port, path, file] = process.argv.slice(2);
const body = readFileSync(file!);
const db = new DatabaseSync(path!, { readOnly: true });
const person = db.prepare(
  'select p.id, p.first_name from links l join persons p on p.id = l.person_id where l.hash = ? and l.revoked_at is null',
);
const told = db.prepare('select words, said_on, issue_id from complaints where person_id = ? limit 20');
const left = db.prepare('select left_on, plan_or_role, amount from departures where person_id = ?');

createServer((request, response) => {
  if (request.url === '/file') {
    response.writeHead(200, { 'content-type': 'text/html', 'content-length': body.length }).end(body);
    return;
  }
  const token = request.url!.slice('/for/'.length);
  const found = person.get(createHash('sha256').update(token).digest()) as
    | { id: string; first_name: string }
    | undefined;
  if (!found) {
    response.writeHead(404).end();
    return;
  }
  const departure = left.get(found.id) as { left_on: string; plan_or_role: string; amount: number };
  const rows = (told.all(found.id) as { words: string; said_on: string }[])
    .map(({ words, said_on }) => `<li><q>${words}</q> ${said_on}</li>`)
    .join('');
  const page = `<!doctype html><h1>For ${found.first_name}</h1><p>You left ${departure.plan_or_role} on ${departure.left_on}.</p><ul>${rows}</ul>`;
  response.writeHead(200, { 'content-type': 'text/html' }).end(page);
}).listen(Number(port), '127.0.0.1');

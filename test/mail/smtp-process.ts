import { appendFileSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { parseArgs } from 'node:util';
import { SMTPServer } from 'smtp-server';

/*
 * `node smtp-process.ts <folder> [--only-envelopes] [--late <ms>]`: a mail server of its own. It prints its port, writes down each
 * letter before it says yes (`letters.jsonl`: recipient, Message-ID, the line it came over, text unless left out), and does what the name in front of the @
 * asks for. `--late`: everything it says comes so much later, as from far away.
 */

const { values, positionals } = parseArgs({
  options: { 'only-envelopes': { type: 'boolean' }, late: { type: 'string', default: '0' } },
  allowPositionals: true,
});
const [folder, late] = [positionals[0], Number(values.late)];
const refusals: Record<string, [code: number, text: string]> = {
  busy: [451, '4.7.1 Come back later'],
  gone: [550, '5.1.1 No such user here'],
  plainly: [550, 'User unknown'],
  blocked: [550, '5.7.1 We do not take your letters'],
  full: [552, '5.2.2 Mailbox full'],
  closing: [421, '4.3.2 Shutting down'],
};
const refusal = ([code, text]: [number, string]) => Object.assign(new Error(text), { responseCode: code });

const server = new SMTPServer({
  disabledCommands: ['STARTTLS'],
  authOptional: true,
  hideDSN: false,
  allowInsecureAuth: true,
  closeTimeout: 100,
  onAuth: ({ username, password }, _session, done) =>
    username === 'amends' && password === 'right'
      ? done(null, { user: username })
      : done(refusal([535, '5.7.8 Wrong password'])),
  onRcptTo: ({ address }, _session, done) => {
    const refused = refusals[address.split('@')[0]!];
    done(refused ? refusal(refused) : null);
  },
  onData: (stream, session, done) => {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => {
      const raw = Buffer.concat(chunks).toString();
      const [{ address } = { address: '' }] = session.envelope.rcptTo;
      if (address.startsWith('spam@')) return done(refusal([554, '5.6.0 We think this is spam']));
      const line = {
        to: address,
        from: session.envelope.mailFrom,
        id: /^Message-ID: (\S+)/im.exec(raw)?.[1],
        dsn: session.envelope.dsn,
        line: session.id,
      };
      appendFileSync(
        `${folder}/letters.jsonl`,
        `${JSON.stringify(values['only-envelopes'] ? line : { ...line, raw })}\n`,
      );
      // Taken, and nobody hears of it.
      if (address.startsWith('drops@')) {
        for (const connection of server.connections) if (connection.session.id === session.id) connection.close();
        return;
      }
      done();
    });
  },
});
server.on('error', () => {});
if (late > 0) {
  server.server.prependListener('connection', (socket: Socket) => {
    const write = socket.write.bind(socket) as (chunk: string | Buffer) => boolean;
    socket.write = (chunk: string | Buffer) => setTimeout(write, late, chunk) !== undefined;
  });
}
writeFileSync(`${folder}/letters.jsonl`, '');
const listening = server.listen(0, '127.0.0.1', () => {
  const address = listening.address();
  console.log(typeof address === 'object' && address ? address.port : '');
});

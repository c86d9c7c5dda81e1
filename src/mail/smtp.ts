import { Readable } from 'node:stream';
import { parseConnectionUrl } from 'nodemailer/lib/shared';
import SMTPConnection from 'nodemailer/lib/smtp-connection';
import { compose, type Sender } from './compose.ts';
import { LEASE_MS, type Outcome, type Transport } from './delivery.ts';

/** What went wrong, as nodemailer says it. */
type Failure = Error & { code?: string; command?: string; responseCode?: number; response?: string };

/** A letter's lease must outlive its try. */
const PATIENCE_MS = LEASE_MS - 15_000;

/**
 * Connections to the mail server: as many as letters are given away at the same time, made at the first letters and used again until
 * `close`. Outside this machine the lines are encrypted or not used, unless the URL ends in `?ignoreTLS=true`.
 */
export function openSmtp(
  url: string,
  patienceMs = PATIENCE_MS,
): {
  transport: (sender: Sender) => Transport;
  /** Signs in and out again; answers what is wrong, or null. */
  greet: () => Promise<string | null>;
  close: () => void;
} {
  const idle: SMTPConnection[] = [];

  async function line(): Promise<SMTPConnection> {
    for (let one = idle.pop(); one; one = idle.pop()) if (!isGone(one)) return one;
    return connect(url);
  }
  function close(): void {
    for (const one of idle.splice(0)) one.quit();
  }

  const transport =
    (sender: Sender): Transport =>
    async (letter) => {
      let message: Buffer | null;
      try {
        message = await compose(letter, sender);
      } catch (error) {
        // It never came near the server, and another letter may be one that can be made.
        return { left: 'later', said: said(error as Failure), stop: false };
      }
      if (!message) return { left: 'never', because: 'no-address', said: 'The address can’t be written to.' };
      const trying = { begun: false };
      const onBegin = () => {
        trying.begun = true;
      };
      const began = performance.now();
      let mine: SMTPConnection | null = null;
      try {
        // Apart from what follows: a line that comes after we gave up must not carry the letter all the same.
        mine = await within(patienceMs, line());
        const left = patienceMs - (performance.now() - began);
        await within(left, give(mine, { from: sender.from, to: letter.to, id: letter.id }, message, onBegin));
        idle.push(mine);
        return { left: 'yes' };
      } catch (error) {
        const failure = error as Failure;
        // A refusal leaves the line as it was; everything else leaves it in a state that nobody knows.
        if (mine && failure.responseCode !== undefined && (await reset(mine))) idle.push(mine);
        else mine?.close();
        return judge(failure, trying.begun);
      }
    };

  async function greet(): Promise<string | null> {
    try {
      idle.push(await within(patienceMs, line()));
      return null;
    } catch (error) {
      return said(error as Failure);
    } finally {
      close();
    }
  }
  return { transport, greet, close };
}

/** What a failure means for the letter. `begun`: the server had asked for its text. */
export function judge(failure: Failure, begun: boolean): Outcome {
  const { responseCode: code, command = '' } = failure;
  const answer = said(failure);
  if (code === undefined) {
    if (begun) return { left: 'unknown', said: answer };
    if (failure.code === 'EENVELOPE') return { left: 'never', because: 'no-address', said: answer };
    return { left: 'later', said: answer, stop: true };
  }
  // Refused before it came to this letter: our name, our password, our address. That is ours to mend, and holds no letter.
  if (command !== 'RCPT TO' && command !== 'DATA') return { left: 'later', said: answer, stop: true };
  if (code < 500) return { left: 'later', said: answer, stop: code === 421 };
  return { left: 'never', because: isUnknownMailbox(answer) ? 'bounced' : 'refused', said: answer };
}

/** RFC 3463: the mailbox does not exist, has moved, takes no mail, or the domain takes none. */
function isUnknownMailbox(answer: string): boolean {
  const enhanced = /\b5\.\d{1,3}\.\d{1,3}\b/.exec(answer)?.[0];
  if (enhanced) return ['5.1.1', '5.1.2', '5.1.6', '5.1.10', '5.2.1'].includes(enhanced);
  return (
    /^55[0135]/.test(answer) &&
    /(unknown|no such|invalid) (user|mailbox|recipient|address)|(user|mailbox|recipient|address)\b.{0,60}\b(unknown|not found|not exist|does ?n.t exist)/i.test(
      answer,
    )
  );
}

function said({ response, message }: Failure): string {
  return (response || message).replace(/[\p{Cc}\s]+/gu, ' ').slice(0, 300);
}

async function connect(url: string): Promise<SMTPConnection> {
  const { auth, host = 'localhost', ...options } = parseConnectionUrl(url);
  const connection = new SMTPConnection({
    // Names outside this machine need a line that nobody reads along.
    requireTLS: !options['ignoreTLS'] && !['127.0.0.1', 'localhost', '[::1]', '::1'].includes(host),
    connectionTimeout: 10_000,
    greetingTimeout: 10_000,
    dnsTimeout: 10_000,
    socketTimeout: 30_000,
    ...options,
    host,
  });
  await new Promise<void>((resolve, reject) => {
    // Stays: a line that breaks between two letters must not end the process.
    connection.on('error', reject);
    connection.connect((error) => (error ? reject(error) : resolve()));
  });
  if (auth) {
    await new Promise<void>((resolve, reject) => {
      connection.login({ ...auth, credentials: auth }, (error) => (error ? reject(error) : resolve()));
    }).catch((error) => {
      connection.close();
      throw error;
    });
  }
  return connection;
}

function give(
  connection: SMTPConnection,
  { id, from, to }: { id: string; from: string; to: string },
  message: Buffer,
  onBegin: () => void,
): Promise<void> {
  // Read only once the server has asked for it.
  const text = new Readable({
    read() {
      onBegin();
      this.push(message);
      this.push(null);
    },
  });
  return new Promise((resolve, reject) => {
    // Where the server knows how (RFC 3461), a report about it carries our id and no copy of its text.
    const dsn = { id, return: 'headers', notify: ['failure'], recipient: to };
    connection.send({ from, to: [to], size: message.length, dsn }, text, (error) =>
      error ? reject(error) : resolve(),
    );
  });
}

function reset(connection: SMTPConnection): Promise<boolean> {
  const done = new Promise<boolean>((resolve) => connection.reset((error) => resolve(!error)));
  return within(10_000, done).catch(() => false);
}

function isGone(connection: SMTPConnection): boolean {
  return connection.destroyed === true;
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let late: NodeJS.Timeout | undefined;
  try {
    return await Promise.race([
      work,
      new Promise<never>((_, reject) => {
        late = setTimeout(
          () => reject(new Error(`The mail server did not answer within ${Math.round(ms / 1000)} seconds.`)),
          ms,
        );
      }),
    ]);
  } finally {
    clearTimeout(late);
  }
}

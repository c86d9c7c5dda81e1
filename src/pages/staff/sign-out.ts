import type { APIRoute } from 'astro';
import { forgetSession, sessionSecret, staffOf } from '../../desk.ts';
import { endSession } from '../../sessions/staff.ts';
import { record } from '../../staff/audit.ts';
import { seeOther } from '../../visit.ts';

/** Signs this browser out. */
export const POST: APIRoute = async (context) => {
  const desk = await staffOf(context);
  const secret = sessionSecret(context);
  if (desk && secret) {
    const { id } = desk.staff;
    await desk.db.write(async (tx) => {
      await endSession(tx, secret);
      await record(tx, { by: id, action: 'signed out', subject: `staff:${id}` }, desk.now);
    });
  }
  forgetSession(context);
  return seeOther('/staff/sign-in');
};

/** Opened rather than pressed: nothing happens. */
export const ALL: APIRoute = () => seeOther('/staff');

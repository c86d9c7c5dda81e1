import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { Ajv, type ValidateFunction } from 'ajv';
import type { Exchange } from '../../../src/payments/sandbox/server.ts';

/* Compares what the sandbox is asked and what it answers with Stripe's own types, as the SDK has them. */

type Packed = { version: string; roots: Record<string, object>; definitions: Record<string, object> };

const packed: Packed = JSON.parse(gunzipSync(readFileSync(new URL('./stripe.json.gz', import.meta.url))).toString());
const { roots, definitions } = packed;
/** Of the SDK whose types these are. */
export const VERSION = packed.version;

const NAMES = Object.keys(roots);
/** One document, so that what two types share is compiled once. */
const document = { $id: 'stripe', definitions, roots: Object.values(roots) };
/** A request is text throughout; an answer is compared as it stands. */
const requests = new Ajv({ strict: false, coerceTypes: 'array' }).addSchema(document);
const answers = new Ajv({ strict: false }).addSchema(document);
const compiled = new Map<string, ValidateFunction>();

function validatorFor(name: string, by: Ajv): ValidateFunction | null {
  if (!NAMES.includes(name)) return null;
  const known = compiled.get(name) ?? by.compile({ $ref: `stripe#/roots/${NAMES.indexOf(name)}` });
  compiled.set(name, known);
  return known;
}

/** What in this exchange is not as Stripe has it; empty when all is. */
export function strayFrom({ method, route, params, status, body }: Exchange): string[] {
  const name = `${method} ${route}`;
  const wrong: string[] = [];
  const asked = validatorFor(name, requests);
  // What was refused may well have been wrong on purpose.
  if (asked && status === 200 && !asked(structuredClone(params))) wrong.push(...said(`${name} is asked`, asked));
  for (const object of objectsIn(body)) {
    const answered = validatorFor(String(object['object']), answers);
    if (answered && !answered(object)) wrong.push(...said(`${name} answers a ${object['object']}`, answered));
  }
  return wrong;
}

function objectsIn(body: unknown): Record<string, unknown>[] {
  if (typeof body !== 'object' || body === null) return [];
  const one = body as Record<string, unknown>;
  if (one['object'] === 'list') return (one['data'] as Record<string, unknown>[]) ?? [];
  return typeof one['object'] === 'string' ? [one] : [];
}

function said(where: string, { errors }: ValidateFunction): string[] {
  return (errors ?? [])
    .slice(0, 3)
    .map(({ instancePath, message, params }) => `${where}: ${instancePath} ${message} ${JSON.stringify(params)}`);
}

/** The names that something was compared with, to see that nothing was left out. */
export const comparedWith = () => [...compiled.keys()].toSorted();

import qs from 'qs';
import { invalid } from './errors.ts';

/** A form-encoded body or query as Stripe nests it: every leaf is text. */
export type Params = { [name: string]: Value | undefined };
type Value = string | Value[] | Params;

export function readParams(encoded: string): Params {
  return qs.parse(encoded, { depth: 10, arrayLimit: 200, parameterLimit: 5_000 }) as Params;
}

export function refuseUnknown(params: Params, accepted: string[]): void {
  const unknown = Object.keys(params).find((name) => name !== 'expand' && !accepted.includes(name));
  if (unknown) throw invalid(`Received unknown parameter: ${unknown}`, { code: 'parameter_unknown', param: unknown });
}

export function text(params: Params, name: string): string | undefined {
  const value = params[name];
  if (value === undefined || value === '') return undefined;
  if (typeof value !== 'string') throw invalid(`Invalid string: ${JSON.stringify(value)}`, { param: name });
  return value;
}

export function required(params: Params, name: string): string {
  const value = text(params, name);
  if (value !== undefined) return value;
  throw invalid(`Missing required param: ${name}.`, { code: 'parameter_missing', param: name });
}

export function whole(params: Params, name: string): number | undefined {
  const value = text(params, name);
  if (value === undefined) return undefined;
  if (/^-?\d{1,12}$/.test(value)) return Number(value);
  throw invalid(`Invalid integer: ${value}`, { code: 'parameter_invalid_integer', param: name });
}

export function flag(params: Params, name: string): boolean | undefined {
  const value = text(params, name);
  if (value === undefined) return undefined;
  if (value === 'true' || value === 'false') return value === 'true';
  throw invalid(`Invalid boolean: ${value}`, { param: name });
}

export function oneOf<T extends string>(params: Params, name: string, allowed: readonly T[]): T | undefined {
  const value = text(params, name);
  if (value === undefined || (allowed as readonly string[]).includes(value)) return value as T | undefined;
  throw invalid(`Invalid ${name}: must be one of ${allowed.join(', ')}`, { param: name });
}

export function nested(params: Params, name: string): Params | undefined {
  const value = params[name];
  if (value === undefined) return undefined;
  if (typeof value === 'object' && !Array.isArray(value)) return value;
  throw invalid(`Invalid object`, { param: name });
}

export function several(params: Params, name: string): Value[] {
  const value = params[name];
  if (value === undefined) return [];
  if (Array.isArray(value)) return value;
  throw invalid(`Invalid array`, { param: name });
}

/** Stripe's rule: keys given are set, keys given empty are removed, an empty `metadata` removes all. */
export function mergedMetadata(params: Params, before: Record<string, string> = {}): Record<string, string> {
  if (params['metadata'] === '') return {};
  const after = { ...before };
  for (const [key, value] of Object.entries(nested(params, 'metadata') ?? {})) {
    if (value === '') delete after[key];
    else if (typeof value === 'string') after[key] = value;
  }
  return after;
}

/** What a person can run into. A refusal is returned, never thrown; its sentence may be shown as it stands. */
export type Refusal = { refused: true; code: string; sentence: string };

export function refuse(code: string, sentence: string): Refusal {
  return { refused: true, code, sentence };
}

export function isRefusal(value: unknown): value is Refusal {
  return typeof value === 'object' && value !== null && 'refused' in value && value.refused === true;
}

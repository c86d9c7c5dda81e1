import type Stripe from 'stripe';

/** What Stripe puts into `error` of a refused request. */
export type ErrorBody = {
  type: 'api_error' | 'card_error' | 'idempotency_error' | 'invalid_request_error';
  message: string;
  code?: string;
  param?: string;
  decline_code?: string;
  charge?: string;
  payment_intent?: Stripe.PaymentIntent;
};

/** A request refused before it was carried out: nothing is kept, not even under its idempotency key. */
export class Refused extends Error {
  readonly status: number;
  readonly error: ErrorBody;

  constructor(status: number, error: ErrorBody) {
    super(error.message);
    this.status = status;
    this.error = error;
  }
}

/** A request that was carried out and failed (a declined card): what it left behind is kept, and so is this answer. */
export class Failed {
  readonly status: number;
  readonly error: ErrorBody;

  constructor(status: number, error: ErrorBody) {
    this.status = status;
    this.error = error;
  }
}

export function invalid(message: string, more: Omit<Partial<ErrorBody>, 'type' | 'message'> = {}): Refused {
  return new Refused(400, { type: 'invalid_request_error', message, ...more });
}

/** 404 when the id stood in the address, 400 when it was a parameter. */
export function missing(noun: string, id: string, param = 'id', status = 404): Refused {
  return new Refused(status, {
    type: 'invalid_request_error',
    code: 'resource_missing',
    message: `No such ${noun}: '${id}'`,
    param,
  });
}

export * from './checkins.ts';
export * from './invitations.ts';
export * from './mail.ts';
export * from './makegoods.ts';
export * from './people.ts';
export * from './proofs.ts';
export * from './rejoin.ts';
export * from './sessions.ts';

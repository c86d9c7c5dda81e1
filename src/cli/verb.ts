/** Where a verb writes: results to `out`, progress and refusals to `err`. */
export type Io = { out(line: string): void; err(line: string): void };

/** One `amends` command. `run` answers the exit code: 0 done, 1 refused or problems found, 2 could not be carried out. */
export type Verb = {
  name: string;
  summary: string;
  help: string;
  run(args: string[], io: Io): Promise<number>;
};

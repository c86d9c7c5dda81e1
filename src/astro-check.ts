import type { AstroIntegration } from 'astro';
import { env } from './env.ts';
import { checkContent, problemLine } from './proofs/check.ts';
import { counted } from './shared/words.ts';

/** Stops `astro build` on everything that `amends check` refuses. Astro itself only logs a dangling reference. */
export function contentCheck(dir: string = env.CONTENT_DIR): AstroIntegration {
  return {
    name: 'amends-content-check',
    hooks: {
      'astro:build:start': async () => {
        const { problems } = await checkContent(dir);
        if (problems.length === 0) return;
        const lines = problems.map((problem) => `  ${dir}/${problemLine(problem)}`);
        throw new Error(`${counted(problems.length, 'problem')} in what is written:\n${lines.join('\n')}`);
      },
    },
  };
}

import axe from 'axe-core';
import type { Page } from 'playwright';
import { expect } from 'vitest';

const EVERYTHING: axe.RunOptions = {
  runOnly: { type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] },
  rules: { 'color-contrast-enhanced': { enabled: true } },
  resultTypes: ['violations'],
};
const COLOURS: axe.RunOptions = {
  runOnly: { type: 'rule', values: ['color-contrast', 'color-contrast-enhanced', 'link-in-text-block'] },
  resultTypes: ['violations'],
};
const LAYOUT: axe.RunOptions = {
  runOnly: {
    type: 'rule',
    values: [
      'color-contrast',
      'color-contrast-enhanced',
      'link-in-text-block',
      'target-size',
      'scrollable-region-focusable',
      'heading-order',
      'duplicate-id-aria',
      'label',
      'td-headers-attr',
      'th-has-data-cells',
    ],
  },
  resultTypes: ['violations'],
};

/** What a state may break: rules by their id, and how many scripts the page comes with. */
export type Allowed = { except?: string[]; scripts?: number };

/**
 * Everything that is asked of a page, asked of the one that is open: axe (A, AA, and AAA for contrast) in light and dark, on a phone
 * and on a desk; nothing overflows, everything is large enough to press, and it has a heading, a title and a language. `state`
 * names it in the message. With SHOTS set to a folder, the four pictures go there.
 */
export async function lookAt(page: Page, state: string, { except = [], scripts = 0 }: Allowed = {}): Promise<void> {
  const found: unknown[] = [];
  // Once for the page: there are no frames here that would need more.
  await page.evaluate(axe.source);
  for (const width of [360, 1280]) {
    await page.setViewportSize({ width, height: 800 });
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      // The dark page differs from the light one in its colours only, the wide one from the narrow one in its layout.
      const rules = colorScheme === 'dark' ? COLOURS : width === 360 ? EVERYTHING : LAYOUT;
      const violations = await page.evaluate(violationsOf, rules);
      for (const one of violations.filter(({ id }) => !except.includes(id))) found.push({ width, colorScheme, ...one });
      const { SHOTS } = process.env;
      if (SHOTS) await page.screenshot({ path: `${SHOTS}/${state}-${width}-${colorScheme}.png`, fullPage: true });
    }
    found.push(...(await page.evaluate(tooSmallToPress)).map((what) => ({ width, what })));
  }
  await page.setViewportSize({ width: 320, height: 800 });
  const parts = await page.evaluate(() => ({
    overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    headings: document.querySelectorAll('h1').length,
    titled: document.title.length > 10,
    lang: document.documentElement.lang,
    scripts: document.querySelectorAll('script').length,
  }));
  expect({ state, found, parts }).toEqual({
    state,
    found: [],
    parts: { overflow: 0, headings: 1, titled: true, lang: 'en-GB', scripts },
  });
}

/** Which of these rules of axe the open page breaks, and where. */
export async function brokenRules(page: Page, rules: string[]): Promise<{ id: string; where: unknown[] }[]> {
  await page.evaluate(axe.source);
  return page.evaluate(violationsOf, {
    runOnly: { type: 'rule', values: rules },
    resultTypes: ['violations'],
  } as axe.RunOptions);
}

/** Runs in the page. */
async function violationsOf(options: axe.RunOptions): Promise<{ id: string; where: unknown[] }[]> {
  const { violations } = await (window as unknown as { axe: typeof axe }).axe.run(options);
  return violations.map(({ id, nodes }) => ({
    id,
    where: nodes.map(({ target, failureSummary }) => [target, failureSummary]),
  }));
}

/**
 * Runs in the page. Buttons are at least 44 px high, everything else 24 px; links in running text are as high as their line, and
 * axe (target-size) sees to it that they don't crowd each other.
 */
function tooSmallToPress(): string[] {
  const small: string[] = [];
  for (const target of document.querySelectorAll<HTMLElement>('a, button, summary, input, textarea')) {
    const { width, height } = target.getBoundingClientRect();
    const hidden = width === 0 || target.matches('.skip, [type=hidden]');
    if (hidden || (target.matches('a') && getComputedStyle(target).display === 'inline')) continue;
    const least = target.matches('.button') ? 44 : 24;
    if (height < least || width < 24) small.push(`${target.textContent}: ${width} × ${height}`);
  }
  return small;
}

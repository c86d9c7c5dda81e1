import MarkdownIt from 'markdown-it';

/*
 * Prose that people wrote, as HTML. HTML in the source is shown as text, never passed on; a link leads to an https address, to a
 * mail address, or to this site, anything else stays as it was written; there are no pictures.
 */

const markdown = new MarkdownIt('default', { html: false, linkify: false, typographer: true, quotes: '“”‘’' });
markdown.disable('image');
// A code block's language would become a class of the writer's choosing.
markdown.renderer.rules.fence = (tokens, index) =>
  `<pre><code>${markdown.utils.escapeHtml(tokens[index]?.content ?? '')}</code></pre>\n`;
// The address comes percent-encoded: spaces, control characters and backslashes can no longer change what it means.
markdown.validateLink = (href) => /^(https:\/\/|mailto:|#|\/(?!\/))/i.test(href) || /^[\w.-]+(\/|#|$)/.test(href);

/** Paragraphs, lists, headings, quotes and tables. */
export function renderProse(text: string): string {
  return markdown.render(text);
}

/** One line, without a paragraph around it: headlines, list items, table cells. */
export function renderInline(text: string): string {
  return markdown.renderInline(text);
}

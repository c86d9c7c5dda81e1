import { withoutEntities } from '../../shared/entities.ts';

/** The text of a piece of HTML: paragraphs and breaks as lines, no tags, entities read once. It is shown as text, never as HTML. */
export function textOfHtml(html: string): string {
  const isMarkup = /<\/?[a-z][^>]*>/i.test(html);
  const bare = isMarkup
    ? html
        .replace(/<(script|style)\b[\s\S]*?<\/\1\s*>/gi, '')
        .replace(/<br\s*\/?>/gi, '\n')
        .replace(/<\/(p|div|li|h[1-6]|tr|blockquote)\s*>/gi, '\n\n')
        .replace(/<\/?[a-z!][^>]*>/gi, '')
    : html;
  return withoutEntities(bare)
    .replace(/[ \t]+\n/g, '\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim();
}

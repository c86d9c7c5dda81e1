import { type Dispatch, type SetStateAction, useEffect, useState } from 'react';
import { createPortal } from 'react-dom';

/*
 * While a draft is written: the check follows the words, and they are saved. The page does all of this without script, by its
 * button; no rule lives here.
 */

type Saving =
  | { state: 'as saved'; said: string }
  | { state: 'typing' | 'saving' }
  | { state: 'saved'; at: string }
  | { state: 'kept here'; because: string }
  | { state: 'conflict'; name: string; at: string };

const SAVE_AFTER = 1500;
const CHECK_AFTER = 600;

/** `first`: the check as the server rendered it, in the panel `#check`. `formId`: the form whose words it follows. */
export default function Live({ formId, first }: { formId: string; first: string }) {
  const [form, setForm] = useState<HTMLFormElement | null>(null);
  const [saving, setSaving] = useState<Saving>({ state: 'as saved', said: '' });
  const [check, setCheck] = useState(first);
  const [found, setFound] = useState<Kept | null>(null);

  useEffect(() => {
    const there = document.getElementById(formId) as HTMLFormElement;
    const status = document.getElementById('save-status')!;
    setSaving({ state: 'as saved', said: status.textContent });
    status.textContent = '';
    setForm(there);
    setFound(storedWords(there));
  }, [formId]);

  useEffect(() => (form ? follow(form, setSaving, setCheck) : undefined), [form]);

  useEffect(atTheirFields);

  function putBack() {
    if (!found || !form) return;
    writeInto(form, found);
    setFound(null);
    forgetWords(form);
    form.dispatchEvent(new Event('input'));
  }
  function throwAway() {
    if (form) forgetWords(form);
    setFound(null);
  }

  return (
    <>
      {form && createPortal(sentenceOf(saving, form), document.getElementById('save-status')!)}
      {found && (
        <div className="notice limits" role="status">
          <h2>Words of yours were not saved</h2>
          <p>
            They were kept in this window when they could not be sent, and are not in the draft
            {found.labels.length > 0 && `: ${found.labels.join(', ')}`}.
          </p>
          <div className="actions">
            <button type="button" className="button" onClick={putBack}>
              Put them back
            </button>
            <button type="button" className="button secondary" onClick={throwAway}>
              Throw them away
            </button>
          </div>
        </div>
      )}
      {/* Our own page's markup, escaped where it was made. */}
      {/* biome-ignore lint/security/noDangerouslySetInnerHtml: the same server rendered the rest of this page. */}
      <div dangerouslySetInnerHTML={{ __html: check }} />
    </>
  );
}

/** Checks and saves what is typed in this form, until the returned function ends it. */
function follow(form: HTMLFormElement, setSaving: Dispatch<SetStateAction<Saving>>, setCheck: (html: string) => void) {
  let change = 0;
  let saved = 0;
  let busy: Promise<void> | null = null;
  let stopped = false;
  let leaving = false;
  let checkTimer = 0;
  let saveTimer = 0;

  async function checkNow() {
    const asked = change;
    const answer = await send(form, form.dataset['check']!, 'text/html').catch(() => null);
    if (!answer?.ok || answer.redirected || asked !== change) return;
    const html = await answer.text();
    const panel = document.getElementById('check');
    if (panel?.contains(document.activeElement)) return;
    setCheck(html);
  }

  /** One at a time: a second one would come with a revision that the first has just made old. */
  function saveNow() {
    if (busy || stopped || change === saved) return;
    busy = saveOnce().finally(() => {
      busy = null;
    });
  }

  async function saveOnce() {
    const upTo = change;
    setSaving({ state: 'saving' });
    const answer = await send(form, form.action, 'application/json').catch(() => null);
    const body = answer && !answer.redirected ? await answer.json().catch(() => null) : null;
    if (stopped) return;
    if (body?.saved) {
      saved = upTo;
      (form.elements.namedItem('revision') as HTMLInputElement).value = body.saved.revision;
      forgetWords(form);
      setSaving(change === saved ? { state: 'saved', at: body.saved.at } : { state: 'typing' });
      if (change !== saved) later();
      return;
    }
    keepWords(form);
    if (body?.conflict) {
      stopped = true;
      setSaving({ state: 'conflict', ...body.conflict });
      return;
    }
    const because = answer?.redirected
      ? 'you were signed out'
      : (body?.refused ?? (answer ? 'the server refused' : 'no connection'));
    setSaving({ state: 'kept here', because });
    clearTimeout(saveTimer);
    saveTimer = window.setTimeout(saveNow, 10_000);
  }

  function later() {
    clearTimeout(saveTimer);
    saveTimer = window.setTimeout(saveNow, SAVE_AFTER);
  }

  function onInput(event: Event) {
    if (event.target instanceof HTMLInputElement && event.target.type === 'file') {
      void takeFile(event.target);
      return;
    }
    change += 1;
    setSaving((now) => (now.state === 'conflict' || now.state === 'kept here' ? now : { state: 'typing' }));
    clearTimeout(checkTimer);
    checkTimer = window.setTimeout(checkNow, CHECK_AFTER);
    if (stopped) keepWords(form);
    else later();
  }
  function onLeave(event: BeforeUnloadEvent) {
    if (change !== saved) event.preventDefault();
  }
  /** Saved before the page is left, so that it is known whether the words arrived. Files and conflicts go as without script. */
  function onSubmit(event: SubmitEvent) {
    const withFile = [...new FormData(form).values()].some((value) => typeof value !== 'string' && value.size > 0);
    if (stopped || withFile) {
      stopped = true;
      clearTimeout(saveTimer);
      window.removeEventListener('beforeunload', onLeave);
      if (change !== saved) keepWords(form);
      return;
    }
    event.preventDefault();
    if (!leaving) void saveAndGo(event.submitter?.getAttribute('value') ?? 'save');
  }
  async function saveAndGo(press: string) {
    leaving = true;
    clearTimeout(saveTimer);
    await busy;
    change += 1;
    saveNow();
    await busy;
    leaving = false;
    if (change === saved) location.assign(`${form.action}?saved${press === 'save' ? '' : `&${press}`}`);
  }

  form.addEventListener('input', onInput);
  form.addEventListener('submit', onSubmit);
  window.addEventListener('beforeunload', onLeave);
  form.dataset['live'] = 'on';
  return () => {
    form.removeEventListener('input', onInput);
    form.removeEventListener('submit', onSubmit);
    window.removeEventListener('beforeunload', onLeave);
  };
}

const MOST_BYTES = 2 * 1024 * 1024;
const READ_HERE_BYTES = 256 * 1024;

/** A file that no page accepts is not sent at all; a small one is put where it could have been pasted, and checked at once. */
async function takeFile(input: HTMLInputElement) {
  const [file] = input.files ?? [];
  const wrong = input.parentElement?.querySelector('[data-file-wrong]');
  if (wrong) wrong.textContent = '';
  if (!file) return;
  if (file.size > MOST_BYTES) {
    input.value = '';
    const size = (file.size / 1024 / 1024).toFixed(1).replace(/\.0$/, '');
    if (wrong) wrong.textContent = `This file has ${size} MB; at most 2 MB. It was not taken, and nothing was lost.`;
    return;
  }
  // A larger one waits for the button.
  const text = input.parentElement?.querySelector('textarea');
  if (!text || file.size > READ_HERE_BYTES) return;
  text.value = await file.text();
  input.value = '';
  text.dispatchEvent(new Event('input', { bubbles: true }));
}

function sentenceOf(saving: Saving, form: HTMLFormElement) {
  switch (saving.state) {
    case 'as saved':
      return saving.said;
    case 'typing':
      return 'Not saved yet';
    case 'saving':
      return 'Saving';
    case 'saved':
      return `Saved ${saving.at}`;
    case 'kept here':
      return `Not saved: ${saving.because}. Your words are kept here.`;
    case 'conflict':
      return (
        <>
          {saving.name} saved at {saving.at} while you were writing. Nothing was overwritten; yours are kept here.{' '}
          <button type="submit" form={form.id} className="button-link">
            See both versions
          </button>
        </>
      );
  }
}

function send(form: HTMLFormElement, to: string, accept: string): Promise<Response> {
  const body = new FormData(form);
  for (const [name, value] of [...body]) if (typeof value !== 'string') body.delete(name);
  return fetch(to, { method: 'POST', body, headers: { Accept: accept }, signal: AbortSignal.timeout(15_000) });
}

/** Each sentence of the check also stands at its field, and what it comes down to at the top, as they do without script. */
function atTheirFields() {
  const title = document.querySelector('#check [data-check-title]')?.textContent;
  for (const place of document.querySelectorAll('.to-check [data-check-title]')) place.textContent = title ?? '';
  for (const place of document.querySelectorAll<HTMLElement>('[data-read-at]')) {
    const at = CSS.escape(place.dataset['readAt']!);
    place.textContent = document.querySelector(`#check [data-read="${at}"]`)?.textContent ?? '';
  }
  for (const place of document.querySelectorAll<HTMLElement>('[data-problems-at]')) {
    const at = place.dataset['problemsAt']!;
    const found = document.querySelectorAll(`#check [data-problem-at="${CSS.escape(at)}"] [data-sentence]`);
    const sentences = [...found].map((one) => {
      const wrong = document.createElement('p');
      wrong.className = 'wrong';
      wrong.textContent = one.textContent;
      return wrong;
    });
    place.replaceChildren(...sentences);
    place.parentElement?.classList.toggle(
      'invalid',
      sentences.length > 0 && place.parentElement.classList.contains('field'),
    );
  }
}

const keyOf = (form: HTMLFormElement) => `draft:${form.dataset['draft']}`;

function keepWords(form: HTMLFormElement) {
  const words = [...new FormData(form)].filter(([name, value]) => typeof value === 'string' && name !== 'revision');
  sessionStorage.setItem(keyOf(form), JSON.stringify(words));
}

function forgetWords(form: HTMLFormElement) {
  sessionStorage.removeItem(keyOf(form));
}

/** Words that are in this window and not in the draft; `labels` are those of their fields. */
type Kept = { words: [string, string][]; names: Set<string>; labels: string[] };

function storedWords(form: HTMLFormElement): Kept | null {
  if (new URLSearchParams(location.search).has('saved')) {
    forgetWords(form);
    // So that opening this address again doesn't forget words that were kept later.
    history.replaceState(null, '', location.pathname + location.hash);
  }
  const kept = sessionStorage.getItem(keyOf(form));
  if (kept === null) return null;
  const words = JSON.parse(kept) as [string, string][];
  const there = [...new FormData(form)].filter((word): word is [string, string] => typeof word[1] === 'string');
  const under = (all: [string, string][], name: string) =>
    JSON.stringify(all.filter((one) => one[0] === name).map((one) => one[1].replaceAll('\r\n', '\n')));
  const differ = [...new Set([...words, ...there].map(([name]) => name))].filter(
    (name) => name !== 'revision' && under(words, name) !== under(there, name),
  );
  if (differ.length === 0) {
    forgetWords(form);
    return null;
  }
  const labels = differ.flatMap((name) => labelOf(form, name) ?? []);
  return { words, names: new Set(differ), labels: [...new Set(labels)] };
}

function labelOf(form: HTMLFormElement, name: string): string | null {
  const control = [...form.elements].find((one) => one.getAttribute('name') === name) as HTMLInputElement | undefined;
  const ticks = control?.closest('fieldset.ticks')?.querySelector('legend');
  return (ticks ?? control?.labels?.[0])?.textContent?.trim() ?? null;
}

function writeInto(form: HTMLFormElement, { words, names }: Kept) {
  for (const control of [...form.elements] as HTMLInputElement[]) {
    if (!names.has(control.name) || control.type === 'file') continue;
    const values = words.filter(([name]) => name === control.name).map(([, value]) => value);
    if (['checkbox', 'radio'].includes(control.type)) control.checked = values.includes(control.value);
    else if (values[0] !== undefined) control.value = values[0];
  }
}

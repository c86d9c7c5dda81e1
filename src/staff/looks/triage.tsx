import { useEffect, useState } from 'react';
import { createPortal } from 'react-dom';
import { createRoot } from 'react-dom/client';

/*
 * Triage by the dozen: how many are ticked, and ticking all that are surer than one says. The form does everything without script; this only
 * saves presses, and no rule lives here.
 */

function Ticking({ form }: { form: HTMLFormElement }) {
  const boxes = () => [...form.querySelectorAll<HTMLInputElement>('input[type=checkbox][name=ref]')];
  const [ticked, setTicked] = useState(() => boxes().filter((box) => box.checked).length);
  const [surer, setSurer] = useState(50);

  useEffect(() => {
    const count = () => setTicked(boxes().filter((box) => box.checked).length);
    form.addEventListener('change', count);
    return () => form.removeEventListener('change', count);
  });

  function tickSurerThan(percent: number): void {
    for (const box of boxes()) {
      const share = Number(box.closest<HTMLElement>('[data-share]')?.dataset['share'] ?? 0);
      box.checked = share > 0 && share * 100 >= percent;
    }
    setSurer(percent);
    setTicked(boxes().filter((box) => box.checked).length);
  }

  return (
    <>
      <div className="field">
        <label htmlFor="surer">Tick all that are at least this sure: {surer} %</label>
        <input
          id="surer"
          type="range"
          min={0}
          max={100}
          step={5}
          value={surer}
          onChange={(event) => tickSurerThan(Number(event.target.value))}
        />
      </div>
      <p className="meta" role="status">
        {ticked === 1 ? '1 is ticked' : `${ticked} are ticked`}
      </p>
    </>
  );
}

const form = document.querySelector<HTMLFormElement>('form[data-triage]');
const bar = form?.querySelector('[data-triage-bar]');
if (form && bar) {
  const place = document.createElement('div');
  bar.append(place);
  createRoot(document.createElement('div')).render(createPortal(<Ticking form={form} />, place));
}

// The details of one sign-in: tabs in place, keys, copies, and the width of the pane.
'use strict';

(() => {
  const { byId, onKey, onContent, announce } = window.durward;
  const WIDTH = 'pane-width';
  const FLASH_MS = 1500;
  const STEP_PX = 24;

  // ---- Copies ------------------------------------------------------------------------------

  async function textOf(button) {
    const { copy, copyFrom, copyNext, address } = button.dataset;
    if (copyFrom) {
      const answer = await fetch(copyFrom, { headers: { Accept: 'application/json' } });
      if (!answer.ok) throw new Error(`${answer.status}`);
      return JSON.stringify(await answer.json(), null, 2);
    }
    if (copyNext) return button.parentElement.querySelector('pre').textContent;
    return address ? new URL(copy, location.href).href : copy;
  }

  /** Says what became of a copy: in the button where it has words, else by its colour. */
  function show(button, words, isDone) {
    announce(words);
    const isIcon = button.querySelector('svg') !== null;
    const before = button.textContent;
    if (isDone) button.dataset.done = 'true';
    if (!isIcon) button.textContent = words;
    setTimeout(() => {
      delete button.dataset.done;
      if (!isIcon) button.textContent = before;
    }, FLASH_MS);
  }

  async function copy(button) {
    try {
      await navigator.clipboard.writeText(await textOf(button));
      show(button, 'Copied', true);
    } catch {
      show(button, 'Not copied', false);
    }
  }

  // ---- Tabs and neighbours ---------------------------------------------------------------------

  /** Shows another tab of the pane; the list beside it stays as it is. */
  async function showTab(link) {
    if (link.href !== location.href) history.pushState({ durward: true }, '', link.href);
    const index = link.dataset.key;
    await window.htmx.ajax('GET', link.dataset.part, { target: '#pane', swap: 'innerHTML' });
    if (link.matches(':focus') || document.activeElement === document.body) {
      document.querySelector(`#pane [data-key="${index}"]`)?.focus();
    }
  }

  /** Opens the row before or after in the list as it is shown; beyond it the server knows. */
  function stepTo(link, by) {
    const rows = [...document.querySelectorAll('#list [data-id]')];
    const at = rows.findIndex((row) => row.dataset.id === byId('event')?.dataset.id);
    const next = at < 0 ? undefined : rows[at + by]?.querySelector('a.open, a[href]');
    (next ?? link).click();
  }

  document.addEventListener('click', (event) => {
    if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const button = event.target.closest('[data-copy], [data-copy-from], [data-copy-next]');
    if (button) {
      copy(button);
      return;
    }
    const tab = event.target.closest('a[data-part]');
    if (tab && byId('pane')?.contains(tab)) {
      event.preventDefault();
      showTab(tab);
      return;
    }
    const step = event.target.closest('#event-newer, #event-older');
    if (step && event.isTrusted) {
      event.preventDefault();
      stepTo(step, step.id === 'event-older' ? 1 : -1);
    }
  }, true);

  document.addEventListener('change', (event) => {
    if (event.target.dataset?.filterPolicies === undefined) return;
    const wanted = event.target.value;
    for (const policy of byId('event-tab').querySelectorAll('.policy')) {
      policy.hidden = wanted !== '' && policy.dataset.result !== wanted;
    }
  });

  // ---- Keys --------------------------------------------------------------------------------

  const isOpen = () => byId('event') !== null;
  /** Has the event arrived that the address says is open? */
  const isThere = () => {
    const row = new URL(location.href).searchParams.get('row');
    return row === null || row === byId('event')?.dataset.id;
  };
  /** A tab asked for before its event was there. */
  let awaited = null;

  function pressTab(number) {
    awaited = isThere() ? null : number;
    if (awaited === null) document.querySelector(`#event [data-key="${number}"]`)?.click();
  }

  for (let number = 1; number <= 8; number += 1) {
    onKey(String(number), `Tab ${number} of the sign-in`, () => pressTab(number), { when: isOpen });
  }
  onKey('o', 'Open the full page', () => byId('event-open').click(),
    { when: () => byId('event-open') !== null });
  onKey('Escape', 'Close the sign-in', () => byId('event-close').click(), {
    when: () => byId('event-close') !== null &&
      document.querySelector('dialog[open], :popover-open') === null,
  });

  // ---- Width -------------------------------------------------------------------------------

  const LEAST_PX = 340;

  function setWidth(px) {
    const view = byId('view');
    const most = (view?.clientWidth ?? 0) - LEAST_PX;
    if (!view || most < LEAST_PX) return;
    const width = Math.round(Math.min(Math.max(px, LEAST_PX), most));
    view.style.setProperty('--pane-width', `${width}px`);
    localStorage.setItem(WIDTH, String(width));
  }

  function addGrip() {
    const pane = byId('pane');
    if (!pane || !byId('event') || byId('pane-grip')) return;
    const kept = Number(localStorage.getItem(WIDTH));
    if (kept > 0) setWidth(kept);
    const grip = document.createElement('button');
    grip.id = 'pane-grip';
    grip.type = 'button';
    grip.setAttribute('aria-label', 'Width of the details: arrow keys');
    const right = () => pane.getBoundingClientRect().right;
    grip.addEventListener('pointerdown', (event) => {
      event.preventDefault();
      grip.setPointerCapture(event.pointerId);
      grip.onpointermove = (move) => setWidth(right() - move.clientX);
      grip.onpointerup = () => { grip.onpointermove = null; };
    });
    grip.addEventListener('keydown', (event) => {
      const by = { ArrowLeft: STEP_PX, ArrowRight: -STEP_PX }[event.key];
      if (by === undefined) return;
      event.preventDefault();
      event.stopPropagation();
      setWidth(pane.getBoundingClientRect().width + by);
    });
    pane.prepend(grip);
  }

  onContent((root) => {
    const all = '[data-copy], [data-copy-from], [data-copy-next], [data-enhanced]';
    for (const element of root.querySelectorAll(all)) element.hidden = false;
    addGrip();
    if (awaited !== null && byId('event')) pressTab(awaited);
  });
})();

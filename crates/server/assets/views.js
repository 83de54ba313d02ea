// Views, download and sharing: their dialogs in place, how far a download is, what is copied.
'use strict';

(() => {
  const { byId, onKey, onContent, announce } = window.durward;

  // ---- Dialogs -------------------------------------------------------------------------------

  let opener = null;

  function dialog() {
    let box = byId('page-dialog');
    if (box) return box;
    box = document.createElement('dialog');
    box.id = 'page-dialog';
    document.body.append(box);
    box.addEventListener('click', (event) => {
      if (event.target === box || event.target.closest('.close')) box.close();
    });
    box.addEventListener('close', () => {
      box.replaceChildren();
      if (opener?.isConnected) opener.focus();
    });
    return box;
  }

  /** Shows a page of its own in a dialog; without an answer the page itself. */
  async function show(link, href = link.href) {
    let text = '';
    try {
      const answer = await fetch(href, { headers: { 'HX-Request': 'true' } });
      if (answer.ok) text = await answer.text();
    } catch { /* The page says what is wrong. */ }
    if (!text) {
      location.assign(href);
      return;
    }
    const box = dialog();
    box.setAttribute('aria-label', link.dataset.dialog);
    const title = document.createElement('div');
    title.className = 'title';
    const name = document.createElement('h2');
    name.textContent = link.dataset.dialog;
    const close = document.createElement('button');
    close.type = 'button';
    close.className = 'close icon-button';
    close.setAttribute('aria-label', 'Close');
    close.textContent = '✕';
    title.append(name, close);
    const content = document.createElement('div');
    content.innerHTML = text;
    box.replaceChildren(title, content);
    opener = link.closest('details')?.querySelector('summary') ?? link;
    link.closest('details')?.removeAttribute('open');
    if (!box.open) box.showModal();
    window.durward.showTimes(box);
    prepare(box);
    box.querySelector('[autofocus]')?.focus();
  }

  document.addEventListener('click', (event) => {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const link = event.target.closest('a[data-dialog]');
    if (!link) return;
    event.preventDefault();
    show(link);
  });

  // A form that leads to a page of its own, such as one that asks whether something is meant.
  document.addEventListener('submit', (event) => {
    const form = event.target.closest('form[data-dialog]');
    if (!form || event.defaultPrevented) return;
    event.preventDefault();
    const query = new URLSearchParams(new FormData(form, event.submitter));
    const from = event.submitter ?? form;
    from.dataset.dialog ||= form.dataset.dialog;
    show(from, `${form.action}?${query}`);
  });

  const open = (id) => () => show(byId(id));
  onKey('s', 'Save what is shown as a view', open('save-view'), { when: () => byId('save-view') });
  onKey('d', 'Download', open('download'), { when: () => byId('download') });

  // ---- Download ------------------------------------------------------------------------------

  const number = new Intl.NumberFormat('en-US');

  function size(count) {
    const units = ['B', 'kB', 'MB', 'GB', 'TB'];
    let step = 0;
    for (; count >= 1000 && step + 1 < units.length; step += 1) count /= 1000;
    return `${count.toFixed(step > 0 && count < 100 ? 1 : 0)} ${units[step]}`;
  }

  /** Request identifiers of the rows that are ticked. */
  function selected() {
    const given = window.durward.selected?.();
    if (given) return [...given];
    const rows = document.querySelectorAll('#list tr[aria-selected="true"][data-id]');
    return [...rows].map((row) => row.dataset.id);
  }

  function prepare(root) {
    const form = root.querySelector('#download-form');
    if (!form || form.dataset.ready) return;
    form.dataset.ready = 'true';
    offerSelection(form);
    offerZone(form);
    form.addEventListener('change', () => estimate(form));
    form.addEventListener('submit', () => watch(form));
    byId('manifest').hidden = true;
    estimate(form);
  }

  function offerSelection(form) {
    const ids = selected();
    const choice = form.querySelector('[name="rows"][value="selected"]');
    if (ids.length === 0 || ids.length > 1000) return;
    const field = document.createElement('input');
    field.type = 'hidden';
    field.name = 'ids';
    field.value = ids.join(',');
    form.append(field);
    choice.disabled = false;
    choice.checked = true;
    choice.closest('label').hidden = false;
    form.querySelector('[data-rows="selected"]').textContent = number.format(ids.length);
  }

  function offerZone(form) {
    const minutes = -new Date().getTimezoneOffset();
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    const sign = minutes < 0 ? '-' : '+';
    const two = (part) => String(Math.floor(part)).padStart(2, '0');
    const hours = `${sign}${two(Math.abs(minutes) / 60)}:${two(Math.abs(minutes) % 60)}`;
    const select = form.querySelector('[name="offset"]');
    const own = new Option(`UTC, and once more as in ${zone} now (UTC${hours})`, String(minutes));
    select.add(own, 1);
  }

  function estimate(form) {
    const chosen = new FormData(form);
    const rows = chosen.get('rows');
    let count = 0;
    for (const box of form.querySelectorAll('[name="type"]')) {
      if (box.checked) count += Number(rows === 'all' ? box.dataset.all : box.dataset.filtered);
    }
    const place = form.querySelector(`[data-rows="${rows}"]`);
    if (rows === 'selected') count = Number(place.textContent.replaceAll(',', ''));
    else place.textContent = number.format(count);
    const columns = form.querySelector('[name="columns"]:checked').dataset.size;
    const each = JSON.parse(form.dataset.sizes)[chosen.get('format')]?.[Number(columns)];
    const about = each ? `, about ${size(each * count)}` : '';
    form.querySelector('.estimate').textContent = `${number.format(count)} rows${about}`;
  }

  /** Says how far the download is, until it is over. */
  async function watch(form) {
    const job = form.elements.job.value;
    const place = form.querySelector('.estimate');
    const bar = byId('download-progress');
    bar.hidden = false;
    bar.removeAttribute('value');
    // A server that never heard of it is asked for half a minute.
    for (let missing = 0; missing < 60 && form.isConnected;) {
      await new Promise((resolve) => { setTimeout(resolve, 500); });
      const answer = await fetch(`/download/progress?job=${job}`).catch(() => null);
      if (!answer?.ok) {
        missing += 1;
        continue;
      }
      const { rows, total, bytes, state, sha256 } = await answer.json();
      bar.max = Math.max(total, 1);
      bar.value = total === 0 ? 1 : rows;
      const far = `${number.format(rows)} of ${number.format(total)} rows, ${size(bytes)}`;
      if (state === 'running') {
        place.textContent = far;
        continue;
      }
      const isDone = state === 'done';
      place.textContent = isDone ? `✔ ${far} · SHA-256 ${sha256.slice(0, 12)}…`
        : `✖ Stopped at ${far}. Try again; a narrower range helps on slow lines.`;
      byId('manifest').hidden = !isDone;
      announce(isDone ? `Downloaded ${number.format(rows)} rows` : 'The download was stopped');
      return;
    }
  }

  // ---- Sharing -------------------------------------------------------------------------------

  async function copy(text, what) {
    try {
      await navigator.clipboard.writeText(text);
      announce(`${what} copied`);
      tell(`${what} copied`);
    } catch {
      window.prompt(`${what}:`, text);
    }
  }

  /** A short message where everybody sees it. */
  function tell(text) {
    const note = document.createElement('p');
    note.className = 'toast';
    note.setAttribute('aria-hidden', 'true');
    note.textContent = text;
    document.body.append(note);
    setTimeout(() => note.remove(), 2000);
  }

  /** What is seen of a cell. */
  function textOf(cell) {
    const copy = cell.cloneNode(true);
    for (const hidden of copy.querySelectorAll('.visually-hidden, .arrow')) hidden.remove();
    for (const why of copy.querySelectorAll('.why')) why.prepend(' ');
    return copy.textContent.replace(/\s+/g, ' ').replaceAll('|', '\\|').trim();
  }

  /** The loaded rows as a table in Markdown. */
  function markdown() {
    const table = document.querySelector('#list table');
    if (!table) return '';
    const heads = [...table.querySelectorAll('thead th')];
    const named = heads.map((head, index) => [textOf(head), index]);
    const kept = named.filter(([name]) => name !== '');
    const line = (cells) => `| ${cells.join(' | ')} |`;
    const lines = [line(kept.map(([name]) => name)), line(kept.map(() => '---'))];
    for (const row of table.querySelectorAll('tbody tr[data-id]')) {
      lines.push(line(kept.map(([, index]) => (row.cells[index] ? textOf(row.cells[index]) : ''))));
    }
    return lines.join('\n');
  }

  document.addEventListener('click', (event) => {
    const link = event.target.closest('a[data-share]');
    const isTable = event.target.closest('#copy-rows');
    if (!link && !isTable) return;
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    event.stopPropagation();
    byId('share').removeAttribute('open');
    if (isTable) copy(markdown(), 'Table');
    else copy(link.href, 'Link');
  }, true);

  onContent((root) => {
    const button = byId('copy-rows');
    if (button) button.hidden = !document.querySelector('#list table');
    prepare(root);
  });
})();

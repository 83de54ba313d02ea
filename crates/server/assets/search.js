// The search box suggests while one types: what the server finds, and what pages can do.
'use strict';

(() => {
  const { byId, onKey, keys, commands, announce } = window.durward;
  const box = byId('search');
  if (!box) return;
  const DELAY_MILLIS = 150;
  const COMMANDS_MAX = 4;

  const list = document.createElement('div');
  list.id = 'search-list';
  list.setAttribute('role', 'listbox');
  list.setAttribute('aria-label', 'Suggestions');
  list.hidden = true;
  box.form.append(list);
  for (const [name, value] of [
    ['role', 'combobox'], ['aria-controls', list.id], ['aria-expanded', 'false'],
    ['aria-autocomplete', 'list'],
  ]) box.setAttribute(name, value);

  let timer = 0;
  let running = null;
  const options = () => [...list.querySelectorAll('[role="option"]')];
  const selected = () => list.querySelector('[aria-selected="true"]');

  function show(open) {
    list.hidden = !open;
    box.setAttribute('aria-expanded', String(open));
    if (!open) box.removeAttribute('aria-activedescendant');
  }

  function select(option) {
    selected()?.setAttribute('aria-selected', 'false');
    if (!option) return;
    option.setAttribute('aria-selected', 'true');
    box.setAttribute('aria-activedescendant', option.id);
    option.scrollIntoView({ block: 'nearest' });
  }

  /** What pages can do whose name has the text. */
  function matching(text) {
    const wanted = text.toLowerCase().replace(/^>\s*/, '');
    if (wanted.length < 2) return [];
    const isOn = ({ key, when }) => !key.startsWith('Arrow') && (!when || when({}));
    const pressable = keys.filter(isOn);
    const known = [...commands, ...pressable];
    const has = ({ label, words = '' }) => `${label} ${words}`.toLowerCase().includes(wanted);
    const seen = new Set();
    const fresh = ({ label }) => !seen.has(label) && seen.add(label);
    return known.filter(has).filter(fresh).slice(0, COMMANDS_MAX);
  }

  function commandOption({ label, key, run }) {
    const option = document.createElement('a');
    option.setAttribute('role', 'option');
    option.setAttribute('aria-selected', 'false');
    option.href = '#main';
    option.tabIndex = -1;
    for (const [name, text] of [['kind', 'Do'], ['name', label], ['count', key ?? '']]) {
      const part = document.createElement('span');
      part.className = name;
      part.textContent = text;
      option.append(part);
    }
    option.addEventListener('click', (event) => {
      event.preventDefault();
      box.value = '';
      box.blur();
      show(false);
      run(event);
    });
    return option;
  }

  async function suggest() {
    const text = box.value.trim();
    running?.abort();
    if (!text) { show(false); return; }
    running = new AbortController();
    let found = '';
    try {
      const query = new URLSearchParams({ q: text });
      const own = new URLSearchParams(location.search);
      for (const name of ['tz', 'tenant']) if (own.has(name)) query.set(name, own.get(name));
      const answer = await fetch(`/search/suggest?${query}`, { signal: running.signal });
      if (answer.ok) found = await answer.text();
    } catch (error) {
      if (error.name === 'AbortError') return;
    }
    list.innerHTML = found;
    list.prepend(...matching(text).map(commandOption));
    options().forEach((option, index) => { option.id = `search-option-${index}`; });
    show(options().length > 0 && document.activeElement === box);
    announce(`${options().length} suggestions`);
  }

  box.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(suggest, DELAY_MILLIS);
  });
  box.addEventListener('focus', () => { if (box.value && options().length) show(true); });
  box.addEventListener('blur', () => setTimeout(() => show(false), 150));
  list.addEventListener('pointerdown', (event) => event.preventDefault());

  box.addEventListener('keydown', (event) => {
    if (event.isComposing) return;
    const all = options();
    const at = all.indexOf(selected());
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      if (list.hidden || all.length === 0) return;
      const step = event.key === 'ArrowDown' ? 1 : -1;
      select(all[(at + step + all.length + (at < 0 && step < 0 ? 1 : 0)) % all.length]);
    } else if (event.key === 'Enter' && !list.hidden && at >= 0) {
      all[at].click();
    } else if (event.key === 'Escape') {
      if (list.hidden) box.blur();
      else show(false);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });

  onKey('Ctrl+k', 'Search and commands', () => { box.focus(); box.select(); }, { always: true });

  for (const [label, words, id] of [
    ['Live tail', 'follow new events', 'live-button'], ['Download', 'export csv', 'download'],
    ['Columns', 'choose fields', 'columns-button'],
  ]) {
    const find = () => byId(id) ?? document.querySelector(`[data-command="${id}"]`);
    if (find()) commands.push({ label, words, run: () => find().click() });
  }
})();

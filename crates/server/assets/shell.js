// The frame around all pages: menus, navigation, theme, help, and what goes wrong on the way.
'use strict';

(() => {
  const { byId, announce, onKey, onContent, keys } = window.durward;
  const root = document.documentElement;
  const wide = matchMedia('(min-width: 900px)');
  /** What the search box offers besides keys: { label, words, run }. */
  const commands = [];

  /** An element with attributes, text and children. */
  function make(name, attributes = {}, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children);
    return element;
  }

  function button(label, run) {
    const made = make('button', { type: 'button', class: 'button small' }, label);
    made.addEventListener('click', run);
    return made;
  }

  // ---- Menus ----------------------------------------------------------------------------------

  const menus = () => document.querySelectorAll('details.menu-button[open]');
  document.addEventListener('click', (event) => {
    for (const menu of menus()) if (!menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return;
    const menu = event.target.closest?.('details.menu-button[open]');
    if (menu) {
      menu.open = false;
      menu.querySelector('summary').focus();
      event.preventDefault();
    } else if (byId('nav')?.classList.contains('open')) {
      openDrawer(false);
      event.preventDefault();
    }
  }, true);

  // ---- Navigation -----------------------------------------------------------------------------

  const navButton = byId('nav-button');
  function openDrawer(open) {
    byId('nav')?.classList.toggle('open', open);
    navButton.setAttribute('aria-expanded', String(open));
    (open ? byId('nav').querySelector('a') : navButton).focus();
  }

  function toggleNav() {
    if (!wide.matches) {
      openDrawer(!byId('nav').classList.contains('open'));
      return;
    }
    if (root.dataset.nav === 'icons') delete root.dataset.nav;
    else root.dataset.nav = 'icons';
    localStorage.setItem('nav', root.dataset.nav ?? 'full');
    showNav();
  }

  function showNav() {
    const isWide = root.dataset.nav !== 'icons';
    const open = wide.matches ? isWide : byId('nav').classList.contains('open');
    navButton.setAttribute('aria-expanded', String(open));
  }

  if (navButton) {
    navButton.addEventListener('click', toggleNav);
    wide.addEventListener('change', showNav);
    showNav();
    document.addEventListener('click', (event) => {
      const open = byId('nav').classList.contains('open');
      if (open && !event.target.closest('#nav, #nav-button')) openDrawer(false);
    });
    onKey('[', 'Narrow or wide navigation', toggleNav);
  }

  /** An address in the zone and tenant of this page. */
  function inScope(path) {
    const url = new URL(path, location.href);
    const own = new URLSearchParams(location.search);
    for (const name of ['tz', 'tenant']) {
      if (own.has(name)) url.searchParams.set(name, own.get(name));
    }
    return url.pathname + url.search;
  }
  for (const link of document.querySelectorAll('#nav a[data-scoped]')) {
    link.href = inScope(link.href);
  }

  const PLACES = [
    ['o', '/', 'Overview'], ['s', '/signins', 'Sign-in logs'], ['u', '/users', 'Users'],
    ['a', '/apps', 'Applications'], ['i', '/ips', 'Networks'], ['m', '/map', 'Map'],
    ['e', '/errors', 'Error codes'], ['d', '/diagnose', 'Diagnose & solve'],
    ['l', '/alerts', 'Alerts'], ['r', '/protection', 'ID Protection'],
  ];
  const isThere = (path) => document.querySelector(`#nav a[href^="${path}"]`) !== null;
  for (const [letter, path, label] of PLACES) {
    const go = () => { location.assign(byId('nav').querySelector(`a[href^="${path}"]`).href); };
    onKey(`g ${letter}`, `Go to ${label}`, go, { when: () => isThere(path) });
  }

  // ---- Range and zone -------------------------------------------------------------------------

  const clicks = [
    ['u', 'UTC or local times', 'zone'], ['z', 'Zoom out', 'zoom-out'],
    ['b', 'The span of time before', 'range-back'], ['n', 'The span of time after', 'range-next'],
  ];
  for (const [key, label, id] of clicks) {
    onKey(key, label, () => byId(id).click(), { when: () => byId(id) && !byId(id).hidden });
  }

  // ---- Theme ----------------------------------------------------------------------------------

  function setTheme(theme) {
    if (theme === 'system') delete root.dataset.theme;
    else root.dataset.theme = theme;
    localStorage.setItem('theme', theme);
    showTheme();
    document.dispatchEvent(new CustomEvent('durward:theme'));
  }

  function showTheme() {
    const chosen = root.dataset.theme ?? 'system';
    for (const choice of document.querySelectorAll('[data-theme-choice]')) {
      choice.setAttribute('aria-pressed', String(choice.dataset.themeChoice === chosen));
    }
  }

  const themes = byId('themes');
  if (themes) {
    themes.hidden = false;
    themes.addEventListener('click', (event) => {
      const choice = event.target.closest('[data-theme-choice]');
      if (choice) setTheme(choice.dataset.themeChoice);
    });
    showTheme();
  }
  for (const theme of ['dark', 'light', 'system']) {
    commands.push({ label: `Theme: ${theme}`, words: 'colours mode', run: () => setTheme(theme) });
  }

  // ---- Help -----------------------------------------------------------------------------------

  const NAMES = {
    ArrowUp: '↑', ArrowDown: '↓', ArrowLeft: '←', ArrowRight: '→', Escape: 'Esc', ' ': 'Space',
  };
  function helpRows() {
    const rows = new Map();
    for (const { key, label } of keys) rows.set(label, [...(rows.get(label) ?? []), key]);
    return [...rows].map(([label, all]) => {
      const caps = [...new Set(all)].flatMap((key, index) => {
        const parts = key.split(/[ +](?=.)/).map((part) => make('kbd', {}, NAMES[part] ?? part));
        const cap = parts.flatMap((part, at) => (at ? [' ', part] : [part]));
        return index ? [' or ', ...cap] : cap;
      });
      return make('div', {}, make('dt', {}, ...caps), make('dd', {}, label));
    });
  }

  function help() {
    let dialog = byId('help');
    if (!dialog) {
      const check = make('input', { type: 'checkbox', id: 'single-keys' });
      check.checked = localStorage.getItem('keys') !== 'off';
      check.addEventListener('change', () => {
        localStorage.setItem('keys', check.checked ? 'on' : 'off');
      });
      const close = button('Close', () => dialog.close());
      dialog = make('dialog', { id: 'help', 'aria-labelledby': 'help-title' },
        make('h2', { id: 'help-title' }, 'Keys'), make('dl', { class: 'keys' }),
        make('label', { class: 'check' }, check, ' Single letters do something'),
        make('p', { class: 'ends' }, close));
      document.body.append(dialog);
    }
    dialog.querySelector('dl').replaceChildren(...helpRows());
    dialog.showModal();
  }
  onKey('?', 'This help', help);
  const helpButton = byId('help-button');
  if (helpButton) {
    helpButton.hidden = false;
    helpButton.addEventListener('click', () => {
      helpButton.closest('details').open = false;
      help();
    });
  }
  commands.push({ label: 'Keys and help', words: 'keyboard shortcuts', run: help });

  // ---- Messages at the foot -------------------------------------------------------------------

  /** One message; a later one of the same name takes its place. Without parts, none. */
  function strip(name, kind, ...parts) {
    byId(`strip-${name}`)?.remove();
    if (parts.length === 0) return;
    const role = kind === 'busy' ? 'status' : 'alert';
    const attributes = { id: `strip-${name}`, class: `strip ${kind}`, role };
    byId('strips').append(make('div', attributes, ...parts));
  }

  // ---- While something is asked ---------------------------------------------------------------

  const BAR_AFTER_MILLIS = 100;
  const TEXT_AFTER_MILLIS = 1000;
  const running = new Map();

  function showRunning() {
    const now = performance.now();
    const ages = [...running.values()].map((begun) => now - begun);
    const oldest = Math.max(0, ...ages);
    const bar = byId('progress');
    if (oldest < BAR_AFTER_MILLIS) bar?.remove();
    else if (!bar) document.body.append(make('div', { id: 'progress', 'aria-hidden': 'true' }));
    const isLong = oldest >= TEXT_AFTER_MILLIS;
    if (isLong !== (byId('strip-busy') !== null)) {
      const cancel = button('Cancel', () => { for (const xhr of running.keys()) xhr.abort(); });
      if (isLong) strip('busy', 'busy', 'Still looking …', cancel);
      else strip('busy');
    }
  }

  document.addEventListener('htmx:beforeSend', ({ detail }) => {
    // Panels that fill themselves say so in their own place.
    if (detail.elt.closest?.('[data-panel], .chip, [data-quiet]')) return;
    running.set(detail.xhr, performance.now());
    for (const wait of [BAR_AFTER_MILLIS, TEXT_AFTER_MILLIS]) setTimeout(showRunning, wait + 5);
  });
  document.addEventListener('htmx:afterRequest', ({ detail }) => {
    running.delete(detail.xhr);
    showRunning();
    compareClocks(detail.xhr.getResponseHeader?.('date'));
  });

  // ---- What goes wrong ------------------------------------------------------------------------

  function sentenceOf(xhr) {
    try {
      return JSON.parse(xhr.responseText).error.message;
    } catch {
      const page = new DOMParser().parseFromString(xhr.responseText ?? '', 'text/html');
      const said = page.querySelector('main p, main .problem')?.textContent.trim();
      return said || `The server answered ${xhr.status}.`;
    }
  }

  function again({ requestConfig, pathInfo }) {
    const { target, elt, verb } = requestConfig;
    const path = pathInfo.finalRequestPath;
    if (target.id === 'view' && window.durward.visit) window.durward.visit(path, false);
    else window.htmx.ajax(verb, path, { source: elt, target }).catch(() => {});
  }

  /** Sentence, whose fault it is, number, and what to do. */
  function problem(detail) {
    const { xhr } = detail;
    const id = xhr.getResponseHeader('request-id') ?? '';
    const cause = xhr.status >= 500 ? 'The server failed' : 'The question was refused';
    const text = `${cause} (${xhr.status}). ${sentenceOf(xhr)}`;
    const copy = button('Copy', async () => {
      await navigator.clipboard.writeText(`${text} Request ${id}, ${new Date().toISOString()}`);
      announce('Copied');
    });
    const parts = [text, ' '];
    if (id) parts.push(make('code', {}, id));
    return { parts, copy };
  }

  document.addEventListener('htmx:responseError', ({ detail }) => {
    const { parts, copy } = problem(detail);
    const panel = detail.elt.closest?.('[data-panel]');
    if (panel) {
      const retry = button('Retry', () => window.htmx.trigger(panel, 'retry'));
      const said = make('p', { class: 'problem', role: 'alert' }, ...parts, ' ', retry, ' ', copy);
      panel.querySelector('.waiting, .problem')?.replaceWith(said);
      return;
    }
    const retry = button('Retry', () => { strip('error'); again(detail); });
    const close = button('✕', () => strip('error'));
    strip('error', 'error', make('span', {}, ...parts), retry, copy, close);
  });
  document.addEventListener('htmx:afterOnLoad', ({ detail }) => {
    if (detail.xhr.status < 400) strip('error');
  });

  // ---- Without the server ---------------------------------------------------------------------

  const RETRY_MILLIS_MAX = 60_000;
  let wait = 0;
  let timer = 0;

  function lost() {
    if (wait > 0) return;
    wait = 1000;
    tryAgain();
  }

  function tryAgain() {
    wait = Math.min(wait * 2, RETRY_MILLIS_MAX);
    const shown = 'No connection to the server. What you see is what was there before.';
    strip('offline', 'warning', make('span', {}, `${shown} Next try in ${wait / 1000} s.`),
      button('Try now', check));
    clearTimeout(timer);
    timer = setTimeout(check, wait);
  }

  async function check() {
    clearTimeout(timer);
    try {
      const answer = await fetch('/healthz', { cache: 'no-store' });
      compareClocks(answer.headers.get('date'));
    } catch {
      tryAgain();
      return;
    }
    wait = 0;
    strip('offline');
    announce('Connected again');
    if (byId('view') && window.durward.visit) window.durward.visit(location.href, false);
    for (const panel of document.querySelectorAll('[data-panel] .problem')) {
      window.htmx.trigger(panel.closest('[data-panel]'), 'retry');
    }
  }

  window.addEventListener('offline', lost);
  window.addEventListener('online', () => { if (wait > 0) check(); });
  document.addEventListener('htmx:sendError', lost);

  // ---- Clocks ---------------------------------------------------------------------------------

  const SKEW_MILLIS_MAX = 120_000;
  function compareClocks(date) {
    const skew = Date.now() - Date.parse(date ?? '');
    if (!(Math.abs(skew) > SKEW_MILLIS_MAX) || byId('strip-clock')) return;
    const minutes = Math.round(Math.abs(skew) / 60_000);
    const text = `This device's clock is ${minutes} min ${skew > 0 ? 'ahead of' : 'behind'} the ` +
      "server's: what is said to be so long ago, and ranges that end now, may be off.";
    // Hidden, not removed, so that it is said once a page.
    const close = button('✕', () => { byId('strip-clock').hidden = true; });
    strip('clock', 'warning', make('span', {}, text), close);
  }

  // ---- What the bar is told -------------------------------------------------------------------

  onContent((part) => {
    const chip = part.id === 'completeness' ? part : part.querySelector?.('#completeness');
    if (chip?.dataset.complete) document.dispatchEvent(new CustomEvent('durward:complete'));
  });

  Object.assign(window.durward, { commands, make, strip });
})();

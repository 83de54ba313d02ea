// What a page cannot do without script: a live view, keys, local times. Everything else works
// without this file. State stays in the address, except whether the view is live.
'use strict';

(() => {
  const byId = (id) => document.getElementById(id);
  const POLL_MS = 2000;
  const local = { on: false };

  // ---- Times -------------------------------------------------------------------------------

  const two = (number) => String(number).padStart(2, '0');
  const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');

  function showTimes(root) {
    if (!local.on) return;
    for (const time of root.querySelectorAll('time')) {
      const at = new Date(time.dateTime);
      if (Number.isNaN(at.getTime())) continue;
      const year = at.getFullYear() === new Date().getFullYear() ? '' : ` ${at.getFullYear()}`;
      time.textContent = `${at.getDate()} ${MONTHS[at.getMonth()]}${year} ` +
        `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
    }
    for (const zone of root.querySelectorAll('.zone')) zone.textContent = 'local';
  }

  function setUpZone() {
    const zone = byId('zone');
    if (!zone) return;
    zone.hidden = false;
    local.on = zone.dataset.local === 'true';
    const name = Intl.DateTimeFormat().resolvedOptions().timeZone;
    zone.title = local.on ? `Times are ${name}; show UTC` : `Times are UTC; show ${name}`;
    showTimes(document);
    if (zone.getAttribute('href') === '?') {
      // A page without the choice in its address: the choice lasts as long as the page.
      zone.addEventListener('click', (event) => {
        event.preventDefault();
        local.on = true;
        zone.textContent = 'Local';
        showTimes(document);
      });
    }
  }

  // ---- Live --------------------------------------------------------------------------------

  let timer = null;
  let asking = false;

  async function poll() {
    const region = byId('live');
    if (!region || asking || document.hidden) return;
    asking = true;
    try {
      const address = new URL(window.location.href);
      address.pathname = '/signins';
      address.searchParams.set('fragment', 'rows');
      address.searchParams.set('after', region.dataset.version || '');
      const answer = await fetch(address, { headers: { Accept: 'text/html' } });
      byId('live-button').classList.toggle('lost', !answer.ok);
      if (answer.status === 200) replace(region, await answer.text());
    } catch {
      byId('live-button').classList.add('lost');
    } finally {
      asking = false;
    }
  }

  function replace(region, text) {
    const page = new DOMParser().parseFromString(text, 'text/html');
    const fresh = page.getElementById('live');
    const tabs = page.getElementById('tabs');
    if (!fresh || !tabs) return;
    if (!document.querySelector('.filter')) {
      // The store was empty until now: the whole page is another one.
      window.location.reload();
      return;
    }
    const known = new Set([...region.querySelectorAll('tr.row')].map((row) => row.dataset.id));
    const chosen = region.querySelector('tr.chosen');
    const scrolled = region.querySelector('.scroll');
    for (const row of fresh.querySelectorAll('tr.row')) {
      if (known.size && !known.has(row.dataset.id)) row.classList.add('fresh');
      if (chosen && row.dataset.id === chosen.dataset.id) row.classList.add('chosen');
    }
    const left = scrolled ? scrolled.scrollLeft : 0;
    showTimes(fresh);
    region.replaceWith(fresh);
    if (!byId('tabs').contains(document.activeElement)) byId('tabs').replaceWith(tabs);
    const table = fresh.querySelector('.scroll');
    if (table) table.scrollLeft = left;
    showNewest(fresh);
    showKeys();
  }

  function showNewest(region) {
    const chip = byId('newest');
    const newest = Date.parse(region.dataset.newest || '');
    if (!chip || Number.isNaN(newest)) return;
    const seconds = Math.max(0, Math.round((Date.now() - newest) / 1000));
    chip.textContent = seconds < 60 ? `${seconds} s ago`
      : seconds < 3600 ? `${Math.floor(seconds / 60)} min ago`
        : seconds < 172800 ? `${Math.floor(seconds / 3600)} h ago`
          : `${Math.floor(seconds / 86400)} days ago`;
  }

  function setLive(on) {
    const button = byId('live-button');
    button.setAttribute('aria-pressed', String(on));
    if (timer) clearInterval(timer);
    timer = on ? setInterval(poll, POLL_MS) : null;
    try { sessionStorage.setItem('live', on ? '1' : '0'); } catch { /* Not kept, then. */ }
    if (on) poll();
  }

  function setUpLive() {
    const button = byId('live-button');
    const region = byId('live');
    if (!region || !button) return;
    const place = new URL(window.location.href).searchParams;
    if (place.has('older') || place.has('newer')) return;
    button.hidden = false;
    button.addEventListener('click', () => setLive(button.getAttribute('aria-pressed') !== 'true'));
    let wanted = null;
    try { wanted = sessionStorage.getItem('live'); } catch { /* Off, then. */ }
    if (wanted === '1' || !region.dataset.version) setLive(true);
    setInterval(() => showNewest(byId('live') || region), 1000);
  }

  // ---- Rows and keys -----------------------------------------------------------------------

  const rows = () => [...document.querySelectorAll('tr.row')];

  function open(row) {
    const link = row.querySelector('a');
    if (link) window.location.assign(link.href);
  }

  function move(step) {
    const all = rows();
    if (!all.length) return;
    const at = all.findIndex((row) => row.classList.contains('chosen'));
    const next = all[Math.min(all.length - 1, Math.max(0, at < 0 ? 0 : at + step))];
    if (at >= 0) all[at].classList.remove('chosen');
    next.classList.add('chosen');
    next.scrollIntoView({ block: 'nearest' });
    const link = next.querySelector('a');
    if (link) link.focus({ preventScroll: true });
  }

  function showKeys() {
    for (const hint of document.querySelectorAll('.keys')) hint.hidden = false;
  }

  document.addEventListener('click', (event) => {
    if (event.defaultPrevented || event.button !== 0 || event.target.closest('a, button')) return;
    if (String(window.getSelection())) return;
    let row = event.target.closest('tr.row, tr.why');
    if (row && row.classList.contains('why')) row = row.previousElementSibling;
    if (row) open(row);
  });

  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = event.target.closest('input, textarea, select');
    if (typing) {
      if (event.key === 'Escape') typing.blur();
      return;
    }
    const box = byId('q');
    if (event.key === '/' && box) {
      event.preventDefault();
      box.focus();
      box.select();
    } else if (event.key === 'j') {
      move(1);
    } else if (event.key === 'k') {
      move(-1);
    } else if (event.key === 'l' && byId('live-button') && !byId('live-button').hidden) {
      byId('live-button').click();
    }
  });

  // The way back leads to the list as it was.
  try {
    const back = byId('back');
    const list = sessionStorage.getItem('list');
    if (back && list) back.href = list;
    if (byId('live')) sessionStorage.setItem('list', window.location.pathname + window.location.search);
  } catch { /* To the newest sign-ins, then. */ }

  showKeys();
  setUpZone();
  setUpLive();
})();

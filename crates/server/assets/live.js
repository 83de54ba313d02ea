// The live list: rows as they come, at the top; pause, catch up, connect again.
'use strict';

(() => {
  const { byId, onKey, onContent, announce, isTyping } = window.durward;

  /** Rows that wait while the list is paused; more of them are loaded from the store. */
  const WAITING_MAX = 5000;
  /** Rows that are added before the list is loaded anew. */
  const SHOWN_MAX = 5000;
  const RATE_SECONDS = 10;
  const ANNOUNCE_MS = 10_000;
  const RETRY_MS = [1000, 2000, 5000, 10_000, 30_000];
  /** From event to receipt; slower sources are asked rather than heard. */
  const POLLED_SECONDS = 60;

  const button = byId('live-button');
  if (!button || !byId('view') || !window.EventSource) return;
  button.hidden = false;

  let source = null;
  let address = '';
  let lastId = '';
  let failures = 0;
  let retry = 0;
  let isPaused = false;
  let isGap = false;
  let shown = 0;
  let waiting = [];
  let arrivals = [];
  let unsaid = 0;
  let newest = null;
  let delay = 0;

  const isOn = () => sessionStorage.getItem('live') === 'on';
  const list = () => byId('list');
  const table = () => document.querySelector('#list table.list');
  const scroller = () => document.querySelector('#list .scroll');

  // ---- The stream ----------------------------------------------------------------------------

  function addressOf(view) {
    const page = new URL(view.dataset.href, location.href);
    const url = new URL('/signins/live', location.href);
    for (const [name, value] of page.searchParams) {
      if (!['row', 'tab', 'at', 'after', 'asof'].includes(name)) url.searchParams.set(name, value);
    }
    const heads = [...document.querySelectorAll('#list thead th[data-name]')];
    const columns = heads.map((head) => head.dataset.name);
    if (columns.length > 0) url.searchParams.set('show', columns.join(','));
    return url;
  }

  const UNLIKE = ['sort', 'group', 'by', 'view', 'at', 'after', 'asof'];

  /** Only a list of single events, newest first and up to now, has a top where news belong. */
  function isLiveable() {
    const asked = new URL(byId('view').dataset.href, location.href).searchParams;
    return !UNLIKE.some((name) => asked.has(name)) && !asked.get('t')?.includes('..');
  }

  function connect() {
    clearTimeout(retry);
    source?.close();
    source = null;
    const view = byId('view');
    if (!view || !isOn()) return;
    const url = addressOf(view);
    if (url.search !== address) {
      address = url.search;
      lastId = '';
      waiting = [];
      isGap = false;
    }
    url.searchParams.set('since', lastId || view.dataset.now);
    source = new EventSource(url);
    source.addEventListener('open', () => {
      if (failures > 0) say('Live again');
      failures = 0;
      note('');
      show();
    });
    source.addEventListener('rows', (event) => {
      lastId = event.lastEventId;
      take(JSON.parse(event.data));
    });
    source.addEventListener('end', (event) => {
      turn(false);
      note(`Live has ended. ${JSON.parse(event.data).why}`);
    });
    source.onerror = lost;
  }

  /** What the server says where it refuses the stream: a stream does not tell. */
  async function refusal(url) {
    const stop = new AbortController();
    try {
      const headers = { Accept: 'application/json' };
      const answer = await fetch(url, { headers, signal: stop.signal });
      if (answer.ok) return '';
      return (await answer.json()).error.message;
    } catch {
      return '';
    } finally {
      stop.abort();
    }
  }

  /** Tries again, less and less often. */
  async function lost() {
    const { url } = source ?? {};
    source?.close();
    source = null;
    if (!isOn() || !url) return;
    const wait = RETRY_MS[Math.min(failures, RETRY_MS.length - 1)];
    failures += 1;
    const why = await refusal(url) || 'The connection is lost; what is shown stays.';
    if (!isOn() || source) return;
    note(`${why} Trying again in ${wait / 1000} s.`);
    if (failures === 1) say('Live: the connection is lost');
    show();
    retry = setTimeout(connect, wait);
  }

  function turn(on) {
    sessionStorage.setItem('live', on ? 'on' : 'off');
    clearTimeout(retry);
    source?.close();
    source = null;
    failures = 0;
    isPaused = false;
    note('');
    if (on) {
      if (isLiveable()) connect();
      else latest();
    } else {
      flush();
      waiting = [];
      arrivals = [];
    }
    show();
  }

  /** The same question as a list that can be live, from its beginning. */
  function latest() {
    const url = new URL(byId('view').dataset.href, location.href);
    for (const name of UNLIKE) url.searchParams.delete(name);
    if (url.searchParams.get('t')?.includes('..')) url.searchParams.delete('t');
    if (window.durward.visit) window.durward.visit(url.href);
    else location.assign(url);
  }

  // ---- What comes ----------------------------------------------------------------------------

  function take(news) {
    if (news.counts) count(news.counts);
    if (!news.html) return;
    const now = Date.now();
    arrivals.push([now, news.count]);
    arrivals = arrivals.filter(([at]) => now - at < RATE_SECONDS * 1000);
    newest = news.newest ?? newest;
    delay = news.delaySeconds ?? delay;
    const groups = rowsOf(news.html);
    if (news.more) isGap = true;
    waiting.unshift(...groups);
    if (waiting.length > WAITING_MAX) {
      waiting.length = WAITING_MAX;
      isGap = true;
    }
    if (!table()) {
      // The first match of a list that was empty.
      waiting = [];
      latest();
      return;
    }
    if (!isHeld()) flush();
    show();
  }

  /** A row with the lines that belong to it. */
  function rowsOf(html) {
    const holder = document.createElement('template');
    holder.innerHTML = html;
    const groups = [];
    for (const row of [...holder.content.querySelectorAll('tr')]) {
      if (row.dataset.id) groups.push([row]);
      else groups.at(-1)?.push(row);
    }
    return groups;
  }

  /** Paused by hand, or because the list is not at its top. */
  const isHeld = () => isPaused || isAway() || !top();
  const isAway = () => (scroller()?.scrollTop ?? 0) > 40 || isAbove();
  const isAbove = () => (list()?.getBoundingClientRect().top ?? 0) < -40;

  /** New rows go to the top of the list's first block, if that is in the page. */
  const top = () => table()?.querySelector('tbody.block[data-at="0"]');

  /** Puts what waits into the list. */
  function flush() {
    const place = top();
    if (!place || waiting.length === 0) return;
    if (isGap || shown + waiting.length > SHOWN_MAX) {
      waiting = [];
      isGap = false;
      latest();
      return;
    }
    const known = new Map();
    for (const row of table().querySelectorAll('tr[data-id]')) known.set(row.dataset.id, row);
    let added = 0;
    for (const group of waiting.reverse()) {
      const old = known.get(group[0].dataset.id);
      if (old) {
        // A newer revision takes the place of the older one.
        replace(old, group);
      } else {
        for (const row of group) row.classList.add('fresh');
        place.prepend(...group);
        added += 1;
      }
    }
    waiting = [];
    shown += added;
    window.durward.showTimes(place);
    setTimeout(() => {
      for (const row of document.querySelectorAll('#list tr.fresh')) row.classList.remove('fresh');
    }, 2000);
    unsaid += added;
    document.dispatchEvent(new CustomEvent('durward:rows', { detail: { added } }));
  }

  function replace(old, group) {
    let next = old.nextElementSibling;
    while (next && !next.dataset.id) {
      const after = next.nextElementSibling;
      next.remove();
      next = after;
    }
    old.replaceWith(...group);
  }

  /** Writes new counts on the tabs. */
  function count(counts) {
    for (const tab of document.querySelectorAll('#tabs a')) {
      const letter = new URL(tab.href).searchParams.get('type');
      const place = tab.querySelector('.count');
      if (place && letter in counts) place.textContent = counts[letter].toLocaleString('en-US');
    }
  }

  // ---- What is said --------------------------------------------------------------------------

  function rate() {
    const since = Date.now() - RATE_SECONDS * 1000;
    const sum = arrivals.reduce((all, [at, some]) => (at > since ? all + some : all), 0);
    const each = sum / RATE_SECONDS;
    return each >= 10 ? each.toFixed(0) : each.toFixed(1);
  }

  function age() {
    const seconds = Math.max(0, Math.round((Date.now() - new Date(newest)) / 1000));
    if (seconds < 120) return `${seconds} s`;
    return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
  }

  function show() {
    const on = isOn();
    button.setAttribute('aria-pressed', String(on));
    button.classList.toggle('lost', on && !source);
    button.querySelector('.label').textContent = on && isPaused ? 'Paused' : 'Live';
    const polled = delay > POLLED_SECONDS;
    button.querySelector('.rate').textContent = on ? `${rate()} ev/s` : '';
    let title = 'New events at the top as they come (L)';
    if (on) {
      title = newest ? `Newest event ${age()} ago. ` : 'No new event yet. ';
      if (polled) title += `Polled, typical delay ${Math.round(delay / 60)} min. `;
      title += 'Space pauses, L ends.';
      if (polled) button.querySelector('.label').textContent += ' (polled)';
    }
    button.title = title;
    offer();
  }

  /** The way to rows that wait. */
  function offer() {
    let place = byId('live-waiting');
    const count = waiting.length;
    if (!isOn() || count === 0 || !list()) {
      place?.remove();
      return;
    }
    if (!place) {
      place = document.createElement('button');
      place.id = 'live-waiting';
      place.type = 'button';
      place.addEventListener('click', catchUp);
      list().prepend(place);
    }
    const many = count.toLocaleString('en-US');
    place.textContent = isGap ? `More than ${many} new, load from store ↑` : `${many} new ↑`;
  }

  function catchUp() {
    isPaused = false;
    scroller()?.scrollTo(0, 0);
    if (isAbove()) list().scrollIntoView();
    flush();
    show();
    scroller()?.focus({ preventScroll: true });
  }

  function note(text) {
    let place = byId('live-note');
    if (!text) {
      place?.remove();
      return;
    }
    if (!place) {
      place = document.createElement('p');
      place.id = 'live-note';
      (document.querySelector('#view .work') ?? document.body).prepend(place);
    }
    place.textContent = text;
  }

  const say = (text) => announce(text);

  setInterval(() => {
    if (unsaid > 0) say(`${unsaid} new ${unsaid === 1 ? 'event' : 'events'}`);
    unsaid = 0;
  }, ANNOUNCE_MS);

  setInterval(() => {
    if (!isOn() || document.hidden) return;
    if (waiting.length > 0 && !isHeld()) flush();
    show();
  }, 1000);

  // ---- Controls ------------------------------------------------------------------------------

  button.addEventListener('click', () => turn(!isOn()));
  onKey('l', 'Live list on or off', () => turn(!isOn()));
  const isFree = (event) => isOn() && !isTyping(event.target) &&
    !event.target.closest?.('button, a, summary, [role="button"]');
  onKey(' ', 'Pause the live list', () => {
    isPaused = !isPaused;
    if (!isPaused) catchUp();
    say(isPaused ? 'Paused' : 'Live');
    show();
  }, { when: isFree });

  // Another filter keeps it on, from the moment that its list is of.
  onContent((root) => {
    const view = root.id === 'view' ? root : root.querySelector?.('#view');
    if (!view || !isOn()) return;
    shown = 0;
    if (isLiveable()) connect();
    else {
      source?.close();
      source = null;
      sessionStorage.setItem('live', 'off');
    }
    show();
  });

  window.addEventListener('pagehide', () => source?.close());
  show();
})();

// The explorer stays in place while its address changes: links within it swap its content.
'use strict';

(() => {
  const { byId, showTimes } = window.durward;

  /** Is it another address of the explorer that the page shows? */
  const isOurs = (url) =>
    url.origin === location.origin && url.pathname === '/signins' && byId('view') !== null;

  /** Shows an address of the explorer; `push` makes it a step in the history. */
  async function visit(href, push = true) {
    const url = new URL(href, location.href);
    if (!isOurs(url)) {
      location.assign(url);
      return;
    }
    // The address first, so that what is swapped in reads the right one.
    if (push && url.href !== location.href) history.pushState({ durward: true }, '', url);
    const place = { target: '#view', swap: 'outerHTML' };
    try {
      await window.htmx.ajax('GET', url.pathname + url.search, place);
    } catch {
      // The frame of the page says what went wrong; what was there stays.
      return;
    }
    showTimes(document);
    document.dispatchEvent(new CustomEvent('durward:visited'));
  }

  document.addEventListener('click', (event) => {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const link = event.target.closest('a[href]');
    if (!link || link.target || link.hasAttribute('download') || link.hasAttribute('hx-get')) return;
    if (!link.closest('.explorer, .controls') || !isOurs(new URL(link.href))) return;
    // Links of the bar at the top are made for the address that the page was loaded with.
    if (link.closest('.controls') && link.dataset.fixed === undefined) {
      event.preventDefault();
      const wanted = new URL(link.href).searchParams;
      const url = new URL(location.href);
      for (const name of ['t', 'tz', 'tenant']) {
        if (wanted.has(name)) url.searchParams.set(name, wanted.get(name));
        else url.searchParams.delete(name);
      }
      for (const name of ['at', 'row', 'tab']) url.searchParams.delete(name);
      location.assign(url);
      return;
    }
    event.preventDefault();
    visit(link.href);
  });

  window.addEventListener('popstate', (event) => {
    if (event.state?.htmx) return;
    // Where only the event beside the list is another one, the list stays.
    if (window.durward.stepBeside?.()) return;
    if (isOurs(new URL(location.href))) visit(location.href, false);
    else location.reload();
  });

  window.durward.visit = visit;
})();

// The filter: its dialogs in place, pills that are joined by dragging, the panel of fields.
'use strict';

(() => {
  const { byId, onKey, onContent, announce } = window.durward;
  const visit = (href) => {
    if (window.durward.visit) window.durward.visit(href);
    else location.assign(href);
  };
  const DIALOGS = ['/signins/filter', '/signins/query', '/signins/facet'];

  // ---- Dialogs -------------------------------------------------------------------------------

  let anchor = null;
  // Did the last answer lead on to another state?
  let left = false;

  function dialog() {
    let found = byId('filter-dialog');
    if (found) return found;
    found = document.createElement('dialog');
    found.id = 'filter-dialog';
    found.setAttribute('aria-label', 'Filter');
    document.body.append(found);
    // A click beside it closes it.
    found.addEventListener('click', (event) => {
      if (event.target === found) found.close();
    });
    found.addEventListener('close', () => {
      found.replaceChildren();
      if (anchor?.isConnected) anchor.focus();
    });
    return found;
  }

  /** Below what was clicked, within the window. */
  function place(box, at) {
    if (!at || window.innerWidth < 700) {
      box.style.left = box.style.top = '';
      return;
    }
    const from = at.getBoundingClientRect();
    const size = box.getBoundingClientRect();
    const left = Math.min(from.left, window.innerWidth - size.width - 12);
    const top = Math.min(from.bottom + 6, window.innerHeight - size.height - 12);
    box.style.left = `${Math.max(left, 12)}px`;
    box.style.top = `${Math.max(top, 12)}px`;
  }

  async function show(href, at) {
    const box = dialog();
    const url = new URL(href, location.href);
    left = false;
    await window.htmx.ajax('GET', url.pathname + url.search, { target: box, swap: 'innerHTML' });
    if (left) return;
    if (!box.hasChildNodes()) {
      location.assign(url);
      return;
    }
    if (!box.open) {
      anchor = at;
      box.showModal();
    }
    place(box, anchor);
    const first = box.querySelector('[autofocus], input[type="search"], textarea, select');
    first?.focus();
  }

  /** The address that a form asks for; a button can have one of its own. */
  function addressOf(form, button) {
    const action = button?.getAttribute('formaction') ?? form.getAttribute('action');
    const url = new URL(action, location.href);
    for (const [name, value] of new FormData(form)) {
      if (value !== '') url.searchParams.append(name, value);
    }
    return url;
  }

  document.addEventListener('click', (event) => {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const link = event.target.closest('a[href]');
    if (!link || link.target) return;
    const url = new URL(link.href);
    if (url.origin !== location.origin) return;
    const inside = link.closest('#filter-dialog');
    if (DIALOGS.includes(url.pathname) && !link.closest('[hx-get]')) {
      event.preventDefault();
      show(url.href, link);
    } else if (inside && url.pathname === '/signins') {
      event.preventDefault();
      inside.close();
      visit(url.href);
    }
  });

  document.addEventListener('submit', (event) => {
    const form = event.target;
    if (form.id === 'filter-text') {
      event.preventDefault();
      visit(addressOf(form).href);
    } else if (form.closest('#filter-dialog')) {
      event.preventDefault();
      show(addressOf(form, event.submitter).href, anchor);
    }
  });

  // The server has made the state that a form asked for.
  document.addEventListener('durward:visit', (event) => {
    left = true;
    byId('filter-dialog')?.close();
    visit(event.detail.href);
  });

  // Terms of the free text have become pills: the address says so too.
  function showAddress() {
    const shown = byId('view')?.dataset.href;
    if (!shown) return;
    const text = (href) => new URL(href, location.href).searchParams.get('q') ?? '';
    if (text(shown) !== text(location.href)) history.replaceState(history.state, '', shown);
  }

  document.addEventListener('durward:visited', showAddress);
  showAddress();

  // The list of fields gets shorter while somebody types.
  document.addEventListener('input', (event) => {
    const list = event.target.closest?.('.fields-to-add');
    if (!list || event.target.name !== 'find') return;
    const wanted = event.target.value.trim().toLowerCase();
    for (const item of list.querySelectorAll('.topics li')) {
      item.hidden = !item.textContent.toLowerCase().includes(wanted);
    }
    for (const topic of list.querySelectorAll('.topics section')) {
      topic.hidden = topic.querySelector('li:not([hidden])') === null;
    }
  });

  // ---- Keys ----------------------------------------------------------------------------------

  const isExplorer = () => byId('view') !== null;

  onKey('/', 'Filter text', () => byId('q')?.select(), { when: () => byId('q') !== null });
  onKey('f', 'Fields panel', toggleFields, { when: isExplorer });

  document.addEventListener('keydown', (event) => {
    if (event.key !== 'Delete' && event.key !== 'Backspace') return;
    const clause = event.target.closest?.('.clause');
    const remove = clause?.querySelector('.remove');
    if (!remove) return;
    event.preventDefault();
    announce(remove.getAttribute('aria-label'));
    visit(remove.href);
  });

  // ---- Pills: one dragged onto another is an alternative of it --------------------------------

  let dragged = null;

  document.addEventListener('dragstart', (event) => {
    dragged = event.target.closest?.('.clause[data-pill]') ?? null;
    if (!dragged) return;
    event.dataTransfer.setData('text/plain', dragged.dataset.pill);
    event.dataTransfer.effectAllowed = 'link';
  });

  const dropTarget = (event) => {
    const clause = event.target.closest?.('.clause[data-pill]');
    return dragged && clause && clause !== dragged ? clause : null;
  };

  document.addEventListener('dragover', (event) => {
    const over = dropTarget(event);
    for (const clause of document.querySelectorAll('.clause.over')) {
      if (clause !== over) clause.classList.remove('over');
    }
    if (!over) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = 'link';
    over.classList.add('over');
  });

  document.addEventListener('drop', (event) => {
    const over = dropTarget(event);
    if (!over) return;
    event.preventDefault();
    const url = new URL(byId('view').dataset.href, location.href);
    url.pathname = '/signins/filter/set';
    for (const name of ['at', 'row', 'tab']) url.searchParams.delete(name);
    url.searchParams.set('join', dragged.dataset.pill);
    url.searchParams.set('or', over.dataset.pill);
    dragged = null;
    window.htmx.ajax('GET', url.pathname + url.search, { target: dialog(), swap: 'none' });
  });

  document.addEventListener('dragend', () => {
    dragged = null;
    for (const clause of document.querySelectorAll('.clause.over')) clause.classList.remove('over');
  });

  // ---- Panel of fields -----------------------------------------------------------------------

  // Where there is little room, the list comes first.
  const usual = () => (matchMedia('(max-width: 899px)').matches ? 'closed' : 'open');
  const isClosed = () => (localStorage.getItem('fields') ?? usual()) === 'closed';

  function showFields() {
    document.documentElement.dataset.fields = isClosed() ? 'closed' : 'open';
    byId('fields-button')?.setAttribute('aria-expanded', String(!isClosed()));
  }

  function toggleFields() {
    localStorage.setItem('fields', isClosed() ? 'open' : 'closed');
    showFields();
    announce(isClosed() ? 'Fields panel hidden' : 'Fields panel shown');
  }

  document.addEventListener('click', (event) => {
    if (event.target.closest?.('#fields-button')) toggleFields();
  });

  // Which fields somebody opened or closed, other than as they come.
  const changed = () => JSON.parse(localStorage.getItem('facets') ?? '{}');

  document.addEventListener('toggle', (event) => {
    const facet = event.target;
    if (!facet.matches?.('#fields .facet') || searching) return;
    const all = changed();
    if (all[facet.dataset.field] === facet.open) return;
    all[facet.dataset.field] = facet.open;
    localStorage.setItem('facets', JSON.stringify(all));
  }, true);

  let searching = '';

  function findFields() {
    for (const facet of document.querySelectorAll('#fields .facet')) {
      const text = `${facet.querySelector('.name')?.textContent} ${facet.dataset.field}`;
      facet.hidden = !text.toLowerCase().includes(searching);
    }
  }

  document.addEventListener('input', (event) => {
    if (event.target.id !== 'field-search') return;
    searching = event.target.value.trim().toLowerCase();
    findFields();
  });

  onContent((root) => {
    showFields();
    for (const button of root.querySelectorAll('#fields-button, #field-search')) {
      button.hidden = false;
    }
    for (const clause of root.querySelectorAll('.clause[data-pill]')) clause.draggable = true;
    const search = root.querySelector('#field-search');
    if (search) {
      const states = changed();
      for (const facet of root.querySelectorAll('#fields .facet')) {
        const open = states[facet.dataset.field];
        if (open !== undefined) facet.open = open;
      }
      search.value = searching;
    }
    if (searching) findFields();
  });
})();

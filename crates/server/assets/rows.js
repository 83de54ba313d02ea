// What is done with rows: keys, the menu of a value, selection, widths of columns, density.
'use strict';

(() => {
  const { byId, onKey, onContent, announce } = window.durward;

  /** Rows that are copied at most. */
  const COPY_MAX = 5000;
  const COPY_JSON_MAX = 200;
  const WIDTH_MIN = 48;
  /** As wide as most names. */
  const TEXT_WIDTH = 116;
  const BADGE_WIDTH = 22;
  /** Columns that say nothing in part. */
  const WHOLE = new Set([
    'createdDateTime', 'status', 'ipAddress', 'count', 'log', 'users', 'success', 'first', 'last',
    'over-time',
  ]);

  const list = () => window.durward.list();
  const inList = () => document.activeElement?.closest?.('#rows') !== null;
  const isFree = () => list() !== null &&
    !document.querySelector('dialog[open], #cell-menu:popover-open');

  // ---- Moving from cell to cell --------------------------------------------------------------

  /** The column that the keys stay in; the first has the boxes that select. */
  let column = 1;

  const cellOf = (row) => row?.cells[Math.min(column, row.cells.length - 1)];
  const current = () => {
    const cell = document.activeElement?.closest?.('#rows td');
    return cell ?? document.querySelector('#rows td[tabindex="0"]');
  };

  /** One cell of the list can be reached with Tab; the others from there. */
  function reach(cell) {
    for (const other of document.querySelectorAll('#rows td[tabindex="0"]')) other.tabIndex = -1;
    if (cell) cell.tabIndex = 0;
  }

  function focusCell(cell) {
    if (!cell) return;
    reach(cell);
    column = cell.cellIndex;
    cell.focus({ preventScroll: true });
    cell.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }

  const rowsInSight = () => [...document.querySelectorAll('#rows tbody tr.row')];

  function move(by) {
    const rows = rowsInSight();
    const at = rows.indexOf(current()?.closest('tr.row'));
    const isIn = inList();
    const row = rows[isIn ? at + by : Math.max(0, at)];
    if (!row) return;
    focusCell(cellOf(row));
    // What is open beside the list goes along.
    if (byId('view')?.classList.contains('with-pane') && row.dataset.id) {
      window.durward.openRow(row.dataset.id);
    }
  }

  function sideways(by) {
    const cell = current();
    const next = cell?.parentElement.cells[cell.cellIndex + by];
    if (next) focusCell(next);
  }

  async function end(isLast) {
    const now = list();
    if (isLast && now.total === null) {
      now.box.scrollTop = now.box.scrollHeight;
      return;
    }
    await now.show(isLast ? now.total - 1 : 0);
    const rows = rowsInSight();
    focusCell(cellOf(rows[isLast ? rows.length - 1 : 0]));
  }

  onKey('j', 'Next row', () => move(1), { when: isFree });
  onKey('k', 'Row before', () => move(-1), { when: isFree });
  const inGrid = { when: () => isFree() && inList() };
  onKey('ArrowDown', 'Next row', () => move(1), inGrid);
  onKey('ArrowUp', 'Row before', () => move(-1), inGrid);
  onKey('ArrowRight', 'Next cell', () => sideways(1), inGrid);
  onKey('ArrowLeft', 'Cell before', () => sideways(-1), inGrid);
  onKey('Home', 'First row', () => end(false), inGrid);
  onKey('End', 'Last row', () => end(true), inGrid);
  onKey('Enter', 'Open the sign-in', () => {
    const cell = current();
    if (cell.matches('.pick')) return void cell.querySelector('input')?.click();
    (cell.closest('tr').querySelector('a.open, a.expand, a.open-list'))?.click();
  }, { when: () => isFree() && document.activeElement?.matches?.('#rows td') });
  onKey('c', 'Columns', () => byId('columns-button').click(),
    { when: () => byId('columns-button') !== null && !document.querySelector('dialog[open]') });

  document.addEventListener('durward:closed', (event) => {
    const row = list()?.row(event.detail);
    if (row) focusCell(cellOf(row));
  });

  // ---- The menu of a value -------------------------------------------------------------------

  let opened = null;

  function menu() {
    let found = byId('cell-menu');
    if (found) return found;
    found = document.createElement('div');
    found.id = 'cell-menu';
    found.className = 'cell-menu';
    found.popover = 'auto';
    found.setAttribute('role', 'menu');
    found.setAttribute('aria-label', 'What can be done with this value');
    byId('main').append(found);
    found.addEventListener('toggle', (event) => {
      if (event.newState === 'closed' && found.contains(document.activeElement)) opened?.focus();
    });
    found.addEventListener('keydown', (event) => {
      const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (!by) return;
      event.preventDefault();
      const items = [...found.querySelectorAll('[role="menuitem"]')];
      const at = items.indexOf(document.activeElement);
      items[(at + by + items.length) % items.length].focus();
    });
    found.addEventListener('click', (event) => {
      if (event.target.closest('[role="menuitem"]')) setTimeout(() => found.hidePopover(), 700);
    });
    return found;
  }

  const nameOf = (cell) =>
    cell.closest('table').tHead.rows[0].cells[cell.cellIndex]?.dataset.column;
  const hasMenu = (cell) =>
    cell?.closest('tr')?.dataset.id && nameOf(cell) && nameOf(cell) !== 'count';

  /** What the server offers for a cell. */
  async function offers(cell) {
    const url = new URL('/signins/cell', location.href);
    url.search = location.search;
    for (const name of ['at', 'after']) url.searchParams.delete(name);
    const id = cell.closest('tr').dataset.id;
    url.searchParams.set('id', id);
    url.searchParams.set('column', nameOf(cell));
    const other = [...selection.keys()].findLast((one) => one !== id);
    if (other) url.searchParams.set('with', other);
    const answer = await fetch(url, { headers: { 'HX-Request': 'true' } });
    if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
    const found = menu();
    found.innerHTML = await answer.text();
    for (const item of found.querySelectorAll('a, button')) {
      item.hidden = false;
      item.setAttribute('role', 'menuitem');
      item.tabIndex = -1;
    }
    return found;
  }

  async function openMenu(cell, point) {
    if (!hasMenu(cell)) return;
    opened = cell;
    try {
      const found = await offers(cell);
      found.showPopover();
      const box = cell.getBoundingClientRect();
      const [x, y] = point ?? [box.left + 8, box.bottom];
      const size = found.getBoundingClientRect();
      found.style.left = `${Math.max(4, Math.min(x, window.innerWidth - size.width - 8))}px`;
      found.style.top = `${Math.max(4, Math.min(y, window.innerHeight - size.height - 8))}px`;
      found.querySelector('[role="menuitem"]')?.focus();
    } catch (error) {
      announce(`The menu could not be loaded: ${error.message}`);
    }
  }

  async function act(name) {
    const cell = current();
    if (!hasMenu(cell)) return;
    try {
      (await offers(cell)).querySelector(`[data-act="${name}"]`)?.click();
    } catch (error) {
      announce(`That did not work: ${error.message}`);
    }
  }

  const onCell = { when: () => isFree() && inList() && hasMenu(current()) };
  onKey('Shift+F10', 'Menu of the value', () => openMenu(current()), onCell);
  onKey('ContextMenu', 'Menu of the value', () => openMenu(current()), onCell);
  onKey('+', 'Filter for the value', () => act('for'), onCell);
  onKey('-', 'Filter out the value', () => act('out'), onCell);
  onKey('y', 'Copy the value', () => act('copy'), onCell);
  onKey('Y', 'Copy the row as JSON', () => act('json'), onCell);

  document.addEventListener('contextmenu', (event) => {
    const cell = event.target.closest?.('#rows td');
    if (!cell || !hasMenu(cell) || event.shiftKey || String(window.getSelection()) !== '') return;
    event.preventDefault();
    reach(cell);
    openMenu(cell, [event.clientX, event.clientY]);
  });

  // One button for all cells, in the one that the pointer or the focus is in.
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'cell-button';
  button.tabIndex = -1;
  button.textContent = '⋯';
  button.setAttribute('aria-haspopup', 'menu');
  button.setAttribute('aria-label', 'What can be done with this value');
  button.addEventListener('click', (event) => {
    event.stopPropagation();
    openMenu(button.closest('td'));
  });

  function offerButton(cell) {
    if (!hasMenu(cell) || cell.matches('.pick')) {
      button.remove();
      return;
    }
    if (button.parentElement !== cell) cell.append(button);
    // A cell that stays in sight is what the button is placed in; the others' row is.
    const left = cell.matches('.pinned') ? 0 : cell.offsetLeft;
    button.style.left = `${left + cell.offsetWidth - 27}px`;
  }
  document.addEventListener('mouseover', (event) => {
    const cell = event.target.closest?.('#rows td');
    if (cell) offerButton(cell);
    else if (!event.target.closest?.('#rows')) button.remove();
  });
  document.addEventListener('focusin', (event) => {
    const cell = event.target.closest?.('#rows td');
    if (!cell) return;
    reach(cell);
    offerButton(cell);
  });

  // ---- Selection -----------------------------------------------------------------------------

  /** Identifiers of the selected rows, and the texts of their cells. */
  let selection = new Map();
  let isAll = false;
  let anchor = null;

  const textsOf = (row) => [...row.cells].slice(1).map((cell) => {
    const time = cell.querySelector('time');
    const text = time ? time.dateTime : cell.querySelector('.clip, .pill')?.textContent;
    return (text ?? cell.textContent).replaceAll(/\s+/g, ' ').trim();
  });

  function showSelected(row) {
    const isIn = isAll || selection.has(row.dataset.id);
    row.setAttribute('aria-selected', String(isIn));
    const box = row.querySelector('.pick input');
    if (box) box.checked = isIn;
  }

  function pick(row, isIn) {
    if (!row?.dataset.id || row.matches('.group')) return;
    if (isIn) selection.set(row.dataset.id, textsOf(row));
    else selection.delete(row.dataset.id);
  }

  function showSelection() {
    for (const row of document.querySelectorAll('#rows tbody tr.row[data-id]')) showSelected(row);
    const bar = byId('selection');
    const count = isAll ? list()?.total ?? 0 : selection.size;
    const head = byId('pick-all');
    if (head) {
      head.checked = isAll;
      head.indeterminate = !isAll && count > 0;
    }
    if (!bar) return;
    const was = bar.hidden;
    bar.hidden = count === 0;
    const many = count.toLocaleString('en-US');
    bar.querySelector('.count-selected').textContent = `${isAll ? 'All ' : ''}${many} selected`;
    const compare = bar.querySelector('[data-do="compare"]');
    compare.hidden = isAll || count !== 2;
    const [a, b] = [...selection.keys()];
    if (!compare.hidden) compare.href = `/compare?${new URLSearchParams({ a, b })}`;
    if (was !== bar.hidden) list()?.fit();
  }

  function toggle(row, { range = false, isIn = !selection.has(row.dataset.id) } = {}) {
    if (isAll) {
      // All but one is not something that the server is asked for.
      isAll = false;
      selection = new Map();
    }
    const rows = rowsInSight();
    const [from, to] = [rows.findIndex((one) => one.dataset.id === anchor), rows.indexOf(row)];
    if (range && from >= 0) {
      for (const one of rows.slice(Math.min(from, to), Math.max(from, to) + 1)) pick(one, true);
    } else pick(row, isIn);
    anchor = row.dataset.id;
    showSelection();
  }

  document.addEventListener('click', (event) => {
    const row = event.target.closest?.('#rows tbody tr.row');
    const box = event.target.closest?.('#rows .pick input');
    if (event.target.id === 'pick-all') {
      isAll = event.target.checked;
      selection = new Map();
      showSelection();
    } else if (box && row) {
      toggle(row, { range: event.shiftKey, isIn: box.checked });
    } else if (row && event.shiftKey && !event.target.closest('a')) {
      event.preventDefault();
      window.getSelection().removeAllRanges();
      toggle(row, { range: true });
    }
  });
  const rowHere = () => current()?.closest('tr.row[data-id]');
  const onRow = { when: () => isFree() && rowHere() };
  onKey('x', 'Select the row', () => toggle(rowHere()), onRow);
  onKey('X', 'Select the rows up to here', () => toggle(rowHere(), { range: true }), onRow);
  const comparing = () => byId('selection')?.querySelector('[data-do="compare"]:not([hidden])');
  onKey('=', 'Compare the two selected', () => comparing().click(), { when: comparing });

  /** All matching rows, as far as they are copied: identifiers and texts. */
  async function everything() {
    const now = list();
    if (now.total > COPY_MAX) {
      throw new Error(`more than ${COPY_MAX} rows are too many; use Download`);
    }
    const found = new Map();
    for (let index = 0; index <= now.last; index += 1) {
      const block = await window.durward.fetchBlock(now.address(index));
      for (const row of block.rows) found.set(row.dataset.id, textsOf(row));
    }
    return found;
  }

  async function copy(asJson) {
    const rows = isAll ? await everything() : selection;
    if (!asJson) {
      const heads = [...list().table.tHead.rows[0].cells].slice(1);
      const textOf = (head) => head.querySelector('a, span')?.textContent ?? '';
      const labelOf = (head) => textOf(head).replace(/ [▾▴]$/, '');
      const title = heads.map(labelOf);
      return [title, ...rows.values()].map((texts) => texts.join('\t')).join('\n');
    }
    if (rows.size > COPY_JSON_MAX) {
      throw new Error(`more than ${COPY_JSON_MAX} are too many; use Download`);
    }
    const all = [];
    for (const id of rows.keys()) {
      const url = `/api/security/sign-in-logs/${encodeURIComponent(id)}`;
      const answer = await fetch(url, { headers: { Accept: 'application/json' } });
      if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
      all.push(await answer.json());
    }
    return JSON.stringify(all, null, 2);
  }

  document.addEventListener('click', async (event) => {
    const what = event.target.closest?.('#selection [data-do]')?.dataset.do;
    if (what === 'clear') {
      isAll = false;
      selection = new Map();
      showSelection();
    }
    if (what !== 'tsv' && what !== 'json') return;
    const before = event.target.textContent;
    event.target.disabled = true;
    try {
      await navigator.clipboard.writeText(await copy(what === 'json'));
      event.target.textContent = 'Copied';
      announce('Copied');
    } catch (error) {
      const place = byId('selection').querySelector('.count-selected');
      place.textContent = `Not copied: ${error.message}`;
    }
    event.target.disabled = false;
    setTimeout(() => { event.target.textContent = before; }, 1500);
  });

  document.addEventListener('durward:block', (event) => {
    for (const row of event.detail.rows) if (row.dataset.id) showSelected(row);
    for (const cell of event.detail.querySelectorAll('td')) cell.tabIndex = -1;
    if (!document.querySelector('#rows td[tabindex="0"]')) reach(event.detail.rows[0]?.cells[1]);
  });
  window.durward.selected = () => (isAll ? [] : [...selection.keys()]);

  // ---- Widths of columns ---------------------------------------------------------------------

  const kept = (name) => Number(localStorage.getItem(`width:${name}`)) || 0;

  /** Columns as wide as what they show, less where there is no room; and then they stay so. */
  function setWidths(now, natural) {
    const { table, box } = now;
    const heads = [...table.tHead.rows[0].cells];
    const least = heads.map((head, index) => {
      if (WHOLE.has(head.dataset.column)) return natural[index];
      const label = (head.firstElementChild?.offsetWidth ?? 0) + 24;
      return Math.min(natural[index], Math.max(label, head.matches('.mono') ? 90 : TEXT_WIDTH));
    });
    const widths = heads.map((head, index) => kept(head.dataset.column) || natural[index]);
    const spare = box.clientWidth - widths.reduce((all, one) => all + one, 0);
    const isFree = heads.map((head) => head.dataset.column && !kept(head.dataset.column));
    const give = widths.map((width, index) => {
      if (!isFree[index]) return 0;
      return spare > 0 ? width : Math.max(0, width - least[index]);
    });
    const all = give.reduce((sum, one) => sum + one, 0);
    const part = all > 0 ? Math.max(spare / all, -1) : 0;
    const columns = table.querySelector('colgroup') ?? document.createElement('colgroup');
    table.prepend(columns);
    let sum = 0;
    columns.replaceChildren(...widths.map((width, index) => {
      const column = document.createElement('col');
      const px = Math.floor(width + give[index] * part);
      column.style.width = `${px}px`;
      sum += px;
      return column;
    }));
    table.style.width = `${sum}px`;
    table.classList.add('fixed');
    pin(table, heads);
    now.widths = natural;
  }

  /** Where the columns that stay in sight stand. */
  function pin(table, heads) {
    let left = 0;
    let number = 0;
    for (const head of heads) {
      if (head.matches('.pinned')) {
        number += 1;
        table.style.setProperty(`--p${number}`, `${left}px`);
      }
      left += head.offsetWidth;
    }
  }

  function measure(now) {
    const heads = [...now.table.tHead.rows[0].cells];
    now.table.classList.add('measured');
    const widthOf = (head) => Math.ceil(head.getBoundingClientRect().width) +
      (head.dataset.column === 'createdDateTime' ? BADGE_WIDTH : 0);
    const natural = heads.map(widthOf);
    now.table.classList.remove('measured');
    return natural;
  }

  function keep(head, px) {
    const width = Math.max(WIDTH_MIN, Math.round(px));
    localStorage.setItem(`width:${head.dataset.column}`, String(width));
    setWidths(list(), list().widths);
  }

  /** As wide as the widest value that is in the page. */
  function fitColumn(head) {
    let widest = (head.firstElementChild?.scrollWidth ?? 0) + 24;
    const range = document.createRange();
    for (const row of rowsInSight()) {
      const cell = row.cells[head.cellIndex];
      if (!cell) continue;
      const inner = cell.querySelector('.clip');
      range.selectNodeContents(cell);
      const width = inner ? inner.scrollWidth : range.getBoundingClientRect().width;
      if (!cell.querySelector('.why') || inner) widest = Math.max(widest, width + 24);
    }
    keep(head, widest);
  }

  function addEdges(now) {
    for (const head of now.table.tHead.rows[0].cells) {
      if (!head.dataset.column) continue;
      const edge = document.createElement('span');
      edge.className = 'edge';
      edge.addEventListener('click', (event) => event.stopPropagation());
      edge.addEventListener('dblclick', () => fitColumn(head));
      edge.addEventListener('pointerdown', (event) => {
        event.preventDefault();
        edge.setPointerCapture(event.pointerId);
        const [from, width] = [event.clientX, head.offsetWidth];
        edge.onpointermove = (step) => keep(head, width + step.clientX - from);
        edge.onpointerup = () => { edge.onpointermove = null; };
      });
      head.append(edge);
    }
  }

  document.addEventListener('durward:list', (event) => {
    const now = event.detail;
    selection = new Map();
    isAll = false;
    addEdges(now);
    const natural = measure(now);
    setWidths(now, natural);
    new ResizeObserver(() => setWidths(now, natural)).observe(now.box);
    now.changed();
    reach(now.rows()[0]?.cells[1]);
    showSelection();
  });

  // ---- Density, grouping, columns ------------------------------------------------------------

  function setDensity(name) {
    document.documentElement.dataset.density = name;
    localStorage.setItem('density', name);
    list()?.changed();
  }
  document.documentElement.dataset.density = localStorage.getItem('density') ?? 'compact';

  document.addEventListener('change', (event) => {
    if (event.target.id === 'density') setDensity(event.target.value);
    const form = event.target.closest?.('#group-by');
    if (!form) return;
    const asked = new URLSearchParams(new FormData(form));
    if (!asked.get('by')) asked.delete('by');
    window.durward.visit(`/signins?${asked}`);
  });

  onContent((root) => {
    for (const place of root.querySelectorAll('.density')) place.hidden = false;
    for (const send of root.querySelectorAll('#group-by button')) send.hidden = true;
    const select = byId('density');
    if (select) select.value = document.documentElement.dataset.density;
  });

  /** Moves a line of the form for columns. */
  function shift(line, by) {
    const other = by < 0 ? line.previousElementSibling : line.nextElementSibling;
    if (!other) return;
    if (by < 0) other.before(line);
    else other.after(line);
  }

  document.addEventListener('click', (event) => {
    const step = event.target.closest?.('#columns-form [name="up"], #columns-form [name="down"]');
    if (!step) return;
    event.preventDefault();
    shift(step.closest('li'), step.name === 'up' ? -1 : 1);
    step.focus();
    announce(`${step.closest('li').querySelector('label').textContent}: moved ${step.name}`);
  });
  document.addEventListener('change', (event) => {
    const line = event.target.closest?.('#columns-form li');
    if (!line || event.target.name !== 'choose' || !event.target.checked) return;
    if (line.closest('#columns-shown')) return;
    byId('columns-shown').append(line);
    line.draggable = true;
    line.querySelector('.moves').hidden = false;
    event.target.focus();
  });
  document.addEventListener('input', (event) => {
    if (event.target.id !== 'columns-search') return;
    const wanted = event.target.value.trim().toLowerCase();
    for (const section of document.querySelectorAll('#columns-rest section')) {
      for (const line of section.querySelectorAll('li')) {
        line.hidden = !`${line.textContent} ${line.dataset.name}`.toLowerCase().includes(wanted);
      }
      section.hidden = !section.querySelector('li:not([hidden])');
    }
  });
  let dragged = null;
  document.addEventListener('dragstart', (event) => {
    dragged = event.target.closest?.('#columns-shown li') ?? null;
  });
  document.addEventListener('dragover', (event) => {
    const over = event.target.closest?.('#columns-shown li');
    if (!dragged || !over) return;
    event.preventDefault();
    if (over === dragged) return;
    const box = over.getBoundingClientRect();
    if (event.clientY < box.top + box.height / 2) over.before(dragged);
    else over.after(dragged);
  });
  document.addEventListener('dragend', () => { dragged = null; });
})();

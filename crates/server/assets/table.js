// The list as one: blocks of rows are fetched while it is scrolled, and a few of them kept.
//
// Only blocks next to each other are in the page. What lies above and below them is as high as it
// is thought to be; a block that is put in or taken out takes its own height from there or gives
// it back, so that rows in sight never move. A leap of the scroll bar begins anew at its place.
'use strict';

(() => {
  const { byId, onContent, announce, showTimes } = window.durward;

  const BLOCKS_MAX = 8;
  /** Browsers draw nothing beyond some 30 million pixels: longer lists are scaled. */
  const HEIGHT_MAX = 15_000_000;
  /** How long the scroll bar has to rest before its place is looked up. */
  const LEAP_MS = 90;
  /** After a failure only the one who looks, or scrolling later on, tries again. */
  const REST_MS = 3000;
  const HEIGHT_MIN = 320;

  /** The list that is shown; `null` where there is none. */
  let list = null;

  class List {
    constructor(box) {
      this.box = box;
      this.table = box.querySelector('table');
      this.kind = box.dataset.kind;
      this.size = Number(box.dataset.block);
      this.total = box.dataset.total === undefined ? null : Number(box.dataset.total);
      this.heights = new Map();
      this.tokens = new Map();
      /** Rows that came after the list was made, all of them in the first block. */
      this.added = 0;
      this.resting = 0;
      this.top = this.spacer(this.table.tHead);
      this.bottom = this.spacer(this.table.createTFoot());
      const first = this.table.tBodies[0];
      const at = Number(first.dataset.at);
      this.blocks = new Map([[Math.floor(at / this.size), first]]);
      this.lowest = this.kind === 'groups' && first.dataset.next ? this.lo : 0;
      this.more = first.dataset.more === 'true';
      box.classList.add('live');
      box.addEventListener('scroll', () => this.scrolled(), { passive: true });
      this.took(this.lo, first);
      this.fit();
      if (at % this.size) this.show(at);
      else if (at > 0 && this.lowest === 0) this.place(this.lo, at);
      this.layOut();
      this.fill();
    }

    spacer(section) {
      const row = section.insertRow();
      row.className = 'spacer';
      row.setAttribute('aria-hidden', 'true');
      const cell = row.insertCell();
      cell.colSpan = this.table.rows[0].cells.length;
      return cell;
    }

    get lo() { return Math.min(...this.blocks.keys()); }
    get hi() { return Math.max(...this.blocks.keys()); }

    /** The number of the last block, as far as that is known. */
    get last() {
      if (this.total !== null) return Math.max(0, Math.ceil(this.total / this.size) - 1);
      return this.more ? this.hi + 1 : this.hi;
    }

    /** How high a whole block is on average. */
    get usual() {
      const whole = [...this.heights].filter(([index]) => index < this.last || this.last === 0);
      const known = (whole.length > 0 ? whole : [...this.heights]).map(([, height]) => height);
      return known.reduce((all, one) => all + one, 0) / known.length || 1;
    }

    get scale() { return Math.min(1, HEIGHT_MAX / ((this.last + 1) * this.usual)); }
    get above() { return this.top.offsetHeight; }
    set above(px) { this.top.style.height = `${Math.max(0, px)}px`; }
    get seen() { return this.box.clientHeight - this.table.tHead.rows[0].offsetHeight; }

    rows() { return [...this.table.querySelectorAll('tbody tr.row')]; }
    row(id) { return this.rows().find((row) => row.dataset.id === id); }

    /** Heights of what is in the page, and what lies below. */
    layOut() {
      for (const [index, block] of this.blocks) this.heights.set(index, block.offsetHeight);
      const below = this.total === null ? Number(this.more) : this.last - this.hi;
      this.bottom.style.height = `${Math.round(below * this.usual * this.scale)}px`;
      if (this.lo === 0 && this.above > 0) {
        this.box.scrollTop -= this.above;
        this.above = 0;
      }
    }

    window() {
      const from = this.above;
      const height = [...this.blocks.values()].reduce((all, one) => all + one.offsetHeight, 0);
      return [from, from + height];
    }

    scrolled() {
      if (this.frame) return;
      this.frame = requestAnimationFrame(() => {
        this.frame = 0;
        if (list === this) this.fill();
      });
    }

    /** Fetches what is missing next to what is seen, or leaps to where nothing is yet. */
    fill() {
      const [from, to] = this.window();
      const [first, end] = [this.box.scrollTop, this.box.scrollTop + this.seen];
      // What is not shown needs no rows.
      if (performance.now() < this.resting || this.seen <= 0) return;
      if (end < from || first > to) {
        clearTimeout(this.leaping);
        this.leaping = setTimeout(() => this.leap(), LEAP_MS);
        return;
      }
      if (this.busy) return;
      if (first - from < 1.5 * this.seen && this.lo > this.lowest) this.extend(this.lo - 1);
      else if (to - end < 1.5 * this.seen && this.hi < this.last) this.extend(this.hi + 1);
    }

    /** The row that the scroll bar points to. */
    leap() {
      const [from, to] = this.window();
      const first = this.box.scrollTop;
      if (this.total === null) {
        if (first < from && this.lo > this.lowest) this.extend(this.lo - 1);
        else if (first > to && this.hi < this.last) this.extend(this.hi + 1);
        return;
      }
      const end = (this.hi + 1) * this.size;
      const below = Math.max(1, this.bottom.offsetHeight - this.seen);
      let row = end + (first - to) / below * (this.total - end);
      if (first + this.seen < from) row = first / from * this.lo * this.size;
      else if (first <= to) return;
      this.show(Math.max(0, Math.min(this.total - 1, Math.floor(row))), true);
    }

    async extend(index) {
      if (this.busy) return;
      const block = await this.fetch(index);
      if (!block) return;
      if (index < this.lo) {
        const before = this.above;
        this.table.tBodies[0].before(block);
        this.took(index, block);
        const after = index === 0 ? 0 : Math.max(before - block.offsetHeight, index);
        this.above = after;
        // Only where the guess was wrong.
        const moved = after + block.offsetHeight - before;
        if (moved) this.box.scrollTop += moved;
      } else {
        this.table.tFoot.before(block);
        this.took(index, block);
      }
      while (this.blocks.size > BLOCKS_MAX) this.drop(index === this.lo ? this.hi : this.lo);
      this.layOut();
      this.fill();
    }

    drop(index) {
      const block = this.blocks.get(index);
      if (block.contains(document.activeElement)) this.box.focus({ preventScroll: true });
      if (index === this.lo) {
        const kept = this.box.scrollTop;
        this.above += block.offsetHeight;
        block.remove();
        this.box.scrollTop = kept;
      } else block.remove();
      this.blocks.delete(index);
      // Rows that came later are nowhere else.
      if (index === 0 && this.added > 0) this.kept = block;
    }

    /** Shows a row that may be anywhere; `stay`: under the scroll bar as it is. */
    async show(row, stay = false) {
      const index = Math.floor(row / this.size);
      if (!this.blocks.has(index)) {
        const block = await this.fetch(index, true);
        if (!block) return;
        for (const other of this.blocks.values()) other.remove();
        this.blocks.clear();
        this.table.tFoot.before(block);
        this.took(index, block);
        const into = this.offset(block, row);
        const wanted = this.box.scrollTop - into;
        if (stay && wanted > 0 && index > 0) {
          this.above = wanted;
          this.layOut();
        } else this.place(index, row);
      } else this.place(index, row, true);
      if (this.total !== null && row >= this.total - 1) this.box.scrollTop = this.box.scrollHeight;
      this.fill();
    }

    offset(block, row) {
      const target = block.querySelector(`[aria-rowindex="${row + 2}"]`);
      return target ? target.offsetTop - block.offsetTop : 0;
    }

    /** Scrolls to a row of a block that is in the page. */
    place(index, row, isNear = false) {
      const block = this.blocks.get(index);
      if (!isNear) this.above = index * this.usual * this.scale;
      this.layOut();
      const before = [...this.blocks].filter(([number]) => number < index);
      const height = before.reduce((all, [, other]) => all + other.offsetHeight, 0);
      this.box.scrollTop = this.above + height + this.offset(block, row);
    }

    took(index, block) {
      this.blocks.set(index, block);
      this.heights.set(index, block.offsetHeight);
      if (block.dataset.next) this.tokens.set(index + 1, block.dataset.next);
      if (this.total === null && index === this.hi) this.more = block.dataset.more === 'true';
      for (const link of block.querySelectorAll('a, input')) link.tabIndex = -1;
      document.dispatchEvent(new CustomEvent('durward:block', { detail: block }));
    }

    address(index) {
      const url = new URL(this.box.dataset.href, location.href);
      if (index > 0) url.searchParams.set('at', index * this.size);
      if (this.tokens.has(index)) url.searchParams.set('after', this.tokens.get(index));
      return url;
    }

    /** A block of rows; nothing where something else is wanted meanwhile, or it fails. */
    async fetch(index, isUrgent = false) {
      if (index === 0 && this.kept) return this.kept;
      if (isUrgent) this.busy?.abort();
      const stop = new AbortController();
      this.busy = stop;
      this.box.setAttribute('aria-busy', 'true');
      const slow = setTimeout(() => announce('Loading rows'), 1000);
      try {
        const block = await fetchBlock(this.address(index), stop.signal);
        failed(null);
        for (const row of this.added > 0 ? block.rows : []) {
          const number = Number(row.getAttribute('aria-rowindex'));
          if (number) row.setAttribute('aria-rowindex', number + this.added);
        }
        return list === this ? block : null;
      } catch (error) {
        if (error.name !== 'AbortError') {
          this.resting = performance.now() + REST_MS;
          failed(error.message, () => this.retry(index, isUrgent));
        }
        return null;
      } finally {
        clearTimeout(slow);
        if (this.busy === stop) {
          this.busy = null;
          this.box.removeAttribute('aria-busy');
        }
      }
    }

    retry(index, isUrgent) {
      failed(null);
      this.resting = 0;
      if (isUrgent) this.show(index * this.size, true);
      else this.extend(index);
    }

    /** As high as the screen has room for, and never so low that it is of no use. */
    fit() {
      const page = this.box.getBoundingClientRect().top + window.scrollY;
      const rest = byId('list')?.getBoundingClientRect().bottom
        - this.box.getBoundingClientRect().bottom || 0;
      const room = window.innerHeight - page - rest - 18;
      this.box.style.maxHeight = `${Math.max(HEIGHT_MIN, Math.round(room))}px`;
      this.box.style.setProperty('--why', `${Math.max(160, this.box.clientWidth - 190)}px`);
    }

    /** Rows have other heights than before. */
    changed() {
      this.heights.clear();
      this.layOut();
      this.fill();
    }
  }

  async function fetchBlock(url, signal) {
    const answer = await fetch(url, { headers: { Accept: 'application/json' }, signal });
    if (!answer.ok) throw new Error(await problem(answer));
    const holder = document.createElement('template');
    holder.innerHTML = await answer.text();
    const block = holder.content.querySelector('tbody');
    if (!block) throw new Error('The server did not answer with rows.');
    showTimes(block);
    return document.importNode(block, true);
  }

  async function problem(answer) {
    try {
      return (await answer.json()).error.message;
    } catch {
      return `The server answered ${answer.status}.`;
    }
  }

  /** Says what went wrong below the list, or takes it back. */
  function failed(message, retry) {
    byId('rows-problem')?.remove();
    if (!message) return;
    const place = document.createElement('p');
    place.id = 'rows-problem';
    place.className = 'rows-problem';
    place.setAttribute('role', 'alert');
    const again = document.createElement('button');
    again.type = 'button';
    again.className = 'button small';
    again.textContent = 'Retry';
    again.addEventListener('click', retry);
    place.append(`✖ Rows could not be loaded: ${message} `, again);
    list?.box.after(place);
  }

  // ---- What a line stands for ----------------------------------------------------------------

  /** Shows or hides the members below a group, or a list of its own below a value. */
  async function expand(link) {
    const row = link.closest('tr');
    const isOpen = link.getAttribute('aria-expanded') === 'true';
    link.setAttribute('aria-expanded', String(!isOpen));
    link.textContent = isOpen ? '▸' : '▾';
    if (isOpen) {
      while (row.nextElementSibling?.classList.contains('member')) row.nextElementSibling.remove();
      list?.changed();
      return;
    }
    try {
      const answer = await fetch(link.href, { headers: { 'HX-Request': 'true' } });
      if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
      const holder = document.createElement('template');
      holder.innerHTML = await answer.text();
      showTimes(holder.content);
      const rows = members(holder.content, row);
      for (const member of rows) member.classList.add('member');
      row.after(...rows);
      for (const inner of rows) {
        for (const other of inner.querySelectorAll('a.open, input')) other.tabIndex = -1;
      }
    } catch (error) {
      link.setAttribute('aria-expanded', 'false');
      link.textContent = '▸';
      announce(`Not loaded: ${error.message}`);
    }
    list?.changed();
  }

  function members(content, row) {
    const block = content.querySelector('tbody.members');
    if (block) return [...block.rows];
    const line = document.createElement('tr');
    const cell = line.insertCell();
    cell.colSpan = row.cells.length;
    cell.append(content);
    return [line];
  }

  // ---- The event beside the list -------------------------------------------------------------

  const BESIDE = ['row', 'tab', 'at'];
  const without = (href) => {
    const url = new URL(href, location.href);
    for (const name of BESIDE) url.searchParams.delete(name);
    return url;
  };
  let shown = '';

  /** Marks the row whose event is open. */
  function mark() {
    const id = byId('event') && byId('event').closest('#pane') ? byId('event').dataset.id : '';
    for (const row of document.querySelectorAll('#list tr.row')) {
      const isOpen = id !== '' && row.dataset.id === id;
      row.classList.toggle('chosen', isOpen);
      if (isOpen) row.setAttribute('aria-current', 'true');
      else row.removeAttribute('aria-current');
    }
    byId('view')?.classList.toggle('with-pane', id !== '');
  }

  /** Shows an event beside the list, which stays as it is; at the tab that was looked at. */
  async function open(id, { push = true } = {}) {
    const url = without(location.href);
    const tab = new URL(location.href).searchParams.get('tab');
    url.searchParams.set('row', id);
    if (tab) url.searchParams.set('tab', tab);
    const part = new URL(`/signins/${encodeURIComponent(id)}`, location.href);
    part.search = without(location.href).search;
    if (tab) part.searchParams.set('tab', tab);
    part.searchParams.set('pane', 'true');
    const wasOpen = byId('view').classList.contains('with-pane');
    if (push && url.href !== location.href) {
      // Walking along the rows is one step of the history.
      if (wasOpen) history.replaceState({ durward: true }, '', url);
      else history.pushState({ durward: true }, '', url);
    }
    const place = { target: '#pane', swap: 'innerHTML' };
    await window.htmx.ajax('GET', part.pathname + part.search, place);
    mark();
    list?.row(id)?.scrollIntoView({ block: 'nearest' });
  }

  function close(push = true) {
    const id = byId('event')?.dataset.id;
    if (push) history.pushState({ durward: true }, '', without(location.href));
    byId('pane').replaceChildren();
    mark();
    list?.fit();
    document.dispatchEvent(new CustomEvent('durward:closed', { detail: id }));
  }

  // ---- Wiring --------------------------------------------------------------------------------

  document.addEventListener('click', (event) => {
    if (event.button !== 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.target;
    if (target.closest?.('#event-close') && byId('rows')) {
      event.preventDefault();
      close();
      return;
    }
    const link = target.closest?.('#list a');
    if (link?.matches('.expand')) {
      event.preventDefault();
      expand(link);
      return;
    }
    const row = target.closest?.('#list tr.row[data-id]');
    if (!row || event.shiftKey || (link && !link.matches('.open'))) return;
    if (!link && target.closest('button, input, label, .pick')) return;
    if (!link && String(window.getSelection()) !== '') return;
    event.preventDefault();
    if (!link && row.matches('.group')) expand(row.querySelector('.expand'));
    else open(row.dataset.id);
  }, true);

  /** Opens or closes what the history says, where nothing else has changed. */
  function stepBeside() {
    if (!byId('rows') || !byId('pane') || without(location.href).href !== shown) return false;
    const id = new URL(location.href).searchParams.get('row');
    if (id) open(id, { push: false });
    else close(false);
    return true;
  }
  window.durward.stepBeside = stepBeside;

  document.addEventListener('durward:rows', (event) => {
    if (!list) return;
    const added = event.detail?.added ?? 0;
    list.added += added;
    for (const row of list.table.querySelectorAll('tbody [aria-rowindex]')) {
      row.setAttribute('aria-rowindex', Number(row.getAttribute('aria-rowindex')) + added);
    }
    const count = Number(list.table.getAttribute('aria-rowcount'));
    if (count > 0) list.table.setAttribute('aria-rowcount', count + added);
    const first = list.blocks.get(0);
    if (first) list.took(0, first);
    list.changed();
  });

  const refit = () => {
    list?.fit();
    list?.fill();
  };
  const watch = new ResizeObserver(refit);
  window.addEventListener('resize', refit);

  onContent(() => {
    const box = byId('rows');
    if (!box) {
      list = null;
      return;
    }
    if (list?.box === box) return;
    list = new List(box);
    shown = without(location.href).href;
    watch.disconnect();
    for (const above of document.querySelectorAll('.work > *')) watch.observe(above);
    document.dispatchEvent(new CustomEvent('durward:list', { detail: list }));
  });

  window.durward.list = () => list;
  window.durward.openRow = open;
  window.durward.expandRow = expand;
  window.durward.fetchBlock = fetchBlock;
})();

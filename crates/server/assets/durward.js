// What scripts of all pages share: times in the viewer's zone, keys, menus, messages.
'use strict';

window.durward = (() => {
  const byId = (id) => document.getElementById(id);
  const two = (number) => String(number).padStart(2, '0');
  const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');

  // ---- Times -------------------------------------------------------------------------------

  const isLocal = () => byId('zone')?.dataset.local === 'true';

  function showTimes(root) {
    if (!isLocal()) return;
    for (const time of root.querySelectorAll('time')) {
      const at = new Date(time.dateTime);
      if (Number.isNaN(at.getTime())) continue;
      const year = at.getFullYear() === new Date().getFullYear() ? '' : ` ${at.getFullYear()}`;
      const minute = `${two(at.getHours())}:${two(at.getMinutes())}`;
      time.textContent = time.dataset.short === undefined
        ? `${at.getDate()} ${MONTHS[at.getMonth()]}${year} ${minute}:${two(at.getSeconds())}`
        : minute;
    }
    for (const zone of root.querySelectorAll('.zone')) zone.textContent = 'local';
  }

  // ---- Messages ----------------------------------------------------------------------------

  function announce(text) {
    const place = byId('announce');
    if (place) place.textContent = text;
  }

  // ---- Keys --------------------------------------------------------------------------------

  // One list for all scripts, so that the help can show it: { key, label, run, when }.
  const keys = [];
  const isTyping = (target) => target.closest?.('input, textarea, select, [contenteditable]');
  let prefix = '';

  /** Registers keys: 'l', 'Escape', 'Shift+F10', 'Ctrl+k', or 'g s' for one after the other. */
  function onKey(key, label, run, options = {}) {
    keys.push({ key, label, run, ...options });
  }

  function nameOf(event) {
    const shift = event.shiftKey && event.key.length > 1 ? 'Shift+' : '';
    const control = event.ctrlKey || event.metaKey ? 'Ctrl+' : '';
    return control + shift + (control ? event.key.toLowerCase() : event.key);
  }

  document.addEventListener('keydown', (event) => {
    if (event.altKey || event.isComposing || event.defaultPrevented) return;
    const name = nameOf(event);
    const typing = isTyping(event.target);
    const full = prefix ? `${prefix} ${name}` : name;
    prefix = '';
    const singles = localStorage.getItem('keys') !== 'off';
    for (const entry of keys) {
      if (entry.key !== full) continue;
      if (typing && !entry.always) continue;
      if (!singles && name.length === 1) continue;
      if (entry.when && !entry.when(event)) continue;
      event.preventDefault();
      entry.run(event);
      return;
    }
    if (!typing && keys.some((entry) => entry.key.startsWith(`${full} `))) prefix = full;
  });

  // ---- What is put into the page later -------------------------------------------------------

  const setUps = [];
  /** Runs now and for everything that is put into the page later. */
  function onContent(run) {
    setUps.push(run);
    run(document);
  }

  document.addEventListener('htmx:load', (event) => {
    if (event.detail.elt === document.body) return;
    for (const run of setUps) run(event.detail.elt);
  });

  onContent(showTimes);

  return { byId, showTimes, announce, onKey, keys, onContent, isTyping, isLocal };
})();

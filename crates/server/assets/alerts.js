// Alerts, detections and rules: keys and selection of the list, and the forms of rules.
'use strict';

(() => {
  const { byId, onKey } = window.durward;

  // ---- The list of alerts ----------------------------------------------------------------------

  const rows = () => [...document.querySelectorAll('.alert-rows .row')];
  const boxOf = (row) => row?.querySelector('input[type="checkbox"]');
  const at = () => rows().findIndex((row) => row.contains(document.activeElement));
  const isList = () => rows().length > 0;

  function move(step) {
    const all = rows();
    const next = all[Math.min(Math.max(at() + step, 0), all.length - 1)];
    next.querySelector('a.open').focus();
  }
  for (const [key, step] of [['j', 1], ['ArrowDown', 1], ['k', -1], ['ArrowUp', -1]]) {
    onKey(key, step > 0 ? 'Next row' : 'Row before', () => move(step), { when: isList });
  }
  onKey('x', 'Select the row', () => {
    const box = boxOf(rows()[at()]);
    if (!box) return;
    box.checked = !box.checked;
    count();
  }, { when: () => isList() && at() >= 0 });

  const all = byId('select-all');
  function count() {
    const boxes = rows().map(boxOf).filter(Boolean);
    const chosen = boxes.filter((box) => box.checked).length;
    byId('selected-count').textContent = chosen > 0 ? `${chosen} selected` : '';
    all.querySelector('input').checked = chosen > 0 && chosen === boxes.length;
  }
  if (all) {
    all.hidden = false;
    all.addEventListener('change', (event) => {
      for (const row of rows()) boxOf(row).checked = event.target.checked;
      count();
    });
    byId('alerts-form').addEventListener('change', count);
  }

  // ---- The form of a rule ----------------------------------------------------------------------

  const shape = byId('shape');
  function showShape() {
    for (const field of document.querySelectorAll('[data-shapes]')) {
      field.hidden = !field.dataset.shapes.split(' ').includes(shape.value);
    }
  }
  if (shape) {
    shape.addEventListener('change', showShape);
    showShape();
    // What was tried is not what the form says any more; the server would say so too.
    byId('rule-form').addEventListener('input', (event) => {
      const save = byId('save-rule');
      if (!save || !event.target.closest('[data-tested]')) return;
      save.disabled = true;
      save.title = 'Changed since its back-test: run it again';
    });
  }

  const files = byId('sigma-files');
  if (files) {
    files.hidden = false;
    files.addEventListener('change', async (event) => {
      const texts = await Promise.all([...event.target.files].map((file) => file.text()));
      byId('sigma-text').value = texts.map((text) => text.trimEnd()).join('\n---\n') + '\n';
    });
  }
})();

// The explorer in a browser, on the demo: what administrators do in it, by mouse and by keyboard.
//
// What is expected is asked of durward's own interface for programs, which has tests of its own.
//
// usage: node explorer.cjs URL FOLDER CHROMIUM
'use strict';
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { ok, launch, open, settled } = require('./browsing.cjs');

const ROWS_WANTED = 250_000;
const number = (text) => Number(text.replace(/[^\d]/g, ''));
const LIST = '/api/security/sign-in-logs';

let base;
let page;

async function ask(target) {
  const answer = await fetch(base + target, { headers: { Accept: 'application/json' } });
  assert.equal(answer.status, 200, target);
  return answer.json();
}

/** How many events a short filter finds. */
async function count(type, filter, range = '') {
  const query = new URLSearchParams({ type, filter, limit: '1', count: 'true' });
  return (await ask(`${LIST}?${query}${range}`)).count;
}

async function go(target) {
  await page.goto(base + target);
  await settled(page);
}

const rows = () => page.locator('#list tr.row');
const ids = () => rows().evaluateAll((all) => all.map((row) => row.dataset.id));
const total = async () => number((await page.locator('#view').getAttribute('data-total')) ?? '');
const where = () => new URL(page.url()).searchParams;

/** Follows a link of the explorer and waits for what it brings. */
async function follow(locator, pattern) {
  await locator.click();
  if (pattern) await page.waitForURL(pattern);
  await settled(page);
}

// A span that has passed, so that the demo's live traffic changes nothing.
function aPast(days) {
  const end = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
  const start = new Date(Date.now() - (days + 1) * 86_400_000).toISOString().slice(0, 10);
  return { t: `${start}..${end}`, range: `&from=${start}&to=${end}` };
}

async function tabs() {
  const { t, range } = aPast(3);
  await go(`/signins?type=i&t=${t}`);
  for (const [type, name] of [['n', /non-interactive/i], ['s', /service principal/i],
    ['m', /managed identity/i], ['all', /^All/], ['i', /\(interactive/i]]) {
    await follow(page.locator('#tabs a', { hasText: name }), (url) => url.searchParams.get('type') === type);
    const expected = await count(type, '', range);
    assert.equal(await total(), expected, `events of tab ${type}`);
    assert.equal(number(await page.locator('#tabs [aria-current] .count').innerText()), expected);
    assert.ok((await ids()).length > 0);
  }
  ok('five tabs, with exact counts');
}

async function pills() {
  const { t, range } = aPast(3);
  for (const [pill, filter, words] of [
    ['status=failure,interrupted', 'status=failure,interrupted', 'Status is Failure, Interrupted'],
    ['country!=DE', 'country!=DE', 'is not'],
    ['app:Exchange', 'app:Exchange', 'contains'],
    ['app:Office*', 'app:Office*', 'starts with'],
    ['app:*Online', 'app:*Online', 'ends with'],
    ['code:50126,50074', 'code:50126,50074', '50126'],
    ['ip:198.18.0.0/15', 'ip:198.18.0.0/15', '198.18.0.0/15'],
    ['latency>=100', 'latency>=100', '100'],
    ['device:""', 'device:""', 'is empty'],
    ['-client:Browser', '-client:Browser', 'not'],
  ]) {
    await go(`/signins?type=i&t=${t}&f=${encodeURIComponent(pill)}`);
    assert.equal(await total(), await count('i', filter, range), pill);
    const said = (await page.locator('.clause').first().innerText()).replace(/\s+/g, ' ');
    assert.ok(said.includes(words), `${pill} is shown as ${said}`);
  }
  const either = `(${['status=interrupted', 'country=FR'].join('|')})`;
  await go(`/signins?type=i&t=${t}&f=${encodeURIComponent(either)}`);
  assert.equal(await total(), await count('i', 'status=interrupted OR country=FR', range));
  await follow(page.locator('.clause .switch').first(), /f=~/);
  assert.equal(await total(), await count('i', '', range), 'turned off');
  await follow(page.locator('.clause .remove').first(), (url) => !url.searchParams.has('f'));
  ok('pills of every operator count what they say');

  // Made by hand: field, value with a count, apply.
  await page.locator('a', { hasText: 'Add filter' }).click();
  const dialog = page.locator('dialog[open]');
  await dialog.waitFor();
  await dialog.locator('a', { hasText: /^Status$/ }).first().click();
  await page.locator('dialog[open] input[type="checkbox"][value="Failure"]').check();
  await page.locator('dialog[open] button.primary').click();
  await page.waitForURL(/f=status/);
  await settled(page);
  assert.equal(await total(), await count('i', 'status=failure', range));
  ok('a filter made in the dialog');

  await page.locator('#q').fill('user:a');
  await page.locator('#q').press('Enter');
  await page.waitForURL((url) => (url.searchParams.get('f') ?? '').includes('user:a'));
  await settled(page);
  assert.equal(await page.locator('.clause').count(), 2, 'a term in the free text becomes a pill');
  assert.equal(await total(), await count('i', 'status=failure user:a', range));
  ok('free text becomes pills');
}

async function history() {
  const { t } = aPast(3);
  await go(`/signins?type=i&t=${t}`);
  const first = await ids();
  await follow(page.locator('#tabs a', { hasText: /non-interactive/i }), /type=n/);
  const second = await ids();
  assert.notDeepEqual(first, second);
  await page.goBack();
  await page.waitForURL(/type=i/);
  await page.waitForFunction((id) => document.querySelector('#list tr.row')?.dataset.id === id, first[0]);
  assert.deepEqual((await ids()).slice(0, 20), first.slice(0, 20));
  await page.goForward();
  await page.waitForFunction((id) => document.querySelector('#list tr.row')?.dataset.id === id, second[0]);
  const copied = page.url();
  await page.goto('about:blank');
  await page.goto(copied);
  await settled(page);
  assert.deepEqual((await ids()).slice(0, 20), second.slice(0, 20));
  ok('back, forward and a copied address give the same view');
}

async function columnsAndOrder() {
  const { t } = aPast(2);
  await go(`/signins?type=i&t=${t}&cols=date,upn,appliedConditionalAccessPolicies,authenticationDetails`);
  const names = await page.locator('#list th[data-column]').evaluateAll((all) => all.map((th) => th.dataset.column));
  assert.deepEqual(names, ['createdDateTime', 'userPrincipalName', 'appliedConditionalAccessPolicies', 'authenticationDetails']);
  for (const name of ['ipAddress', 'userDisplayName', 'status']) {
    await go(`/signins?type=i&t=${t}`);
    for (const wanted of ['ascending', 'descending']) {
      await follow(page.locator(`#list th[data-column="${name}"] a`), (url) => url.searchParams.has('sort'));
      const heading = page.locator(`#list th[data-column="${name}"]`);
      assert.equal(await heading.getAttribute('aria-sort'), wanted, name);
      const sorted = where().get('sort');
      const column = await heading.evaluate((th) => [...th.parentElement.children].indexOf(th));
      const cells = await rows().evaluateAll(
        (all, at) => all.map((row) => row.children[at].innerText.split('\n')[0].trim()), column,
      );
      const fold = (text) => text.normalize('NFD').replace(/\p{M}|[✔✖◐]\s*/gu, '').toLowerCase();
      const filled = cells.map(fold).filter(Boolean);
      const expected = [...filled].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
      if (sorted.startsWith('-')) expected.reverse();
      assert.deepEqual(filled, expected, `${name} ${wanted}`);
    }
  }
  ok('columns of one\'s choice, and order by them');
}

async function groups() {
  const { t, range } = aPast(1);
  await go(`/signins?type=n&t=${t}&group=6h`);
  const group = page.locator('#list tr.group').first();
  const column = await page.locator('#list th[data-column="count"]').evaluate((th) => [...th.parentElement.children].indexOf(th));
  const members = number(await group.evaluate((row, at) => row.children[at].innerText, column));
  assert.ok(members > 1);
  await group.locator('a.expand').click();
  await page.locator('#list tr.member').first().waitFor();
  assert.equal(await page.locator('#list tr.member').count(), Math.min(members, 200));
  assert.match(await page.locator('#list tr.member').first().innerText(), /\d\d:\d\d:\d\d/);
  ok('a group says how many sign-ins it has, and shows them');

  await go(`/signins?type=all&t=${t}&by=status`);
  const lines = await page.locator('#list tbody tr').evaluateAll((all) => all.map((row) => row.innerText));
  for (const status of ['success', 'failure', 'interrupted']) {
    const line = lines.find((text) => text.toLowerCase().includes(status));
    const expected = (await count('all', `status=${status}`, range)).toLocaleString('en');
    assert.ok(line?.includes(expected), `${expected} ${status} in ${line}`);
  }
  ok('one line a value, with its count');
}

async function scroll() {
  // The demo goes on filling its log; a list that stands still has to wait for enough.
  for (;;) {
    if (await count('all', '') >= ROWS_WANTED + 1000) break;
    await new Promise((resolve) => { setTimeout(resolve, 2000); });
  }
  await go('/signins?type=all&t=all');
  const place = page.locator('#list .scroll').first();
  await place.focus();
  const seen = () => rows().evaluateAll((all) => all.map((row) => Number(row.getAttribute('aria-rowindex')) - 2));
  const jump = async (share) => {
    await place.evaluate((box, share) => { box.scrollTop = share * (box.scrollHeight - box.clientHeight); }, share);
    await page.waitForTimeout(300);
    await settled(page);
    return seen();
  };
  const all = number(await place.locator('table').getAttribute('aria-rowcount')) - 1;
  assert.ok(all >= ROWS_WANTED, `${all} rows`);
  for (const share of [0.25, 0.5, 0.75]) {
    const numbers = await jump(share);
    assert.ok(numbers.some((row) => Math.abs(row - share * all) < 0.02 * all), `${share}: ${numbers[0]}`);
  }
  await page.keyboard.press('End');
  await page.waitForFunction((last) => document.querySelector(`#list tr[aria-rowindex="${last}"]`), all + 1);
  await settled(page);
  assert.ok(await rows().count() < 1500, 'what is out of sight is not kept');
  const oldest = (await ask(`${LIST}?type=all&sort=createdDateTime&limit=1`)).value[0];
  assert.equal((await ids()).at(-1), oldest.id, 'the last row is the oldest event');
  await page.keyboard.press('Home');
  await page.waitForFunction(() => document.querySelector('#list tr[aria-rowindex="2"]'));
  ok(`the list scrolls to its end, row ${all.toLocaleString('en')}`);
}

/** A sign-in that happens now, pushed as a source would; the demo's own come seldom at night. */
async function happens(category) {
  const [id, now] = [crypto.randomUUID(), new Date().toISOString()];
  const properties = {
    id, createdDateTime: now, correlationId: crypto.randomUUID(), userId: crypto.randomUUID(),
    userPrincipalName: 'visitor@contoso.example', userDisplayName: 'Visitor',
    appDisplayName: 'Office', appId: crypto.randomUUID(), ipAddress: '192.0.2.9',
    isInteractive: category === 'SignInLogs', status: { errorCode: 0 },
  };
  const tenantId = (await ask(`${LIST}?type=i&limit=1`)).value[0].resourceTenantId;
  const answer = await fetch(`${base}/api/ingest/diagnostic`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ time: now, category, tenantId, properties }),
  });
  assert.equal(answer.status, 202, await answer.text());
  return id;
}

async function live() {
  await go('/signins?type=all&t=24h');
  await page.keyboard.press('l');
  assert.equal(await page.locator('#live-button').getAttribute('aria-pressed'), 'true');
  const shown = (id) => page.waitForFunction(
    (id) => [...document.querySelectorAll('#list tr.row')].some((row) => row.dataset.id === id),
    id, { timeout: 30_000 });
  await shown(await happens('SignInLogs'));
  await follow(page.locator('#tabs a', { hasText: /non-interactive/i }), /type=n/);
  assert.equal(await page.locator('#live-button').getAttribute('aria-pressed'), 'true', 'still live');
  const other = await happens('SignInLogs');
  await shown(await happens('NonInteractiveUserSignInLogs'));
  assert.ok(!(await ids()).includes(other), 'the tab holds for new events too');
  await page.locator('#live-button').click();
  assert.equal(await page.locator('#live-button').getAttribute('aria-pressed'), 'false');
  ok('new events arrive while the view is live, and filters keep it so');
}

async function pane() {
  const { t } = aPast(3);
  await go(`/signins?type=i&t=${t}&f=status%3Dfailure`);
  const all = await ids();
  await page.keyboard.press('j');
  await page.keyboard.press('Enter');
  await page.waitForURL((url) => url.searchParams.get('row') === all[0]);
  await page.locator('#pane #event').waitFor();
  await page.keyboard.press('j');
  await page.waitForURL((url) => url.searchParams.get('row') === all[1]);
  for (let tab = 1; tab <= 8; tab += 1) {
    await page.keyboard.press(String(tab));
    await page.waitForTimeout(150);
    await settled(page);
  }
  assert.equal(where().get('tab'), 'json');
  await page.waitForFunction((id) => document.querySelector('#pane').innerText.includes(id), all[1]);
  const deep = page.url();
  await page.keyboard.press('Escape');
  await page.waitForURL((url) => !url.searchParams.has('row'));
  await page.goto(deep);
  await page.locator('#pane #event').waitFor();
  ok('details by keyboard: open, next, tabs, close; and by address');
}

/** Nothing but keys, from the overview to a file. */
async function keysOnly(folder) {
  await go('/');
  await page.keyboard.press('g');
  await page.keyboard.press('s');
  await page.waitForURL(/\/signins/);
  await settled(page);
  await page.keyboard.press('/');
  await page.keyboard.type('status:failure');
  await page.keyboard.press('Enter');
  await page.waitForURL(/f=status/);
  await settled(page);
  await page.keyboard.press('Escape');
  await page.locator('#list .scroll').first().focus();
  await page.keyboard.press('d');
  const dialog = page.locator('dialog[open]');
  await dialog.waitFor();
  const coming = page.waitForEvent('download', { timeout: 60_000 });
  for (let step = 0; step < 80; step += 1) {
    await page.keyboard.press('Tab');
    const focused = await page.evaluate(() => {
      const e = document.activeElement;
      return e.matches('button, a') ? e.innerText.trim() : '';
    });
    if (/^Download/.test(focused)) break;
  }
  await page.keyboard.press('Enter');
  const download = await coming;
  const file = path.join(folder, 'by-keyboard.csv');
  await download.saveAs(file);
  const lines = fs.readFileSync(file, 'utf8').trim().split('\n');
  const failures = await count('i', 'status=failure', '&from=-24h');
  assert.ok(Math.abs(lines.length - 1 - failures) <= 20, `${lines.length - 1} of ${failures}`);
  ok('from the overview to a file without a mouse');
}

/** Questions that people come with, each answered on one page. */
async function scripts() {
  const text = async () => (await page.locator('main').innerText()).replace(/\s+/g, ' ');
  const { t, range } = aPast(7);
  const list = async (query) => (await ask(`${LIST}?${query}`)).value;

  const [failed] = await list(`type=i&limit=1&filter=code:50126,53003,50053${range}`);
  await go(`/diagnose?id=${failed.id}`);
  assert.ok((await text()).includes(String(failed.status.errorCode)), 'why could she not sign in?');
  ok('1. why somebody could not open an application');

  const legacy = '/signins?type=all&t=30d&f=client:IMAP,status=success&by=upn';
  await go(legacy);
  const imap = await count('all', 'client:IMAP status=success', '&from=-30d');
  assert.ok(Math.abs(await total() - imap) <= 50, 'who still uses IMAP with success?');
  ok('2. who still uses IMAP with success');

  await go(`/ips/${failed.ipAddress}?t=all`);
  const successes = await count('all', `ip=${failed.ipAddress} status=success`);
  assert.match(await text(), successes ? /succe/i : /no(body|t)|never|none/i);
  ok('3. did an address succeed with anyone');

  await go(`/signins?type=i&t=${t}&f=code:53003`);
  const blocked = await count('i', 'code:53003', range);
  assert.equal(await total(), blocked);
  if (blocked) await page.locator('#list .why', { hasText: '“' }).first().waitFor();
  ok('5. which policy blocked people');

  await go(`/download?type=i&t=${t}&f=usertype:guest`);
  assert.match(await text(), /manifest|evidence|SHA-256/i, 'proof');
  ok('6. guest sign-ins as a file with proof');

  await go('/');
  await page.locator('#completeness, .completeness').first().waitFor();
  ok('8. whether the log is complete');

  await go('/signins?type=i&t=90d&f=protocol:deviceCode&by=app');
  assert.ok(Math.abs(await total() - await count('i', 'protocol:deviceCode', '&from=-90d')) <= 20);
  ok('9. what blocking the device code flow would have broken');
}

async function main(url, folder, chromium) {
  base = url;
  fs.mkdirSync(folder, { recursive: true });
  const browser = await launch(chromium);
  try {
    const opened = await open(browser, url, { viewport: { width: 1440, height: 900 }, acceptDownloads: true });
    ({ page } = opened);
    const wanted = process.env.DURWARD_CHECKS?.split(',');
    const checks = { tabs, pills, history, columnsAndOrder, groups, pane, live, keysOnly, scripts, scroll };
    for (const [name, check] of Object.entries(checks)) {
      if (!wanted || wanted.includes(name)) await check(folder);
    }
    assert.deepEqual(opened.trouble, [], 'no script errors, no requests elsewhere, no failed requests');
    ok('nothing went wrong on the way');
  } finally {
    await browser.close();
  }
}

main(...process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exit(1);
});

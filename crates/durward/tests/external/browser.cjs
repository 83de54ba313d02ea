// The explorer over TLS in a real browser, on generated records read without durward.
//
// Signs in by a one-time link, and then looks, but changes nothing.
//
// Environment: DURWARD_LINK.
//
// usage: node browser.cjs URL FOLDER-OF-GENERATED-FILES CHROMIUM
'use strict';
const assert = require('node:assert/strict');
const { ok, launch, open, settled } = require('./browsing.cjs');
const {
  read, INTERACTIVE, NON_INTERACTIVE, SERVICE_PRINCIPAL, MANAGED_IDENTITY,
} = require('./generated.cjs');

/** The tabs of the logs: what an address calls them, their names, and what they show. */
const TABS = [
  ['i', /\(interactive\)/i, INTERACTIVE],
  ['n', /non-interactive/i, NON_INTERACTIVE],
  ['s', /service principal/i, SERVICE_PRINCIPAL],
  ['m', /managed identit/i, MANAGED_IDENTITY],
];

async function main(url, folder, executablePath) {
  const expected = read(folder);
  const browser = await launch(executablePath);
  try {
    const { page, trouble } = await open(browser, url);

    // Durward's own sign-ins are in the log too: the rows without them, and how many there are.
    const known = new Set(TABS.flatMap(([, , log]) => expected[log].map((one) => one.id)));
    const ids = async () => {
      await settled(page);
      const rows = page.locator('#list tr.row[data-id]');
      const all = await rows.evaluateAll((found) => found.map((row) => row.dataset.id));
      return all.filter((id) => known.has(id));
    };
    const own = (type) => page.evaluate(async (type) => {
      const query = new URLSearchParams({ type, filter: 'app=durward', count: 'true', limit: '1' });
      return (await (await fetch(`/api/security/sign-in-logs?${query}`)).json()).count;
    }, type);

    await page.goto(process.env.DURWARD_LINK);
    await page.locator('#password').fill('four lazy otters nap');
    await page.locator('#again').fill('four lazy otters nap');
    await Promise.all([page.waitForURL(/authenticator/), page.locator('main form button').click()]);
    ok('a link that works once sets a password and signs in');

    await page.goto(`${url}/signins`);
    await settled(page);
    const tabs = page.locator('#tabs a', { hasText: /interactive|principal|managed/i });
    assert.equal(await tabs.count(), 4, 'four tabs');
    // The generated days are long past, which the page says, with a way to see them.
    const everything = page.locator('a', { hasText: 'Search all time' });
    if (await everything.count()) {
      await Promise.all([page.waitForURL(/t=all/), everything.first().click()]);
    } else await page.goto(`${url}/signins?type=i&t=all`);
    assert.equal(new URL(page.url()).searchParams.get('type') ?? 'i', 'i', 'the first tab');
    const shown = await ids();
    assert.ok(shown.length >= 20, `${shown.length} rows`);
    assert.deepEqual(shown, expected[INTERACTIVE].slice(0, shown.length).map((one) => one.id));
    const newest = expected[INTERACTIVE][0];
    const firstRow = await page.locator(`#list tr.row[data-id="${newest.id}"]`).innerText();
    for (const part of [newest.userDisplayName, newest.appDisplayName, newest.ipAddress]) {
      assert.ok(firstRow.includes(part), `${part} in ${firstRow}`);
    }
    assert.match(firstRow, /Success|Failure|Interrupted/, 'the status is there in words');
    ok('interactive sign-ins, newest first');

    let sum = 0;
    const number = async (tab) => Number((await tab.locator('.count').innerText()).replace(/\D/g, ''));
    for (const [type, name, log] of [...TABS.slice(1), TABS[0]]) {
      const tab = tabs.filter({ hasText: name });
      await Promise.all([
        page.waitForURL((address) => address.searchParams.get('type') === type), tab.click(),
      ]);
      const first = (await ids())[0];
      assert.equal(first, expected[log][0].id, `the newest of ${type}`);
      assert.equal(await tab.getAttribute('aria-current'), 'page');
      const total = expected[log].length + await own(type);
      assert.equal(await number(tab), total, `events of ${type}`);
      sum += total;
    }
    assert.equal(await number(page.locator('#tabs a', { hasText: /^All/ })), sum, 'events of all');
    ok('the other tabs have their counts and addresses');

    await page.goto(`${url}/signins?type=i&t=all`);
    const wrong = expected[INTERACTIVE].filter((one) => one.status.errorCode === 50126);
    assert.ok(wrong.length > 0, 'a wrong password was generated');
    await page.locator('#q').fill('code:50126');
    const filters = () => new URL(page.url()).searchParams.get('f');
    await Promise.all([page.waitForURL(/[?&]f=[^&]*50126/), page.locator('#q').press('Enter')]);
    const found = await ids();
    assert.equal(filters(), 'code:50126');
    const pill = async () => (await page.locator('#filter .clause').allInnerTexts()).join('|');
    const said = await pill();
    assert.match(said, /50126/, 'the filter is a pill');
    assert.equal(await page.locator('#q').inputValue(), '', 'and no longer in the box');
    assert.equal(await number(page.locator('#tabs [aria-current]')), wrong.length);
    assert.ok(found.length > 0);
    assert.deepEqual(found, wrong.slice(0, found.length).map((one) => one.id));
    ok('the filter box filters, and the filter is in the address');

    const here = page.url();
    await page.goto('about:blank');
    await page.goto(here);
    assert.deepEqual(await ids(), found);
    assert.equal(page.url(), here);
    assert.equal(await pill(), said);
    ok('an address gives the same page again');

    await page.goto(`${url}/signins/${wrong[0].id}`);
    await settled(page);
    const detail = await page.locator('main').innerText();
    for (const part of [wrong[0].id, wrong[0].userPrincipalName, '50126']) {
      assert.ok(detail.includes(part), `${part} in the page of one sign-in`);
    }
    ok('one sign-in has a page');

    assert.deepEqual(trouble, [], 'no script errors, no requests elsewhere, no failed requests');
    ok('nothing went wrong on the way');
  } finally {
    await browser.close();
  }
}

main(...process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exit(1);
});

// The page at `/` in a real browser.
//
// Signs in by a one-time link, and then looks, but changes nothing.
//
// Environment: DURWARD_LINK.
//
// usage: node browser.cjs URL FOLDER-OF-GENERATED-FILES CHROMIUM
'use strict';
const assert = require('node:assert/strict');
const { chromium } = require('playwright-core');
const { read, INTERACTIVE, NON_INTERACTIVE } = require('./generated.cjs');

const ok = (what) => console.log(`ok - ${what}`);

async function main(url, folder, executablePath) {
  const expected = read(folder);
  // Containers run tests as root, where Chromium's sandbox does not start.
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  try {
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    const page = await context.newPage();
    const trouble = [];
    page.on('pageerror', (error) => trouble.push(`script: ${error.message}`));
    page.on('console', (message) => {
      if (message.type() === 'error') trouble.push(`console: ${message.text()}`);
    });
    page.on('request', (request) => {
      const own = request.url().startsWith(url) || request.url().startsWith('data:');
      if (!own) trouble.push(`asked elsewhere: ${request.url()}`);
    });
    page.on('response', (response) => {
      if (response.status() >= 400) trouble.push(`${response.status()} ${response.url()}`);
    });

    // Without durward's own sign-ins, which are in the log too.
    const known = new Set([INTERACTIVE, NON_INTERACTIVE].flatMap((log) => expected[log].map((one) => one.id)));
    const ids = async () => {
      const rows = page.locator('table tbody tr[data-id]');
      const all = await rows.evaluateAll((found) => found.map((row) => row.dataset.id));
      return all.filter((id) => known.has(id));
    };

    await page.goto(process.env.DURWARD_LINK);
    await page.locator('#password').fill('four lazy otters nap');
    await page.locator('#again').fill('four lazy otters nap');
    await Promise.all([page.waitForURL(/authenticator/), page.locator('main form button').click()]);
    ok('a link that works once sets a password and signs in');

    await page.goto(url);
    const tabs = page.locator('nav a', { hasText: /interactive|principal|managed/i });
    assert.equal(await tabs.count(), 4, 'four tabs');
    // The generated days are long past, which the page says, with a way to see them.
    const everything = page.locator('a', { hasText: 'Search all time' });
    if (await everything.count()) {
      await Promise.all([page.waitForURL(/t=all/), everything.first().click()]);
    } else await page.goto(`${url}/signins?type=i&t=all`);
    const shown = await ids();
    assert.ok(shown.length >= 20, `${shown.length} rows`);
    assert.deepEqual(shown, expected[INTERACTIVE].slice(0, shown.length).map((one) => one.id));
    const newest = expected[INTERACTIVE][0];
    const firstRow = await page.locator(`table tbody tr[data-id="${newest.id}"]`).innerText();
    for (const part of [newest.userDisplayName, newest.appDisplayName, newest.ipAddress]) {
      assert.ok(firstRow.includes(part), `${part} in ${firstRow}`);
    }
    assert.match(firstRow, /Success|Failure|Interrupted/, 'the status is there in words');
    ok('interactive sign-ins, newest first');

    await tabs.filter({ hasText: /non-interactive/i }).click();
    await page.waitForURL(/type=n/);
    const heading = await tabs.filter({ hasText: /non-interactive/i }).innerText();
    const total = expected[NON_INTERACTIVE].length.toLocaleString('en');
    assert.ok(heading.replace(/\s/g, ' ').includes(total), `${total} in ${heading}`);
    ok('the other tabs have their counts and addresses');

    await page.goto(`${url}/signins?type=i&t=all`);
    const wrong = expected[INTERACTIVE].filter((one) => one.status.errorCode === 50126);
    assert.ok(wrong.length > 0, 'a wrong password was generated');
    await page.locator('#q').fill('code:50126');
    await Promise.all([page.waitForURL(/50126/), page.locator('#q').press('Enter')]);
    const found = await ids();
    assert.ok(found.length > 0);
    assert.deepEqual(found, wrong.slice(0, found.length).map((one) => one.id));
    ok('the filter box filters, and the filter is in the address');

    const here = page.url();
    await page.goto('about:blank');
    await page.goto(here);
    assert.equal(await page.locator('#q').inputValue(), 'code:50126');
    assert.deepEqual(await ids(), found);
    ok('an address gives the same page again');

    await page.goto(`${url}/signins/${wrong[0].id}`);
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

// The page at `/` in a real browser.
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
    const page = await browser.newPage();
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

    await page.goto(url);
    const newest = expected[INTERACTIVE][0];
    const rows = page.locator('table tbody tr');
    const firstRow = (await rows.first().innerText()).replace(/\s+/g, ' ');
    assert.ok(firstRow.includes(newest.userDisplayName) || firstRow.includes(newest.userPrincipalName),
      `the first row is not of ${newest.userDisplayName}: ${firstRow}`);
    assert.ok(firstRow.includes(newest.appDisplayName), firstRow);
    const words = /Success|Failure|Interrupted/;
    assert.match(firstRow, words, 'the row has its status in words');
    ok('the newest interactive sign-in comes first');

    const tabs = page.locator('nav a', { hasText: /interactive|principal|managed/i });
    assert.equal(await tabs.count(), 4, 'four tabs');
    await tabs.filter({ hasText: /non-interactive/i }).click();
    const background = expected[NON_INTERACTIVE][0];
    assert.ok((await page.content()).includes(background.appDisplayName));
    assert.notEqual(new URL(page.url()).search + new URL(page.url()).pathname, '/', 'the tab is in the address');
    ok('four tabs, each with an address');

    await page.goto(url);
    const failed = expected[INTERACTIVE].filter((one) => one.status.errorCode === 50126);
    assert.ok(failed.length > 0, 'a wrong password was generated');
    const box = page.locator('input[type=search], input[name=q]').first();
    await box.fill('code:50126');
    await Promise.all([page.waitForURL(/50126/), box.press('Enter')]);
    const cells = await rows.allInnerTexts();
    assert.ok(cells.length > 0 && cells.length <= failed.length, `${cells.length} rows`);
    assert.ok(cells.every((text) => text.includes('Failure')), 'only failures');
    ok('the filter box filters, and the filter is in the address');

    const here = page.url();
    await page.goto('about:blank');
    await page.goto(here);
    assert.equal(await page.locator('input[type=search], input[name=q]').first().inputValue(), 'code:50126');
    ok('an address gives the same page again');

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

// What the checks in a browser share: a page that notices whatever goes wrong on it.
'use strict';
const assert = require('node:assert/strict');
const fs = require('node:fs');
const { chromium } = require('playwright-core');

const ok = (what) => console.log(`ok - ${what}`);

/** A browser; containers run tests as root, where Chromium's sandbox does not start. */
const launch = (executablePath) => chromium.launch({ executablePath, args: ['--no-sandbox'] });

/**
 * A page of its own. `trouble` collects script errors, messages of the console (a violation of
 * the policy is one), requests to other hosts and failed requests.
 */
async function open(browser, url, options = {}) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, ...options });
  const page = await context.newPage();
  const trouble = [];
  page.on('pageerror', (error) => trouble.push(`script: ${error.message}`));
  page.on('console', (message) => {
    if (message.type() === 'error') trouble.push(`console: ${message.text()} (${page.url()})`);
  });
  page.on('request', (request) => {
    const own = request.url().startsWith(url) || /^(data|blob):/.test(request.url());
    if (!own) trouble.push(`asked elsewhere: ${request.url()}`);
  });
  page.on('response', (response) => {
    if (response.status() >= 400) trouble.push(`${response.status()} ${response.url()}`);
  });
  return { context, page, trouble };
}

const AXE = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

/** Fails if an automated check finds that people with disabilities cannot use the page. */
async function checkAccessibility(page, what, coloursOnly = false) {
  // Evaluated by the debugger, which the policy of the page does not hold back.
  await page.evaluate(AXE);
  const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
  const rules = coloursOnly ? { type: 'rule', values: ['color-contrast'] } : { type: 'tag', values: tags };
  const found = await page.evaluate(
    (runOnly) => window.axe.run(document, { runOnly, resultTypes: ['violations'] }),
    rules,
  );
  const serious = found.violations.filter((one) => ['serious', 'critical'].includes(one.impact));
  const said = serious.map((one) => {
    const where = one.nodes.slice(0, 3).map((node) => `${node.target} ${node.failureSummary}`);
    return `${one.id}: ${one.help}\n    ${where.join('\n    ')}`;
  });
  assert.ok(!said.length, `${what}: ${said.join('\n  ')}`);
}

/** Waits until nothing is being loaded into the page. */
async function settled(page) {
  await page.waitForLoadState('networkidle');
  await page.waitForFunction(() => !document.querySelector('.htmx-request, [aria-busy="true"]'));
}

module.exports = { ok, launch, open, checkAccessibility, settled };

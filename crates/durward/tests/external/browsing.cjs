// What the checks in a browser share: a page that notices whatever goes wrong on it.
'use strict';
const assert = require('node:assert/strict');
const fs = require('node:fs');
const { chromium } = require('playwright-core');

const ok = (what) => console.log(`ok - ${what}`);

/** A browser; containers run tests as root, where Chromium's sandbox does not start. */
const launch = (executablePath) => chromium.launch({ executablePath, args: ['--no-sandbox'] });

/** Run in each document before its own scripts: counts what these ask for and have not got yet. */
function countAsked() {
  window.askedByScripts = 0;
  const ended = () => { window.askedByScripts -= 1; };
  const { fetch } = window;
  window.fetch = (...asked) => {
    window.askedByScripts += 1;
    return fetch(...asked).finally(ended);
  };
  const { send } = XMLHttpRequest.prototype;
  XMLHttpRequest.prototype.send = function sendCounted(...body) {
    window.askedByScripts += 1;
    this.addEventListener('loadend', ended, { once: true });
    return send.apply(this, body);
  };
}

/** Somebody with a browser of their own, who may have several pages open. */
const visitor = (browser, options = {}) => browser.newContext({ ignoreHTTPSErrors: true, ...options });

/**
 * A page of somebody. `trouble` collects script errors, messages of the console (a violation of
 * the policy is one), requests to other hosts and failed requests.
 */
async function openIn(context, url) {
  const page = await context.newPage();
  const trouble = [];
  await page.addInitScript(countAsked);
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

/** A page of somebody new. */
const open = async (browser, url, options) => openIn(await visitor(browser, options), url);

const AXE = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
/** What depends on colours. */
const COLOURS = ['color-contrast', 'link-in-text-block'];

/** Fails if an automated check finds that people with disabilities cannot use the page. */
async function checkAccessibility(page, what, coloursOnly = false) {
  // Evaluated by the debugger, which the policy of the page does not hold back.
  await page.evaluate(AXE);
  const rules = coloursOnly ? { type: 'rule', values: COLOURS } : { type: 'tag', values: TAGS };
  const found = await page.evaluate(async (runOnly) => {
    const { violations } = await window.axe.run(document, { runOnly, resultTypes: ['violations'] });
    return violations.map(({ id, help, impact, nodes }) => ({
      id, help, impact, nodes: nodes.map(({ target, failureSummary }) => ({ target, failureSummary })),
    }));
  }, rules);
  const serious = found.filter((one) => ['serious', 'critical'].includes(one.impact));
  const said = serious.map((one) => {
    const where = one.nodes.slice(0, 3).map((node) => `${node.target} ${node.failureSummary}`);
    return `${one.id}: ${one.help} (${one.nodes.length})\n    ${where.join('\n    ')}`;
  });
  assert.ok(!said.length, `${what}: ${said.join('\n  ')}`);
}

const QUIET_MILLIS = 100;
const SETTLED_WITHIN_MILLIS = 30_000;

/** Waits until nothing is being loaded into the page, and nothing was for some frames. */
async function settled(page) {
  await page.waitForLoadState('load');
  await page.waitForFunction((quietMillis) => {
    const isBusy = document.readyState !== 'complete' || window.askedByScripts > 0
      || document.querySelector('.htmx-request, [aria-busy="true"]') !== null;
    const now = performance.now();
    if (isBusy) window.quietSince = undefined;
    else window.quietSince ??= now;
    if (isBusy || now - window.quietSince < quietMillis) return false;
    // The next wait begins anew.
    window.quietSince = undefined;
    return true;
  }, QUIET_MILLIS, { timeout: SETTLED_WITHIN_MILLIS });
}

module.exports = { ok, launch, visitor, open, openIn, checkAccessibility, settled };

// Every page, as many people meet it: light and dark, wide and narrow. Nothing may go wrong on
// any, an automated accessibility check may find nothing serious, and a picture is taken.
//
// usage: node pages.cjs URL FOLDER-FOR-PICTURES CHROMIUM
'use strict';
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { ok, launch, visitor, openIn, checkAccessibility, settled } = require('./browsing.cjs');

const LOOKS = [
  ['light', 'desktop', { colorScheme: 'light', viewport: { width: 1440, height: 900 } }],
  ['dark', 'desktop', { colorScheme: 'dark', viewport: { width: 1440, height: 900 } }],
  ['light', 'phone', { colorScheme: 'light', viewport: { width: 390, height: 844 }, isMobile: true }],
  ['dark', 'phone', { colorScheme: 'dark', viewport: { width: 390, height: 844 }, isMobile: true }],
];

/** Names and addresses of all pages, about things that the log holds. */
async function places(url) {
  const get = async (query) => {
    const answer = await fetch(`${url}/api/security/sign-in-logs?${query}`);
    assert.equal(answer.status, 200, query);
    return (await answer.json()).value;
  };
  const [failed] = await get('type=i&filter=code:53003,50126&limit=1');
  const [user] = await get('type=i&filter=status:success device:* session:*&limit=1');
  const [program] = await get('type=s&limit=1');
  const encode = encodeURIComponent;
  const one = (event) => event.id;
  const from = (event) => encode(event.ipAddress);
  return [
    ['overview', '/'],
    ['explorer', '/signins?type=i&t=7d'],
    ['explorer-filtered', '/signins?type=i&t=7d&f=status%3Dfailure,interrupted'],
    ['explorer-pane', `/signins?type=i&t=7d&row=${one(failed)}`],
    ['explorer-grouped', '/signins?type=n&t=24h&group=6h'],
    ['explorer-by', '/signins?type=all&t=7d&by=app'],
    ['explorer-attempts', '/signins?type=i&t=24h&view=attempts'],
    ['explorer-map', '/signins?type=i&t=7d&view=map'],
    ['explorer-nothing', '/signins?type=i&t=1h&f=user%3Dnobody'],
    ['explorer-workloads', '/signins?type=s&t=24h'],
    ['event', `/signins/${one(failed)}`],
    ['event-authentication', `/signins/${one(user)}?tab=auth`],
    ['event-conditional-access', `/signins/${one(user)}?tab=ca`],
    ['event-json', `/signins/${one(user)}?tab=json`],
    ['compare', `/compare?a=${one(failed)}&b=${one(user)}`],
    ['attempt', `/attempts/${failed.correlationId}`],
    ['session', `/sessions/${user.sessionId}`],
    ['users', '/users'],
    ['user', `/users/${user.userId}`],
    ['applications', '/apps'],
    ['application', `/apps/${user.appId}`],
    ['resource', `/resources/${user.resourceId}`],
    ['networks', '/ips'],
    ['network', `/ips/${from(user)}`],
    ['workloads', '/workloads'],
    ['workload', `/workloads/${program.servicePrincipalId}`],
    ['device', `/devices/${user.deviceDetail.deviceId}`],
    ['map', '/map?t=30d'],
    ...await riskPlaces(url),
    ['errors', '/errors'],
    ['error', '/errors/50126'],
    ['diagnose', `/diagnose?id=${one(failed)}`],
    ['search', `/search?q=${encode('exchange')}`],
    ['download', '/download?type=i&t=24h'],
    ['audit', '/audit'],
    ['provisioning', '/provisioning'],
    ['alerts', '/alerts'],
    ['alert', '/alerts/1'],
    ['alert-channels', '/alerts/channels'],
    ['alert-suppressions', '/alerts/suppressions'],
    ['detections', '/detections'],
    ['detection', '/detections/impossible-travel'],
    ['rules', '/rules'],
    ['rule-new', `/rules/new?type=i&t=24h&f=${encode('status=failure')}`],
    ['rule-import', '/rules/import'],
    ['me', '/me'],
    ['access-log', '/access-log'],
    ['reported', '/reported'],
  ];
}

/** Pages about risk, once something was found: the watcher begins when the server does. */
async function riskPlaces(url) {
  const get = async (name) => {
    const answer = await fetch(`${url}/beta/identityProtection/${name}?$top=200`);
    assert.equal(answer.status, 200, name);
    return (await answer.json()).value;
  };
  let detections = [];
  for (let wait = 0; wait < 120 && detections.length === 0; wait += 1) {
    detections = await get('riskDetections');
    if (detections.length === 0) await new Promise((done) => { setTimeout(done, 500); });
  }
  assert.ok(detections.length > 0, 'nothing was found in the demo within a minute');
  const one = detections.find((found) => found.riskEventType === 'mcasImpossibleTravel')
    ?? detections[0];
  return [
    ['protection', '/protection'],
    ['risky-users', '/protection/users'],
    ['risky-user', `/protection/users/${one.userId}`],
    ['risky-sign-ins', '/protection/sign-ins'],
    ['risk-detections', '/protection/detections'],
    ['findings', '/protection/detections?kind=all'],
    ['finding', `/protection/detections/${one.id}`],
    ['risky-workloads', '/protection/workloads'],
    ['decide', `/protection/decide?kind=user&decision=dismiss&id=${one.userId}`],
  ];
}

/** Pages that one person looks at at the same time; their browser shares its connections among them. */
const TABS = 3;

/** Looks at one page in one look; fails with what is wrong with it. */
async function check(page, url, [name, target], [theme, size], folder) {
  const answer = await page.goto(url + target);
  assert.equal(answer.status(), 200, target);
  await settled(page);
  await page.screenshot({ path: path.join(folder, `${name}-${theme}-${size}.png`) });
  // What is said and reached is the same in the dark; only colours differ.
  await checkAccessibility(page, `${name}, ${theme}, ${size}`, theme === 'dark');
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(wide <= 1, `${name} is ${wide} pixels wider than a ${size}`);
}

async function main(url, folder, chromium) {
  fs.mkdirSync(folder, { recursive: true });
  const all = await places(url);
  const browser = await launch(chromium);
  let wrong = 0;
  const say = (what) => {
    wrong += 1;
    console.error(`WRONG ${what}`);
  };
  try {
    const looks = process.env.DURWARD_LOOKS?.split(',');
    for (const look of LOOKS) {
      const [theme, size, options] = look;
      if (looks && !looks.includes(`${theme}-${size}`)) continue;
      const before = wrong;
      const started = Date.now();
      const left = [...all];
      const context = await visitor(browser, options);
      await Promise.all(Array.from({ length: TABS }, async () => {
        const { page, trouble } = await openIn(context, url);
        for (let place = left.shift(); place; place = left.shift()) {
          await check(page, url, place, look, folder).catch((error) => say(error.message));
        }
        await page.close();
        for (const what of trouble) say(`${theme}, ${size}: ${what}`);
      }));
      await context.close();
      const seconds = Math.round((Date.now() - started) / 1000);
      if (wrong === before) ok(`${all.length} pages, ${theme}, ${size}, in ${seconds} s`);
    }
  } finally {
    await browser.close();
  }
  assert.equal(wrong, 0, 'nothing is wrong with any page');
}

main(...process.argv.slice(2)).catch((error) => {
  console.error(error.message);
  process.exit(1);
});

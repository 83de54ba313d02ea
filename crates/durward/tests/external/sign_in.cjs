// Signing in at a certified OpenID provider, in a real browser, over TLS: roles from claims, own
// sign-ins, sign-out, a new signing key, and tokens that must be refused.
//
// Environment: DURWARD_TOKEN, NODE_EXTRA_CA_CERTS.
//
// usage: node sign_in.cjs URL FOLDER-OF-GENERATED-FILES CHROMIUM ISSUER
'use strict';
const assert = require('node:assert/strict');
const { chromium } = require('playwright-core');
const { read, INTERACTIVE } = require('./generated.cjs');

const ok = (what) => console.log(`ok - ${what}`);

async function main(url, folder, executablePath, issuer) {
  const interactive = read(folder)[INTERACTIVE];
  const tell = async (path, body) => {
    const answer = await fetch(issuer + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const text = await answer.text();
    assert.ok(answer.ok, `${path}: ${answer.status} ${text}`);
    return text ? JSON.parse(text) : null;
  };
  await tell('/test/clients', {
    redirect_uris: [`${url}/sign-in/callback`],
    post_logout_redirect_uris: [`${url}/signed-out`],
  });
  const someone = interactive[0];
  await tell('/test/users', {
    own: {
      name: someone.userDisplayName,
      preferred_username: someone.userPrincipalName,
      oid: someone.userId,
      roles: [],
    },
  });

  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  const visit = async () => {
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    return context.newPage();
  };
  const signIn = async (page, name, from = '/') => {
    await page.goto(url + from);
    await page.waitForURL(/\/sign-in/);
    await page.getByRole('link', { name: /Sign in with/ }).click();
    await page.locator('#login').fill(name);
    await page.locator('#password').fill('anything');
    await page.locator('#sign-in').click();
    await page.waitForURL((address) => address.href.startsWith(url));
  };
  try {
    const reader = await visit();
    await signIn(reader, 'reader', '/signins?type=i&t=all');
    assert.match(reader.url(), /\/signins\?type=i&t=all/, 'back where one wanted to go');
    assert.ok((await reader.locator('#list tr.row[data-id]').count()) >= 20);
    const cookies = await reader.context().cookies(url);
    const session = cookies.find((cookie) => cookie.name === '__Host-durward-session');
    assert.ok(session.httpOnly && session.secure && session.sameSite === 'Lax', 'the cookie');
    const me = await reader.evaluate(async () => (await fetch('/api/me')).json());
    assert.match(JSON.stringify(me), /Security Reader/);
    ok('a role from a claim');

    const refused = await reader.goto(`${url}/access-log`);
    assert.equal(refused.status(), 403);
    assert.match(await reader.locator('main').innerText(), /Security Administrator/);
    ok('what the role does not allow names the roles that do');

    const plain = await visit();
    await signIn(plain, 'own');
    assert.match(plain.url(), /\/me/, 'who has no role comes to their own sign-ins');
    const shown = await plain.evaluate(async () =>
      (await fetch('/api/security/sign-in-logs?limit=1000&type=i')).json());
    const theirs = interactive.filter((one) => one.userId === someone.userId);
    // Their sign-in to durward a moment ago is one of theirs too.
    const [first, ...rest] = shown.value;
    assert.equal(first.appDisplayName, 'durward');
    assert.deepEqual(rest.map((one) => one.id), theirs.map((one) => one.id));
    assert.equal((await plain.goto(`${url}/signins`)).status(), 403);
    ok('without a role: one’s own sign-ins, and nothing else');

    const held = await reader.context().cookies(url);
    await reader.goto(`${url}/signins?t=all`);
    await reader.locator('details.viewer summary').click();
    await reader.getByRole('button', { name: 'Sign out' }).click();
    // The page goes on to the provider by itself, without script.
    await reader.locator('#sign-out').click();
    await reader.waitForURL(`${url}/signed-out*`);
    await reader.goto(url);
    assert.match(reader.url(), /\/sign-in/);
    await reader.context().addCookies(held);
    await reader.goto(`${url}/signins`);
    assert.match(reader.url(), /\/sign-in/, 'the old cookie is worth nothing');
    ok('sign-out, here and at the provider');

    // Keys are fetched again for an unknown one, but not more often than every ten seconds.
    await new Promise((done) => setTimeout(done, 11_000));
    await tell('/test/rotate', { keep: false });
    const later = await visit();
    await signIn(later, 'admin');
    assert.equal((await later.goto(`${url}/access-log`)).status(), 200);
    ok('a new signing key while running');

    for (const [what, changes] of [
      ['the audience of somebody else', { claims: { aud: 'another' } }],
      ['another issuer', { claims: { iss: 'http://127.0.0.1:1' } }],
      ['another nonce', { claims: { nonce: 'made-up' } }],
      ['no expiry ahead', { claims: { exp: 1_600_000_000, iat: 1_600_000_000 - 60 } }],
      ['the algorithm none', { header: { alg: 'none' } }],
      ['HS256 with the public key', { header: { alg: 'HS256' }, secret: 'pem' }],
      ['HS256 with the public JWK', { header: { alg: 'HS256' }, secret: 'jwk' }],
      ['the key of a stranger', { key: 'stranger' }],
    ]) {
      await tell('/test/next-id-token', changes);
      const hostile = await visit();
      await signIn(hostile, 'admin');
      assert.match(hostile.url(), /\/sign-in\/callback/, what);
      const own = await hostile.context().cookies(url);
      assert.ok(!own.some((cookie) => cookie.name.endsWith('durward-session')), what);
      assert.match(await hostile.locator('[role=alert]').innerText(), /\w/, 'and says so');
      await hostile.context().close();
      ok(`refused: ${what}`);
    }

    const claims = { aud: 'api://durward', sub: 'app', oid: 'app', idtyp: 'app',
      roles: ['AuditLog.Read.All'] };
    const header = { typ: 'at+jwt' };
    const ask = async (changes) => {
      const { token } = await tell('/test/mint', changes);
      const answer = await fetch(`${url}/v1.0/auditLogs/signIns?$top=1`, {
        headers: { authorization: `Bearer ${token}` },
      });
      return [answer.status, (await answer.json()).error?.code];
    };
    assert.deepEqual(await ask({ header, claims }), [200, undefined]);
    assert.deepEqual(await ask({ header, claims: { ...claims, roles: ['User.Read.All'] } }),
      [403, 'Authentication_MSGraphPermissionMissing']);
    for (const changes of [
      { header, claims: { ...claims, aud: 'another' } },
      { header, claims: { ...claims, exp: 1_600_000_000 } },
      { header: { ...header, alg: 'none' }, claims },
      { header: { ...header, alg: 'HS256' }, secret: 'pem', claims },
      { header, claims, key: 'stranger' },
    ]) {
      assert.deepEqual(await ask(changes), [401, 'InvalidAuthenticationToken'],
        JSON.stringify(changes));
    }
    ok('access tokens of the provider, and those that must be refused');
  } finally {
    await browser.close();
  }
}

main(...process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exit(1);
});

// The Microsoft Graph client for JavaScript, unchanged, against durward.
//
// Environment: DURWARD_TOKEN.
//
// usage: node graph_client.cjs URL FOLDER-OF-GENERATED-FILES
'use strict';
const assert = require('node:assert/strict');
const { Client, PageIterator } = require('@microsoft/microsoft-graph-client');
const { read, NON_INTERACTIVE, INTERACTIVE } = require('./generated.cjs');

const ok = (what) => console.log(`ok - ${what}`);
const ids = (records) => records.map((record) => record.id);

async function allOf(client, request) {
  const found = [];
  const iterator = new PageIterator(client, await request.get(), (record) => {
    found.push(record);
    return true;
  });
  await iterator.iterate();
  assert.ok(iterator.isComplete());
  return found;
}

async function main(url, folder) {
  const expected = read(folder);
  const client = Client.initWithMiddleware({
    baseUrl: url,
    defaultVersion: 'v1.0',
    customHosts: new Set([new URL(url).hostname]),
    authProvider: { getAccessToken: async () => process.env.DURWARD_TOKEN },
  });
  const signIns = (version = 'v1.0') => client.api('/auditLogs/signIns').version(version);

  const interactive = expected[INTERACTIVE];
  const first = await signIns().top(5).get();
  assert.deepEqual(ids(first.value), ids(interactive.slice(0, 5)));
  ok('the newest five');

  assert.deepEqual(ids(await allOf(client, signIns().top(100))), ids(interactive));
  ok('every interactive sign-in, page by page');

  const event = "signInEventTypes/any(t: t eq 'nonInteractiveUser')";
  const background = await allOf(client, signIns('beta').filter(event).top(999));
  assert.deepEqual(ids(background), ids(expected[NON_INTERACTIVE]));
  ok('every non-interactive sign-in, by event type, beta');

  const app = interactive[0].appDisplayName;
  const some = await allOf(client, signIns().filter(`startsWith(appDisplayName,'${app}')`).top(7));
  const wanted = interactive.filter((record) => record.appDisplayName.startsWith(app));
  assert.deepEqual(ids(some), ids(wanted));
  ok('a filter that the next links carry on');

  const counted = await signIns().filter('status/errorCode eq 0').count(true).top(1).get();
  const succeeded = interactive.filter((record) => record.status.errorCode === 0);
  assert.equal(counted['@odata.count'], succeeded.length);
  ok('a count');

  const one = await client.api(`/auditLogs/signIns/${interactive[1].id}`).version('beta').get();
  for (const name of ['id', 'userPrincipalName', 'appId', 'ipAddress', 'correlationId']) {
    assert.equal(one[name], interactive[1][name], name);
  }
  assert.deepEqual(one.status.errorCode, interactive[1].status.errorCode);
  ok('one fetched');

  const refused = signIns().filter('noSuchProperty eq 1').get();
  await assert.rejects(refused, { statusCode: 400, code: 'BadRequest' });
  ok('an unknown property is refused');
}

main(...process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exit(1);
});

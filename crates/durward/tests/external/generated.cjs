// The generated diagnostic records, read without durward.
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const zlib = require('node:zlib');

/** Properties of every record by category, newest first, the latest delivery of each id only. */
function read(folder) {
  const latest = new Map();
  for (const entry of fs.readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (entry.isDirectory() || entry.name.includes('label')) continue;
    const bytes = fs.readFileSync(path.join(entry.parentPath ?? entry.path, entry.name));
    const text = (entry.name.endsWith('.gz') ? zlib.gunzipSync(bytes) : bytes).toString('utf8');
    for (const line of text.split('\n').filter((line) => line.trim())) {
      const { category, time, properties } = JSON.parse(line);
      const key = `${category} ${properties.id}`;
      const known = latest.get(key);
      if (!known || known.time <= time) latest.set(key, { category, time, properties });
    }
  }
  const byCategory = {};
  for (const { category, properties } of latest.values()) {
    (byCategory[category] ??= []).push(properties);
  }
  const newer = (a, b) => {
    const [x, y] = [a, b].map((record) => record.createdDateTime + record.id);
    return x < y ? 1 : x > y ? -1 : 0;
  };
  for (const records of Object.values(byCategory)) records.sort(newer);
  return byCategory;
}

module.exports = {
  read,
  INTERACTIVE: 'SignInLogs',
  NON_INTERACTIVE: 'NonInteractiveUserSignInLogs',
  SERVICE_PRINCIPAL: 'ServicePrincipalSignInLogs',
  MANAGED_IDENTITY: 'ManagedIdentitySignInLogs',
};

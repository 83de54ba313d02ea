// A real OpenID provider (the certified `oidc-provider`) on the loopback, for tests only.
//
// Prints one line of JSON when it is ready and serves until it is stopped, or until its standard
// input ends if that is a pipe from whoever started it:
//   {"issuer":"http://127.0.0.1:41000","client_id":"durward","client_secret":"…","audience":"…"}
//
// usage: node oidc_provider.cjs [--port N] [--redirect URL]… [--post-logout URL]…
//        [--users FILE] [--id-token-seconds N] [--alg RS256|PS256|ES256|EdDSA] [--public]
//
// Sign-in is a page with a form: `#login` takes the name of a user, `#password` anything but
// "wrong", `#sign-in` sends it. Sign-out is a page with a button `#sign-out`.
//
// The endpoints below /test/ take and give JSON. They make what a well-behaved provider never
// would, and change what is fixed while a provider runs.
//   GET  /test/requests     how often each path was asked for
//   POST /test/clients      {redirect_uris, post_logout_redirect_uris}: replaces them
//   POST /test/users        {name: claims}: adds or replaces users
//   POST /test/rotate       {keep}: signs with a new key; the old one stays published if `keep`
//   POST /test/mint         {header, claims, key, secret, signature}: gives {token}
//   POST /test/next-id-token  the same: the next sign-in gets its ID token with these changes
// What is minted starts from a proper header and claims; a value of null takes something away.
// `alg` in `header` may be "none", or "HS256" with `secret` "jwk" or "pem" (the public key that
// everybody can see, as the secret) or "client". `key` "stranger" signs with a key that is not
// published, "previous" with the one before the last rotation. `signature` is put in as it is.
'use strict';
const crypto = require('node:crypto');
const fs = require('node:fs');
const http = require('node:http');
const { parseArgs } = require('node:util');
const { pathToFileURL } = require('node:url');

const { values: options } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    redirect: { type: 'string', multiple: true, default: [] },
    'post-logout': { type: 'string', multiple: true, default: [] },
    users: { type: 'string' },
    'id-token-seconds': { type: 'string', default: '3600' },
    alg: { type: 'string', default: 'RS256' },
    public: { type: 'boolean', default: false },
  },
});

const CLIENT = 'durward';
const SECRET = 'a secret of the tests only: +/%';
const AUDIENCE = 'api://durward';
const SCOPES = 'AuditLog.Read.All Policy.Read.ConditionalAccess IdentityRiskEvent.Read.All';
const TENANT = '5c4f0d63-2d3b-4b5e-9a55-0c7f1f6d1c01';
const MAX_BODY_BYTES = 64 * 1024;

// Who can sign in, by name, with the claims they have. `sub` is the name.
const users = options.users
  ? JSON.parse(fs.readFileSync(options.users, 'utf8'))
  : {
      admin: person('Demo Admin', 1, ['Durward.GlobalAdministrator'], ['group-admins']),
      reader: person('Demo Reader', 2, ['Durward.SecurityReader'], ['group-readers']),
      plain: person('Demo Plain', 3, [], []),
    };

function person(name, number, roles, groups) {
  const local = name.toLowerCase().replace(' ', '.');
  return {
    name,
    preferred_username: `${local}@example.com`,
    email: `${local}@example.com`,
    oid: `00000000-0000-4000-8000-00000000000${number}`,
    tid: TENANT,
    roles,
    groups,
  };
}

const now = () => Math.floor(Date.now() / 1000);
const base64url = (value) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

function newKey() {
  const kinds = {
    RS256: ['rsa', { modulusLength: 2048 }],
    PS256: ['rsa', { modulusLength: 2048 }],
    ES256: ['ec', { namedCurve: 'P-256' }],
    EdDSA: ['ed25519', {}],
  };
  const { privateKey, publicKey } = crypto.generateKeyPairSync(...kinds[options.alg]);
  const kid = crypto.randomUUID();
  const marks = { kid, use: 'sig', alg: options.alg };
  return {
    kid,
    privateKey,
    secretJwk: { ...privateKey.export({ format: 'jwk' }), ...marks },
    publicJwk: { ...publicKey.export({ format: 'jwk' }), ...marks },
    publicPem: publicKey.export({ format: 'pem', type: 'spki' }),
  };
}

function sign(alg, key, secret, input) {
  const hash = `sha${alg.slice(2)}`;
  const padding = crypto.constants.RSA_PKCS1_PSS_PADDING;
  switch (alg.slice(0, 2)) {
    case 'no':
      return '';
    case 'HS': {
      const secrets = { jwk: JSON.stringify(key.publicJwk), pem: key.publicPem, client: SECRET };
      return crypto.createHmac(hash, secrets[secret ?? 'pem']).update(input).digest('base64url');
    }
    case 'RS':
      return crypto.sign(hash, input, key.privateKey).toString('base64url');
    case 'PS':
      return crypto.sign(hash, input, { key: key.privateKey, padding, saltLength: 32 })
        .toString('base64url');
    case 'ES':
      return crypto.sign(hash, input, { key: key.privateKey, dsaEncoding: 'ieee-p1363' })
        .toString('base64url');
    default:
      return crypto.sign(null, input, key.privateKey).toString('base64url');
  }
}

class TestProvider {
  constructor(Provider, issuer) {
    this.Provider = Provider;
    this.issuer = issuer;
    this.redirects = options.redirect;
    this.postLogouts = options['post-logout'];
    this.keys = [newKey()];
    this.published = 1;
    this.stranger = newKey();
    this.requests = {};
    this.cookieKeys = [crypto.randomUUID()];
    this.build();
  }

  // Keys and clients are fixed in a provider, so changes make a new one. What it remembers of
  // sessions and grants is kept by the module and goes on.
  build() {
    const jwks = { keys: this.keys.slice(0, this.published).map((key) => key.secretJwk) };
    this.provider = new this.Provider(this.issuer, configuration(this, jwks));
    this.provider.use(async (context, next) => {
      await next();
      if (context.path === '/token' && context.body?.id_token && this.twist) {
        context.body.id_token = this.mint(this.twist, context.body.id_token);
        this.twist = undefined;
      }
    });
    this.handle = this.provider.callback();
  }

  // `like` is a token to start from.
  mint({ header = {}, claims = {}, key: which, secret, signature }, like) {
    const key = { stranger: this.stranger, previous: this.keys[1] }[which] ?? this.keys[0];
    const usual = { iss: this.issuer, sub: 'reader', aud: AUDIENCE, iat: now(), exp: now() + 300 };
    const start = like ? JSON.parse(Buffer.from(like.split('.')[1], 'base64url')) : usual;
    const changed = (from, changes) => {
      const kept = Object.entries({ ...from, ...changes }).filter(([, value]) => value !== null);
      return Object.fromEntries(kept);
    };
    const head = changed({ alg: options.alg, typ: 'JWT', kid: key.kid }, header);
    const input = `${base64url(head)}.${base64url(changed(start, claims))}`;
    return `${input}.${signature ?? sign(head.alg, key, secret, input)}`;
  }

  test(path, body) {
    switch (path) {
      case '/test/requests':
        return this.requests;
      case '/test/clients':
        this.redirects = body.redirect_uris ?? this.redirects;
        this.postLogouts = body.post_logout_redirect_uris ?? this.postLogouts;
        this.build();
        return {};
      case '/test/users':
        Object.assign(users, body);
        return {};
      case '/test/rotate':
        this.keys.unshift(newKey());
        this.published = body.keep ? this.published + 1 : 1;
        this.build();
        return { kid: this.keys[0].kid };
      case '/test/mint':
        return { token: this.mint(body) };
      case '/test/next-id-token':
        this.twist = body;
        return {};
      default:
        return undefined;
    }
  }
}

function configuration(test, jwks) {
  const clientAuth = options.public
    ? { token_endpoint_auth_method: 'none' }
    : { client_secret: SECRET, token_endpoint_auth_method: 'client_secret_basic' };
  const own = ['authorization_code'].concat(options.public ? [] : ['client_credentials']);
  return {
    jwks,
    cookies: { keys: test.cookieKeys },
    clients: [
      {
        client_id: CLIENT,
        ...clientAuth,
        grant_types: own,
        redirect_uris: test.redirects.length ? test.redirects : ['http://127.0.0.1/callback'],
        post_logout_redirect_uris: test.postLogouts,
        id_token_signed_response_alg: options.alg,
      },
    ],
    // In the ID token, as Entra has them.
    conformIdTokenClaims: false,
    claims: {
      openid: ['sub', 'oid', 'tid', 'groups', 'roles', '_claim_names'],
      profile: ['name', 'preferred_username'],
      email: ['email'],
    },
    enabledJWA: { idTokenSigningAlgValues: [options.alg] },
    async findAccount(_context, sub) {
      const claims = Object.hasOwn(users, sub) ? users[sub] : undefined;
      return claims && { accountId: sub, claims: async () => ({ sub, ...claims }) };
    },
    // Nobody is asked for consent.
    async loadExistingGrant(context) {
      const { client, session, account, provider } = context.oidc;
      const grant = new provider.Grant({ clientId: client.clientId, accountId: account.accountId });
      grant.addOIDCScope('openid profile email');
      await grant.save();
      session.ensureClientContainer(client.clientId);
      return grant;
    },
    interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
    pkce: { required: () => true },
    ttl: {
      IdToken: Number(options['id-token-seconds']),
      AccessToken: 600,
      AuthorizationCode: 60,
      ClientCredentials: 600,
      Grant: 3600,
      Interaction: 600,
      Session: 3600,
    },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: !options.public },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (context, form) => {
          const button = 'id="sign-out" type="submit" form="op.logoutForm" name="logout"';
          context.body = page('Sign out', `${form}<button ${button} value="yes">Sign out</button>`);
        },
        postLogoutSuccessSource: (context) => {
          context.body = page('Signed out', '<p id="signed-out">You are signed out.</p>');
        },
      },
      // Access tokens for an API, in the shape of Entra's.
      resourceIndicators: {
        enabled: true,
        defaultResource: () => undefined,
        getResourceServerInfo: () => ({
          scope: SCOPES,
          audience: AUDIENCE,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: options.alg } },
        }),
      },
    },
    extraTokenClaims: (_context, token) =>
      token.kind === 'ClientCredentials'
        ? { idtyp: 'app', tid: TENANT, oid: token.clientId, roles: ['AuditLog.Read.All'] }
        : undefined,
    renderError: (context, out) => {
      context.body = page('Error', `<p id="error">${escape(out.error)}</p>
        <p>${escape(out.error_description ?? '')}</p>`);
    },
  };
}

const escape = (text) => String(text).replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);

const page = (title, body) =>
  `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title>
  <link rel="icon" href="data:,"><h1>${title}</h1>${body}</html>`;

const loginForm = (problem) =>
  page('Sign in', `${problem ? `<p id="problem">${escape(problem)}</p>` : ''}
  <form method="post"><label>Name <input id="login" name="login" autofocus></label>
  <label>Password <input id="password" name="password" type="password"></label>
  <button id="sign-in" type="submit">Sign in</button></form>`);

async function body(request) {
  let text = '';
  for await (const chunk of request) {
    text += chunk;
    if (text.length > MAX_BODY_BYTES) throw new Error('the body is too long');
  }
  return text;
}

const answer = (response, status, type, text) =>
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(text);

async function interaction(test, request, response) {
  // Refuses who does not have the cookie of this interaction.
  await test.provider.interactionDetails(request, response);
  const html = 'text/html; charset=utf-8';
  if (request.method !== 'POST') return answer(response, 200, html, loginForm());
  const form = new URLSearchParams(await body(request));
  const login = form.get('login') ?? '';
  if (!Object.hasOwn(users, login) || form.get('password') === 'wrong') {
    return answer(response, 200, html, loginForm('Name or password is wrong.'));
  }
  const result = { login: { accountId: login } };
  return test.provider.interactionFinished(request, response, result);
}

async function serve(test, request, response) {
  const { pathname } = new URL(request.url, test.issuer);
  test.requests[pathname] = (test.requests[pathname] ?? 0) + 1;
  if (pathname.startsWith('/test/')) {
    const text = await body(request);
    const result = test.test(pathname, text ? JSON.parse(text) : {});
    const status = result ? 200 : 404;
    return answer(response, status, 'application/json', JSON.stringify(result ?? {}));
  }
  if (pathname.startsWith('/interaction/')) return interaction(test, request, response);
  return test.handle(request, response);
}

async function main() {
  // Found through NODE_PATH, which `import` alone does not look at.
  const { default: Provider } = await import(pathToFileURL(require.resolve('oidc-provider')));
  let test;
  const server = http.createServer((request, response) => {
    serve(test, request, response).catch((error) => {
      if (!response.headersSent) answer(response, 400, 'text/plain', `${error.message}\n`);
    });
  });
  await new Promise((resolve) => server.listen(Number(options.port), '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${server.address().port}`;
  test = new TestProvider(Provider, issuer);
  const ready = { issuer, client_id: CLIENT, client_secret: SECRET, audience: AUDIENCE };
  if (options.public) delete ready.client_secret;
  console.log(JSON.stringify(ready));
  const input = fs.fstatSync(0);
  if (input.isFIFO() || input.isSocket()) process.stdin.resume().on('end', () => process.exit(0));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});

// The identity provider of the demo and of `make test-ui`: a certified OpenID provider (oidc-provider), cut down to two
// things: tokens by client credentials, and people who log in to the Web UI. Not a model for production: clients and people
// live in a file and everything is plain http on loopback.
//
//   node idp.mjs SETTINGS.json
//
// SETTINGS: {"port": 7535, "ttl": 3600, "clients": {"alice": {"secret": "…", "groups": ["finance"], "service": false}},
//            "web_ui": {"secret": "…", "callbacks": ["http://…/auth/sso/callback"]},
//            "people": {"alice": {"password": "…", "groups": ["finance"]}}}
// `service` may be a text: what the claim `gty` then says. `web_ui` and `people` may be missing: nobody logs in.

import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const settings = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const people = settings.people ?? {};
const issuer = `http://127.0.0.1:${settings.port}`;

// Resources are URIs in this library; the audience in the token is the plain word below.
const RESOURCE = 'urn:temporal';

const WEB_UI = 'temporal-web';
const SCOPES = 'openid profile email offline_access';

const provider = new Provider(issuer, {
  clients: [
    ...Object.entries(settings.clients).map(([id, client]) => ({
      client_id: id,
      client_secret: client.secret,
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
    })),
    ...webUi(settings.web_ui),
  ],
  jwks: { keys: [signingKey()] },
  cookies: { keys: [randomUUID()] },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => RESOURCE,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        audience: 'temporal',
        scope: '',
        accessTokenFormat: 'jwt',
        accessTokenTTL: settings.ttl,
        jwt: { sign: { alg: 'RS256' } },
      }),
    },
  },
  // Claims of a scope are in the ID token, too.
  conformIdTokenClaims: false,
  claims: { openid: ['sub', 'groups'], profile: ['name'], email: ['email', 'email_verified'] },
  ttl: { IdToken: settings.ttl, Interaction: 600, Grant: 86400, Session: 86400, RefreshToken: 86400 },
  // The Web UI's server does not use PKCE.
  pkce: { required: () => false },
  issueRefreshToken: (_, client) => client.grantTypeAllowed('refresh_token'),
  findAccount: (_, id) => (id in people ? { accountId: id, claims: () => profile(id) } : undefined),
  interactions: { url: (_, { uid }) => `/interaction/${uid}` },
  loadExistingGrant: everythingGranted,
  extraTokenClaims: (_, token) =>
    token.accountId ? { groups: people[token.accountId]?.groups } : claimsOf(settings.clients[token.clientId]),
});

// Whoever asks by client credentials may be a person to the policy, because the demo's calls need no browser. `gty` goes
// to services only.
function claimsOf({ groups, service }) {
  return service ? { groups, gty: service === true ? 'client-credentials' : service } : { groups };
}

function profile(id) {
  return { sub: id, name: id, email: `${id}@example.com`, email_verified: true, groups: people[id].groups };
}

function webUi(client) {
  if (!client) return [];
  return [
    {
      client_id: WEB_UI,
      client_secret: client.secret,
      grant_types: ['authorization_code', 'refresh_token'],
      redirect_uris: client.callbacks,
      response_types: ['code'],
    },
  ];
}

// Nobody is asked for consent.
async function everythingGranted({ oidc }) {
  const known = oidc.session.grantIdFor(oidc.client.clientId);
  if (known) return provider.Grant.find(known);
  const grant = new provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
  grant.addOIDCScope(SCOPES);
  grant.addResourceScope(RESOURCE, '');
  await grant.save();
  return grant;
}

async function logIn(request, response) {
  await provider.interactionDetails(request, response);
  let complaint = '';
  if (request.method === 'POST') {
    const form = new URLSearchParams(await bodyOf(request));
    const name = form.get('name') ?? '';
    if (Object.hasOwn(people, name) && form.get('password') === people[name].password) {
      await provider.interactionFinished(request, response, { login: { accountId: name } });
      return;
    }
    complaint = '<p>Wrong name or password.</p>';
  }
  response.writeHead(200, { 'content-type': 'text/html' });
  response.end(`<!doctype html><title>Log in</title><h1>Log in</h1>${complaint}<form method="post">
<label>Name <input name="name" autofocus></label>
<label>Password <input name="password" type="password"></label>
<button>Log in</button></form>`);
}

async function bodyOf(request) {
  let body = '';
  for await (const chunk of request) {
    body += chunk;
    if (body.length > 10000) throw new Error('too long');
  }
  return body;
}

// New on every start: a key set that outlived the provider would be of no use to anybody.
function signingKey() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), use: 'sig', alg: 'RS256' };
}

const everythingElse = provider.callback();

createServer((request, response) => {
  if (!request.url.startsWith('/interaction/')) {
    everythingElse(request, response);
    return;
  }
  logIn(request, response).catch((error) => {
    response.writeHead(400, { 'content-type': 'text/plain' });
    response.end(String(error));
  });
}).listen(settings.port, '127.0.0.1', () => console.log(`issuer ${issuer}`));

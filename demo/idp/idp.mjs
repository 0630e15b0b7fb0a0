// The identity provider of the demo: a certified OpenID provider (oidc-provider), cut down to one thing: tokens by
// client credentials. Not a model for production: clients live in a file and everything is plain http on loopback.
//
//   node idp.mjs SETTINGS.json
//
// SETTINGS: {"port": 7535, "ttl": 3600, "clients": {"alice": {"secret": "…", "groups": ["finance"], "service": false}}}
// `service` may be a text: what the claim `gty` then says.

import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import Provider from 'oidc-provider';

const settings = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const issuer = `http://127.0.0.1:${settings.port}`;

// Resources are URIs in this library; the audience in the token is the plain word below.
const RESOURCE = 'urn:temporal';

const provider = new Provider(issuer, {
  clients: Object.entries(settings.clients).map(([id, client]) => ({
    client_id: id,
    client_secret: client.secret,
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
  })),
  jwks: { keys: [signingKey()] },
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
  extraTokenClaims: (_, token) => claimsOf(settings.clients[token.clientId]),
});

// Everybody asks by client credentials here, because a demo has no browser. `gty` goes to services only, so that
// the people among the clients are people to the policy.
function claimsOf({ groups, service }) {
  return service ? { groups, gty: service === true ? 'client-credentials' : service } : { groups };
}

// New on every start: a key set that outlived the provider would be of no use to anybody.
function signingKey() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), use: 'sig', alg: 'RS256' };
}

provider.listen(settings.port, '127.0.0.1', () => console.log(`issuer ${issuer}`));

"""Real processes and hostile peers for black-box tests of the built module.

One file per part: `procs` and `ports` start and stop things, `envoy`, `temporal` and `issuer` are the
three servers, `jws` makes tokens (malformed ones too), `grpc_client` speaks HTTP/2 frame by frame,
`requests` builds a request message for every method of the API.
"""

"""Real processes and hostile peers for black-box tests of the built module.

There is one file per part: `procs` and `ports` start and stop processes, `envoy`, `temporal` and `issuer` are
the three servers, `jws` makes tokens (including malformed tokens), `grpc_client` speaks HTTP/2 frame by frame,
and `requests` builds a request message for every method of the API.
"""

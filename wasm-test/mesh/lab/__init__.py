"""A mesh on one machine: Istio's and Kubernetes' own programs, on loopback, without a container.

`parts` says where they are built to, `authority` is the mesh's root of trust, `registry` serves our image, `istiod` and
`proxy` are the two halves of Istio, `frontend` what an operator applies.
"""

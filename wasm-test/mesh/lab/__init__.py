"""A mesh on one machine: Istio's and Kubernetes' own programs, on loopback, without containers.

`parts` says where they are built, `authority` is the mesh's root of trust, `registry` serves our image, `istiod` and `proxy` are
the two halves of Istio, and `resources` has the manifests that an operator applies.
"""

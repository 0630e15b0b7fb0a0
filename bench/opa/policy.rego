# The decision of variants.policy(): group finance starts workflows in namespace payroll.
package envoy.authz

default allow := false

allow if {
	input.path == "/temporal.api.workflowservice.v1.WorkflowService/StartWorkflowExecution"
	input.body.namespace == "payroll"
	"finance" in claims.groups
}

claims := payload if {
	startswith(input.headers.authorization, "Bearer ")
	token := trim_prefix(input.headers.authorization, "Bearer ")
	[valid, _, payload] := io.jwt.decode_verify(token, {
		"cert": data.keys,
		"alg": "RS256",
		"iss": data.issuer,
		"aud": "temporal",
	})
	valid
}

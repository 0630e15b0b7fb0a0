package main

import (
	"fmt"
	"math/rand/v2"

	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// generator makes cases without end, the same ones for the same seed.
type generator struct {
	*rand.Rand
	methods []protoreflect.MethodDescriptor
	claims  []map[string]any
}

// manyNamespaces is how many namespaces n0, n1, … there are beside those of names.
const manyNamespaces = 40

// extra turns for methods whose requests hold more than their own namespace.
var extra = map[string]int{
	"RespondWorkflowTaskCompleted": 32, "ExecuteMultiOperation": 8, "StartWorkflowExecution": 4,
	"SignalWithStartWorkflowExecution": 4, "StartBatchOperation": 4, "CreateSchedule": 4, "UpdateSchedule": 4,
	"PatchSchedule": 2, "ResetWorkflowExecution": 2, "DescribeNamespace": 2, "DeleteNamespace": 2,
	"RespondQueryTaskCompleted": 4, "RespondNexusTaskCompleted": 3, "RespondNexusTaskFailed": 2,
	"RespondWorkflowTaskFailed": 2, "RespondActivityTaskCompleted": 2, "RespondActivityTaskFailed": 1,
	"RecordActivityTaskHeartbeat": 2, "SignalWorkflowExecution": 2, "QueryWorkflow": 2, "UpdateWorkflowExecution": 2,
	"StartNexusOperationExecution": 2, "StartActivityExecution": 2, "UpdateNamespace": 3, "ShutdownWorker": 2,
	"CreateWorkerDeploymentVersion": 2, "UpdateWorkerDeploymentVersionComputeConfig": 1,
}

func newGenerator(seed uint64) *generator {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 0x7e4901a1))}
	for _, service := range []protoreflect.ServiceDescriptor{
		workflowservice.File_temporal_api_workflowservice_v1_service_proto.Services().ByName("WorkflowService"),
		operatorservice.File_temporal_api_operatorservice_v1_service_proto.Services().ByName("OperatorService"),
	} {
		for i := range service.Methods().Len() {
			method := service.Methods().Get(i)
			for range 1 + extra[string(method.Name())] {
				g.methods = append(g.methods, method)
			}
		}
	}
	// A fixed number of callers, so that their tokens are signed and verified once.
	for i := range 400 {
		g.claims = append(g.claims, g.caller(i))
	}
	return g
}

// caller holds one to three permissions: the plain ones first, so that every seed has them.
func (g *generator) caller(number int) map[string]any {
	scopes := []string{"payroll", "finance", "temporal-system"}
	roles := []string{"read", "write", "worker", "admin"}
	permissions := []any{}
	if number < len(scopes)*len(roles) {
		permissions = append(permissions, scopes[number%len(scopes)]+":"+roles[number/len(scopes)])
	} else {
		scopes = append(scopes, "payroll", "payroll", "payroll", "payroll", "finance", "", "Payroll", "other", "*", "päyroll")
		roles = append(roles, "read", "write", "write", "admin", "WRITE", "Admin", "owner", "", "read:write", " write", "adm\u0130n")
		for range 1 + g.IntN(5) {
			permission := scopes[g.IntN(len(scopes))] + ":" + roles[g.IntN(len(roles))]
			switch g.IntN(40) {
			case 0:
				permissions = append(permissions, 7)
			case 1:
				permissions = append(permissions, []any{permission})
			case 2:
				permissions = append(permissions, "payroll")
			default:
				permissions = append(permissions, permission)
			}
		}
	}
	if number%8 == 7 {
		// One who may write wherever a request with many commands may reach.
		for place := range manyNamespaces {
			permissions = append(permissions, fmt.Sprintf("n%d:write", place))
		}
	}
	return map[string]any{
		"iss": "https://oracle.test/", "aud": "temporal", "sub": fmt.Sprintf("caller-%d", number), "exp": 4102444800,
		"permissions": permissions,
	}
}

// next makes a case: half of them as an honest client would, a few of those one of a newer API; the others with some oddities
// or many.
func (g *generator) next(number int) *Case {
	// Every method gets its share whatever the count.
	method := g.methods[number%len(g.methods)]
	w := &writer{Rand: g.Rand, wild: []float64{0, 0, 0.005, 0.03}[g.IntN(4)], dense: []float64{0.3, 1, 1, 2.5}[g.IntN(4)]}
	if g.IntN(20) == 0 {
		w.newer = 0.05
	}
	c := &Case{
		Path:   "/" + string(method.Parent().FullName()) + "/" + string(method.Name()),
		Claims: g.claims[g.IntN(len(g.claims))],
	}
	w.frame(c, w.message(method.Input(), 0))
	c.Made = w.made
	return c
}

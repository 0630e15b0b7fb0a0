package hello

import (
	"time"

	"go.temporal.io/sdk/workflow"
)

// InSession greets twice by activities that one worker runs, which has made a queue of its own for them.
func InSession(ctx workflow.Context) (string, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: 10 * time.Second})
	session, err := workflow.CreateSession(ctx, &workflow.SessionOptions{CreationTimeout: time.Minute, ExecutionTimeout: time.Minute})
	if err != nil {
		return "", err
	}
	defer workflow.CompleteSession(session)
	var both string
	for _, name := range []string{"World", "again"} {
		var greeting string
		if err := workflow.ExecuteActivity(session, Greet, name).Get(session, &greeting); err != nil {
			return "", err
		}
		both += greeting
	}
	return both, nil
}

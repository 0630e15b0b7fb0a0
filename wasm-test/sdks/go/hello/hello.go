// Package hello is a workflow with one activity.
package hello

import (
	"context"
	"time"

	"go.temporal.io/sdk/workflow"
)

func Hello(ctx workflow.Context, name string) (string, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: 10 * time.Second})
	var greeting string
	err := workflow.ExecuteActivity(ctx, Greet, name).Get(ctx, &greeting)
	return greeting, err
}

func Greet(_ context.Context, name string) (string, error) {
	return "Hello " + name + "!", nil
}

// Worker polls the task queue until it is told to end.
package main

import (
	"log"

	"go.temporal.io/sdk/worker"

	"go-worker/connect"
	"go-worker/hello"
)

func main() {
	temporal, err := connect.Dial()
	if err != nil {
		log.Fatalln("worker: cannot connect:", err)
	}
	defer temporal.Close()

	w := worker.New(temporal, connect.TaskQueue, worker.Options{})
	w.RegisterWorkflow(hello.World)
	w.RegisterActivity(hello.Greet)
	if err := w.Run(worker.InterruptCh()); err != nil {
		log.Fatalln("worker: ended:", err)
	}
}

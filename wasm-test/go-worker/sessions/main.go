// Sessions polls the task queue that it is given for workflows that use a session, until it is told to end.
package main

import (
	"log"
	"os"

	"go.temporal.io/sdk/worker"

	"go-worker/connect"
	"go-worker/hello"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatalln("sessions: one argument is needed: a task queue")
	}
	temporal, err := connect.Dial()
	if err != nil {
		log.Fatalln("sessions: cannot connect:", err)
	}
	defer temporal.Close()

	w := worker.New(temporal, os.Args[1], worker.Options{EnableSessionWorker: true})
	w.RegisterWorkflow(hello.InSession)
	w.RegisterActivity(hello.Greet)
	if err := w.Run(worker.InterruptCh()); err != nil {
		log.Fatalln("sessions: ended:", err)
	}
}

// Oracle says what Temporal makes of a call: its own interceptor, claim mapper, authorizer and method table, behind the
// gRPC and protobuf libraries that its frontend uses.
//
//	oracle generate -count 1000 -seed 1   makes cases, each a line of JSON with Temporal's answer
//	oracle answer                         reads such lines and answers them anew
//
// With each answer go the facts: what the decoded request holds that a decision may depend on.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "oracle:", err)
		os.Exit(1)
	}
}

func run(args []string, in io.Reader, out io.Writer) error {
	if len(args) == 0 {
		return fmt.Errorf("say `generate` or `answer`")
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	count := flags.Int("count", 1000, "how many cases")
	seed := flags.Uint64("seed", 1, "which cases")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	switch args[0] {
	case "generate":
		generator, number := newGenerator(*seed), 0
		return answerAll(out, func() (*Case, error) {
			if number == *count {
				return nil, io.EOF
			}
			number++
			return generator.next(number - 1), nil
		})
	case "answer":
		lines := bufio.NewScanner(in)
		lines.Buffer(nil, 64<<20)
		return answerAll(out, func() (*Case, error) {
			if !lines.Scan() {
				if err := lines.Err(); err != nil {
					return nil, err
				}
				return nil, io.EOF
			}
			return parseCase(lines.Bytes())
		})
	}
	return fmt.Errorf("unknown command %q", args[0])
}

// answerAll answers what next gives, in its order, until it gives io.EOF.
func answerAll(out io.Writer, next func() (*Case, error)) error {
	oracle, err := NewOracle()
	if err != nil {
		return err
	}
	type job struct {
		c    *Case
		err  error
		done chan struct{}
	}
	workers := 2 * runtime.NumCPU()
	jobs, order := make(chan *job), make(chan *job, 64)
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for j := range jobs {
				j.err = oracle.Answer(j.c)
				close(j.done)
			}
		})
	}
	go func() {
		defer close(order)
		defer close(jobs)
		for {
			c, err := next()
			if err == io.EOF {
				return
			}
			j := &job{c: c, err: err, done: make(chan struct{})}
			order <- j
			if err != nil {
				close(j.done)
				return
			}
			jobs <- j
		}
	}()
	lines := bufio.NewWriterSize(out, 1<<20)
	encoder := json.NewEncoder(lines)
	encoder.SetEscapeHTML(false)
	for j := range order {
		<-j.done
		if j.err != nil {
			return fmt.Errorf("%v: %w", j.c, j.err)
		}
		if err := encoder.Encode(j.c); err != nil {
			return err
		}
	}
	group.Wait()
	return lines.Flush()
}

// registry is an OCI registry in memory, without TLS, that logs what it is asked for. For tests only.
package main

import (
	"flag"
	"log"
	"net/http"

	"github.com/google/go-containerregistry/pkg/registry"
)

func main() {
	address := flag.String("address", "", "where to listen")
	user := flag.String("user", "", "wanted from every caller, with -password; empty: nothing is")
	password := flag.String("password", "", "")
	flag.Parse()
	images := registry.New()
	log.Fatal(http.ListenAndServe(*address, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u, p, _ := r.BasicAuth()
		log.Printf("%s %s user=%q", r.Method, r.URL.Path, u)
		if *user != "" && (u != *user || p != *password) {
			// Istio's agent refuses a realm that is no URL of a public host.
			w.Header().Set("WWW-Authenticate", `Basic realm="https://registry.example.com/"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		images.ServeHTTP(w, r)
	})))
}

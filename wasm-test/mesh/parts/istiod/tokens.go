package main

import (
	"encoding/base64"
	"encoding/json"
	"strings"

	authentication "k8s.io/api/authentication/v1"
	authorization "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/testing"

	"istio.io/istio/pkg/kube"
)

// believeTokens answers TokenReview from the unverified `sub` of the token: no API server issues any here.
func believeTokens(client kube.CLIClient) {
	clients := client.Kube().(*fake.Clientset)
	clients.PrependReactor("create", "subjectaccessreviews", func(testing.Action) (bool, runtime.Object, error) {
		return true, &authorization.SubjectAccessReview{Status: authorization.SubjectAccessReviewStatus{Allowed: true}}, nil
	})
	clients.PrependReactor("create", "tokenreviews", func(action testing.Action) (bool, runtime.Object, error) {
		review := action.(testing.CreateAction).GetObject().(*authentication.TokenReview).DeepCopy()
		if subject := subjectOf(review.Spec.Token); strings.HasPrefix(subject, "system:serviceaccount:") {
			review.Status = authentication.TokenReviewStatus{
				Authenticated: true, Audiences: review.Spec.Audiences,
				User: authentication.UserInfo{Username: subject, Groups: []string{"system:serviceaccounts"}},
			}
		}
		return true, review, nil
	})
}

func subjectOf(token string) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return ""
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return ""
	}
	var claims struct {
		Subject string `json:"sub"`
	}
	if json.Unmarshal(payload, &claims) != nil {
		return ""
	}
	return claims.Subject
}

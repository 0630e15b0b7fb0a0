//! Why `explain` says that a token is refused: what the decision log would say.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use common::{assert_run, run};
use serde_json::{Value, json};

/// After every token here, and before `FAR`.
const NOW: u64 = 1_800_000_000;
const FAR: u64 = NOW + 1800;
const AT: &str = "2027-01-15T08:00:00Z";

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text)
}

/// A token whose claims are text.
fn token_of(header: &Value, claims: &str) -> String {
    format!("{}.{}.AAAA", base64(&header.to_string()), base64(claims))
}

fn header() -> Value {
    json!({"alg": "ES256", "kid": "k", "typ": "JWT"})
}

/// A good token of issuer `people` with these changes of its claims; null removes a claim.
fn token(change: Value) -> String {
    let mut claims = json!({
        "iss": "https://idp.example.com/", "aud": "temporal", "sub": "alice", "token_use": "access", "iat": NOW, "exp": FAR,
    });
    let members = claims.as_object_mut().unwrap();
    members.extend(change.as_object().unwrap().clone());
    members.retain(|_, value| !value.is_null());
    token_of(&header(), &claims.to_string())
}

fn ask(token: &str, more: &[&str]) -> Vec<String> {
    let call = ["explain", "tokens.yaml", "--method", "StartWorkflowExecution", "--namespace", "payroll"];
    [&call[..], &["--at", AT, "--token", token], more].concat().iter().map(|arg| (*arg).to_owned()).collect()
}

/// Explains a start with this token, which is allowed.
#[track_caller]
fn allowed(token: &str, more: &[&str], expected: &str) {
    let args = ask(token, more);
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    assert_run(&args, 0, &["verdict  ALLOW by rule ", expected]);
}

/// Explains a start with this token, which is refused for this reason alone.
#[track_caller]
fn refused(token: &str, more: &[&str], reason: &str) {
    let args = ask(token, more);
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    let (code, text) = run(&args);
    let line = format!("verdict  REFUSE with UNAUTHENTICATED\nreason   {reason}\n");
    assert!(code == 1 && text.contains("caller   nobody\n") && text.contains(&line), "{code} {reason}\n{text}");
    assert!(!text.contains("ignoring exp, nbf and iat"), "another time would not help\n{text}");
}

#[test]
fn a_good_token_is_allowed() {
    allowed(&token(json!({})), &[], "caller   alice of issuer people");
    allowed(&format!("Bearer {}", token(json!({}))), &[], "caller   alice of issuer people");
}

#[test]
fn the_issuer_and_the_audience_that_were_found_are_told() {
    let slash = token(json!({"iss": "https://idp.example.com"}));
    refused(&slash, &[], "no issuer is configured for iss \"https://idp.example.com\"");
    refused(&token(json!({"aud": ["account", "web"]})), &[], "aud has no accepted audience: [\"account\",\"web\"]");
    refused(&token(json!({"aud": null})), &[], "aud is missing");
    let graph = "a token for Microsoft Graph; ask for a scope of your own application instead";
    for aud in ["00000003-0000-0000-c000-000000000000", "https://graph.microsoft.com", "https://graph.microsoft.com/"] {
        refused(&token(json!({"aud": aud})), &[], graph);
        refused(&token(json!({"aud": aud, "iss": "https://sts.windows.net/11111111-2222/"})), &[], graph);
    }
    let other = token(json!({"aud": "api://billing", "iss": "https://sts.windows.net/11111111-2222/"}));
    refused(&other, &[], "no issuer is configured for iss \"https://sts.windows.net/11111111-2222/\"");
    let escaped = token(json!({"iss": "https://x/\n\u{1b}[31m"}));
    refused(&escaped, &[], r#"no issuer is configured for iss "https://x/\n\u{1b}[31m""#);
}

#[test]
fn what_is_no_signed_jwt_is_told() {
    refused("ya29.a0AfB", &[], "an opaque token, not a JWT");
    refused("gho_16C7e42F292c6912E7710c838347Ae178B4a", &[], "an opaque token, not a JWT");
    let encrypted = format!("{}.AAAA.AAAA.AAAA.AAAA", base64(r#"{"alg":"RSA-OAEP","enc":"A256GCM"}"#));
    refused(&encrypted, &[], "an encrypted token (JWE), which cannot be verified");
    let twice = r#"{"iss":"https://idp.example.com/","aud":"temporal","sub":"a","sub":"b"}"#;
    let (_, text) = run(&ask(&token_of(&header(), twice), &[]).iter().map(String::as_str).collect::<Vec<_>>());
    assert!(text.contains("reason   payload: a member given twice: \"sub\""), "{text}");
    refused(&format!("{}=", token(json!({}))), &[], "the token has characters that no JWT has");
}

#[test]
fn headers_of_tokens_are_checked() {
    let claims =
        |iss: &str| json!({"iss": iss, "aud": "temporal", "sub": "a", "token_use": "access", "iat": NOW, "exp": FAR});
    let with = |header: Value| token_of(&header, &claims("https://idp.example.com/").to_string());
    refused(&with(json!({"alg": "ES512", "kid": "k"})), &[], "header: algorithm \"ES512\" is not supported");
    refused(&with(json!({"alg": "none"})), &[], "header: algorithm \"none\" is not supported");
    refused(&with(json!({"alg": "RS256", "kid": "k"})), &[], "algorithm RS256 is not allowed");
    refused(&with(json!({"alg": "EdDSA", "kid": "k"})), &[], "algorithm EdDSA is not allowed");
    let no_kid = "header: kid is missing; keys.kid: optional accepts such tokens";
    refused(&with(json!({"alg": "ES256"})), &[], no_kid);
    refused(&with(json!({"alg": "ES256", "kid": "k", "typ": "dpop+jwt"})), &[], "typ \"dpop+jwt\" is not accepted");
    let unnamed = json!({"aud": "temporal", "sub": "spiffe://td/w", "exp": FAR}).to_string();
    let spiffe = token_of(&json!({"alg": "ES256", "typ": "JOSE"}), &unnamed);
    allowed(&spiffe, &[], "caller   spiffe://td/w of issuer spire");
    refused(&with(json!({"alg": "ES256", "kid": "k", "typ": "JOSE"})), &[], "typ \"JOSE\" is not accepted");
}

#[test]
fn who_the_caller_is_must_be_clear() {
    allowed(&token(json!({"sub": 1234})), &[], "caller   1234 of issuer people");
    refused(&token(json!({"sub": 7.5})), &[], "no subject: claim \"sub\" is not a whole number");
    refused(&token(json!({"sub": ["a"]})), &[], "no subject: claim \"sub\" is a list");
    refused(&token(json!({"sub": null})), &[], "no subject: claim \"sub\" is missing or empty");
    let mail = |verified: Value| {
        let iss = "https://mail.example.com/";
        token(json!({"iss": iss, "email": "a@example.com", "email_verified": verified}))
    };
    allowed(&mail(json!(true)), &[], "caller   a@example.com of issuer mail");
    let unverified = "no subject: claim \"email\" is not verified: email_verified is not true, and the issuer does not have \
                      `email: trusted`";
    refused(&mail(json!(null)), &[], unverified);
    refused(&mail(json!(false)), &[], unverified);
}

#[test]
fn the_header_of_a_token_is_told_if_no_issuer_names_it() {
    let good = token(json!({}));
    allowed(&good, &["--header", "Authorization"], "caller   alice of issuer people");
    let elsewhere = "a token in header x-forwarded-access-token, which no issuer names";
    refused(&good, &["--header", "x-forwarded-access-token"], elsewhere);
    refused(&good, &["--header", "x-anything"], "no token");
    let wrong = "tokens of this issuer are not accepted in header cf-access-jwt-assertion";
    refused(&good, &["--header", "cf-access-jwt-assertion"], wrong);
}

#[test]
fn only_a_refusal_about_time_is_followed_by_what_another_time_would_allow() {
    let untimely = |change: Value, why: &str| {
        let args = ask(&token(change), &[]);
        let refusal = format!("token    REFUSED with UNAUTHENTICATED: {why}\n         ignoring exp, nbf and iat:\n");
        assert_run(
            &args.iter().map(String::as_str).collect::<Vec<_>>(),
            1,
            &[&refusal, "verdict  ALLOW by rule people"],
        );
    };
    untimely(json!({"exp": NOW - 3600, "iat": NOW - 7000}), "the token has expired");
    untimely(json!({"nbf": NOW + 600}), "nbf is in the future");
    untimely(json!({"iat": NOW + 600}), "iat is in the future");
    untimely(json!({"iat": NOW - 7200}), "the lifetime exceeds token.max_lifetime");
    // These have bad times, too, but are refused before times are looked at, or after.
    refused(&token(json!({"aud": "x", "exp": NOW - 3600})), &[], "aud has no accepted audience: \"x\"");
    let id_token = "claim \"token_use\", which token.require names, is different: \"id\"";
    refused(&token(json!({"token_use": "id"})), &[], id_token);
    refused(&token(json!({"token_use": null})), &[], "claim \"token_use\", which token.require names, is missing");
    refused(&token(json!({"exp": null})), &[], "exp is missing");
    refused(&token(json!({"iat": null})), &[], "iat is missing, but token.max_lifetime requires it");
}

#[test]
fn claims_are_assumed_to_come_in_the_header_of_their_issuer() {
    let ask = |issuer: &str, claims: &str, code: i32, expected: &str| {
        let call = ["explain", "tokens.yaml", "--method", "StartWorkflowExecution", "--namespace", "payroll"];
        assert_run(&[&call[..], &["--issuer", issuer, "--claims", claims]].concat(), code, &[expected]);
    };
    ask("spire", r#"{"sub": "spiffe://td/w"}"#, 0, "verdict  ALLOW by rule spire");
    ask("mail", r#"{"email": "a@b", "email_verified": true}"#, 0, "verdict  ALLOW by rule mail");
    ask("mail", r#"{"email": "a@b"}"#, 1, "verdict  REFUSE with UNAUTHENTICATED");
    ask("people", r#"{"sub": "alice", "token_use": "access"}"#, 0, "verdict  ALLOW by rule people");
    ask("people", r#"{"sub": "alice", "token_use": "id"}"#, 1, "which token.require names, is different: \"id\"");
}

#[test]
fn a_refused_token_does_not_matter_to_methods_for_everybody() {
    let args = ["explain", "tokens.yaml", "--method", "GetSystemInfo", "--token", "opaque"];
    assert_run(&args, 0, &["caller   nobody", "verdict  ALLOW by rule anonymous"]);
}

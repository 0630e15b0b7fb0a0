use super::*;
use clap::CommandFactory as _;

fn parse(args: &[&str]) -> Result<Command, String> {
    let args = std::iter::once(&"temporal-auth").chain(args);
    Cli::try_parse_from(args).map(|cli| cli.command).map_err(|error| error.to_string())
}

const SECOND: Timestamp = Timestamp::from_millis(1000);
const CALL: [&str; 4] = ["explain", "f", "--method", "m"];

fn question(args: &[&str]) -> Result<Question, String> {
    match parse(&[&CALL[..], args].concat())? {
        Command::Explain(question) => Ok(question),
        other => panic!("{other:?}"),
    }
}

#[test]
fn definitions_are_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn check_takes_files() {
    let Ok(Command::Check(check)) = parse(&["check", "a", "b"]) else { panic!() };
    assert_eq!((check.files.len(), check.deny_warnings), (2, false));
    assert!(check.time.at() > SECOND, "now");
    let Ok(Command::Check(check)) = parse(&["check", "--deny-warnings", "a", "--at", "1970-01-01T00:00:01Z"]) else {
        panic!()
    };
    assert_eq!((check.files.len(), check.deny_warnings, check.time.at()), (1, true, SECOND));
}

#[test]
fn test_takes_files() {
    let Ok(Command::Test(test)) = parse(&["test", "--at", "1970-01-01T00:00:01Z", "a"]) else { panic!() };
    assert_eq!((test.files.len(), test.time.at()), (1, SECOND));
}

#[test]
fn reviews_take_a_file_first() {
    let Ok(Command::WhoCan(asked)) = parse(&["who-can", "f", "start", "--namespace", "n", "--json"]) else { panic!() };
    assert_eq!((asked.what.as_str(), asked.namespace.as_deref(), asked.json), ("start", Some("n"), true));
    let Ok(Command::Access(asked)) = parse(&["access", "f"]) else { panic!() };
    assert_eq!(asked.format, Format::Text);
    let Ok(Command::Diff(asked)) = parse(&["diff", "f", "g", "--fail-on", "start,any"]) else { panic!() };
    assert_eq!(asked.fail_on.len(), 2);
    let Ok(Command::WhoAmI(asked)) = parse(&["whoami", "f", "--jwks", "k"]) else { panic!() };
    assert!(asked.token_file.is_none() && asked.jwks.is_some());
    assert!(parse(&["whoami", "f", "token"]).unwrap_err().contains("unexpected argument"));
}

#[test]
fn schema_takes_nothing() {
    assert!(matches!(parse(&["schema"]), Ok(Command::Schema)));
}

#[test]
fn explain_takes_a_caller_and_a_call() {
    let claims = question(&["--claims", " {}\n", "--namespace=n"]).unwrap();
    assert_eq!((claims.claims.as_deref(), &*claims.namespace, claims.request), (Some("{}"), "n", None));
    let peer = question(&["--peer", "spiffe://a/b", "--request", "{}", "--at", "1970-01-01T00:00:01Z"]).unwrap();
    assert_eq!((peer.peer.as_deref(), peer.claims, peer.time.at()), (Some("spiffe://a/b"), None, SECOND));
    assert_eq!((peer.request.as_deref(), &*peer.namespace), (Some("{}"), ""));
    assert!(question(&["--claims", "{}", "--issuer", "i", "--peer", "p"]).is_ok());
    assert!(question(&["--token", "x", "--peer", "p"]).is_ok());
    let header = question(&["--token", "x", "--header", "X-Svid"]).unwrap().header;
    assert_eq!(header.as_deref(), Some("x-svid"), "as Envoy sends it");
}

#[test]
fn help_is_not_an_error() {
    for args in [&["--help"][..], &["check", "-h"], &["explain", "--help"], &["help", "test"]] {
        assert!(parse(args).unwrap_err().contains("Usage: temporal-auth"), "{args:?}");
    }
}

#[test]
fn mistakes_say_what_is_wrong() {
    let mistakes: [(&[&str], &str); 13] = [
        (&[], "Usage: temporal-auth <COMMAND>"),
        (&["explane", "f"], "similar subcommands exist: 'replay', 'explain'"),
        (&["check"], "<FILE>..."),
        (&["check", "--deny-warning", "f"], "a similar argument exists: '--deny-warnings'"),
        (&["test"], "<FILE>..."),
        (&["schema", "f"], "unexpected argument 'f'"),
        (&["check", "--peer", "x", "f"], "unexpected argument '--peer'"),
        (&["check", "--request", "{}", "f"], "unexpected argument '--request'"),
        (&["schema", "--at", "2026-12-24T18:00:00Z"], "unexpected argument '--at'"),
        (&["check", "f", "--at"], "a value is required for '--at <TIME>'"),
        (&["check", "--at", "tomorrow", "f"], "'tomorrow' for '--at <TIME>': expected a date and time"),
        (&["explain", "--method", "m", "--claims", "{}"], "<FILE>"),
        (&["explain", "f", "--claims", "{}"], "--method <NAME>"),
    ];
    for (args, expected) in mistakes {
        let error = parse(args).unwrap_err();
        assert!(error.contains(expected), "{args:?}: {error}");
    }
}

#[test]
fn mistakes_about_a_caller_say_what_is_wrong() {
    let mistakes: [(&[&str], &str); 10] = [
        (&["--header", "x-svid", "--claims", "{}"], "cannot be used with"),
        (&["--header", "x-svid", "--peer", "p"], "--token <JWT>"),
        (&["--token", "x", "--header", "a:b"], "expected the name of a header"),
        (&[], "<--token <JWT>|--claims <JSON>|--peer <NAME>>"),
        (&["--claims", "{}", "--token", "x"], "cannot be used with"),
        (&["--issuer", "i", "--token", "x"], "cannot be used with"),
        (&["--issuer", "i", "--peer", "x"], "--claims <JSON>"),
        (&["--peer", ""], "a value is required for '--peer <NAME>'"),
        (&["--claims", "{}", "--request"], "a value is required for '--request <JSON>'"),
        (&["--claims", "@/nothing/here"], "cannot read /nothing/here"),
    ];
    for (args, expected) in mistakes {
        let error = question(args).unwrap_err();
        assert!(error.contains(expected), "{args:?}: {error}");
    }
}

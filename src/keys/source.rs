//! Where an issuer's keys come from and how they are kept fresh: clock and answers in, requests out.
//!
//! Times are milliseconds since 1970.

use serde_json::Value;

use super::jwk::{Found, KeySet};
use super::url::Url;
use crate::token::jose::Algorithm;
use crate::wire::json;

/// The longest pause after failed fetches: longer, and callers would notice that the provider is back only late.
const MAX_RETRY: u64 = 10_000;

/// Keys that are fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// The issuer whose discovery document leads to the key set; none where `start` is the key set.
    pub discover: Option<String>,
    /// Where fetching starts.
    pub start: Url,
    /// The cluster that serves `start`.
    pub cluster: String,
    /// The cluster that serves a discovered key set.
    pub jwks_cluster: String,
    /// How often to fetch.
    pub refresh: u64,
    /// How long keys are used after the last good fetch began.
    pub max_stale: u64,
    /// How long a request waits for its key.
    pub wait: u64,
    /// How long one request to the provider may take.
    pub timeout: u64,
    /// The pause after a failed fetch; it doubles each time.
    pub retry: u64,
    /// Unknown keys cause at most one fetch in this time.
    pub refetch: u64,
}

/// A request to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Get {
    /// The cluster to send it to.
    pub cluster: String,
    /// What to ask for.
    pub url: Url,
    /// How long it may take.
    pub timeout: u64,
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Another request follows.
    Get(Get),
    /// There are new keys.
    Loaded,
    /// The fetch failed, for this reason; the old keys stay.
    Failed(String),
}

/// What there is for a token.
#[derive(Debug, Clone)]
pub enum Lookup {
    /// Its key.
    Key(std::rc::Rc<super::Key>),
    /// The issuer has no such key: the token is bad.
    No(&'static str),
    /// It cannot be said yet.
    Wait,
}

/// The keys of one issuer.
#[derive(Debug)]
pub enum Source {
    /// From the configuration.
    Inline(KeySet),
    /// Fetched.
    Remote(Box<Fetched>),
}

/// Fetched keys and the state of fetching.
#[derive(Debug)]
pub struct Fetched {
    remote: Remote,
    keys: Option<(KeySet, u64)>,
    fetching: Option<Fetching>,
    /// When the next fetch is due whether or not anybody asks.
    due: u64,
    /// When the last fetch began.
    began: Option<u64>,
    failures: u32,
    wanted: bool,
}

#[derive(Debug, Clone, Copy)]
struct Fetching {
    began: u64,
    /// When to stop waiting for an answer that the host owes us.
    lost: u64,
    discovery: bool,
}

impl Source {
    /// Keys to be fetched; the first fetch is due at once.
    #[must_use]
    pub fn remote(remote: Remote) -> Self {
        let fetched = Fetched { remote, keys: None, fetching: None, due: 0, began: None, failures: 0, wanted: false };
        Self::Remote(Box::new(fetched))
    }

    /// How long a request waits for its key.
    #[must_use]
    pub fn wait(&self) -> u64 {
        match self {
            Self::Inline(_) => 0,
            Self::Remote(fetched) => fetched.remote.wait,
        }
    }

    /// The key for a token of a request that arrived at `arrived`. An unknown `kid` asks for a fetch; only a set whose
    /// fetch began after the request arrived can say that there is no such key.
    pub fn find(&mut self, kid: &str, algorithm: Algorithm, arrived: u64, now: u64) -> Lookup {
        let found = |set: &KeySet, fresh: bool| match set.find(kid, algorithm) {
            Found::Key(key) => Lookup::Key(key),
            Found::Unfit if fresh => Lookup::No("the key of this kid is for another algorithm"),
            Found::Nothing if fresh => Lookup::No("the issuer has no key of this kid"),
            Found::Unfit | Found::Nothing => Lookup::Wait,
        };
        match self {
            Self::Inline(set) => found(set, true),
            Self::Remote(fetched) => {
                let lookup = fetched.usable(now).map_or(Lookup::Wait, |(set, began)| found(set, *began > arrived));
                // A fetch under way may bring it; whoever still waits afterwards asks again.
                fetched.wanted |= matches!(lookup, Lookup::Wait) && fetched.fetching.is_none();
                lookup
            }
        }
    }

    /// Whether a token that was verified with this key may still be believed.
    #[must_use]
    pub fn has(&self, jwk: &[u8], now: u64) -> bool {
        match self {
            Self::Inline(set) => set.contains(jwk),
            Self::Remote(fetched) => fetched.usable(now).is_some_and(|(set, _)| set.contains(jwk)),
        }
    }

    /// The request to make now, if any.
    pub fn poll(&mut self, now: u64) -> Option<Get> {
        let Self::Remote(fetched) = self else { return None };
        fetched.turn_back(now);
        if fetched.fetching.is_some_and(|fetching| now >= fetching.lost) {
            fetched.fail(now);
        }
        let rested = fetched.began.is_none_or(|began| now >= began.saturating_add(fetched.remote.refetch));
        // After a failure the pause counts, however many ask.
        let asked = fetched.wanted && rested && fetched.failures == 0;
        if fetched.fetching.is_some() || !(now >= fetched.due || asked) {
            return None;
        }
        fetched.wanted = false;
        fetched.began = Some(now);
        Some(fetched.get(now, now, fetched.remote.start.clone(), fetched.remote.discover.is_some()))
    }

    /// The answer to the request made last: a status and a body, or none when there was no answer.
    pub fn answer(&mut self, now: u64, answer: Option<(&[u8], &[u8])>) -> Next {
        let Self::Remote(fetched) = self else { return Next::Failed("an answer to nothing".to_owned()) };
        let Some(fetching) = fetched.fetching.take() else { return Next::Failed("an answer to nothing".to_owned()) };
        match fetched.read(fetching, answer) {
            Ok(Some(url)) => Next::Get(fetched.get(now, fetching.began, url, false)),
            Ok(None) => {
                fetched.failures = 0;
                fetched.due = now.saturating_add(fetched.remote.refresh);
                Next::Loaded
            }
            Err(why) => {
                fetched.fail(now);
                Next::Failed(why)
            }
        }
    }

    /// Whether a fetch is under way or asked for.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Remote(fetched) if fetched.fetching.is_some() || fetched.wanted || fetched.keys.is_none())
    }
}

impl Fetched {
    /// Lets nothing lie in the future when the clock was set back: keys would stay for as long, and a set fetched long
    /// ago would seem fresh.
    fn turn_back(&mut self, now: u64) {
        if self.began.is_none_or(|began| began <= now) {
            return;
        }
        self.began = Some(now);
        self.due = now;
        if let Some((_, began)) = &mut self.keys {
            *began = now;
        }
        if let Some(fetching) = &mut self.fetching {
            fetching.began = now;
            fetching.lost = now.saturating_add(self.remote.timeout.saturating_mul(2));
        }
    }

    fn usable(&self, now: u64) -> Option<&(KeySet, u64)> {
        self.keys.as_ref().filter(|(_, began)| now < began.saturating_add(self.remote.max_stale))
    }

    fn get(&mut self, now: u64, began: u64, url: Url, discovery: bool) -> Get {
        let timeout = self.remote.timeout;
        // The host answers a call that runs out of time; twice the time means that it forgot.
        self.fetching = Some(Fetching { began, lost: now.saturating_add(timeout.saturating_mul(2)), discovery });
        let discovered = self.remote.discover.is_some() && !discovery;
        let cluster = if discovered { &self.remote.jwks_cluster } else { &self.remote.cluster };
        Get { cluster: cluster.clone(), url, timeout }
    }

    fn fail(&mut self, now: u64) {
        self.fetching = None;
        let pause = self.remote.retry.saturating_mul(1u64.checked_shl(self.failures.min(32)).unwrap_or(u64::MAX));
        self.due = now.saturating_add(pause.min(MAX_RETRY.max(self.remote.retry)));
        self.failures = self.failures.saturating_add(1);
    }

    /// Reads an answer: the URL of the key set from a discovery document, or the keys themselves.
    fn read(&mut self, fetching: Fetching, answer: Option<(&[u8], &[u8])>) -> Result<Option<Url>, String> {
        let (status, body) = answer.ok_or("no answer")?;
        if status != b"200" {
            return Err(format!("status {}", String::from_utf8_lossy(status)));
        }
        if !fetching.discovery {
            self.keys = Some((KeySet::parse(body)?, fetching.began));
            return Ok(None);
        }
        if body.len() > super::jwk::MAX_DOCUMENT {
            return Err(format!("a discovery document of {} bytes", body.len()));
        }
        let document = json::parse_object(body)?;
        let text = |name: &str| document.get(name).and_then(Value::as_str);
        if text("issuer") != self.remote.discover.as_deref() {
            return Err("the discovery document is another issuer's".to_owned());
        }
        let url = text("jwks_uri").and_then(Url::parse).ok_or("the discovery document has no jwks_uri")?;
        if self.remote.start.https && !url.https {
            return Err("the discovery document's jwks_uri leaves https".to_owned());
        }
        Ok(Some(url))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = r#"{"kty":"OKP","crv":"Ed25519","kid":"KID","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

    fn keys(kids: &[&str]) -> String {
        let list: Vec<_> = kids.iter().map(|kid| KEY.replace("KID", kid)).collect();
        format!(r#"{{"keys":[{}]}}"#, list.join(","))
    }

    fn remote() -> Remote {
        Remote {
            discover: None,
            start: Url::parse("https://idp/jwks").unwrap(),
            cluster: "idp".into(),
            jwks_cluster: "keys".into(),
            refresh: 600_000,
            max_stale: 3_600_000,
            wait: 5_000,
            timeout: 5_000,
            retry: 1_000,
            refetch: 2_000,
        }
    }

    fn load(source: &mut Source, now: u64, kids: &[&str]) {
        assert!(source.poll(now).is_some(), "a fetch is due at {now}");
        assert_eq!(source.answer(now + 1, Some((b"200", keys(kids).as_bytes()))), Next::Loaded);
    }

    fn find(source: &mut Source, kid: &str, arrived: u64, now: u64) -> &'static str {
        match source.find(kid, Algorithm::EdDsa, arrived, now) {
            Lookup::Key(_) => "key",
            Lookup::No(_) => "no",
            Lookup::Wait => "wait",
        }
    }

    #[test]
    fn the_first_fetch_is_due_at_once_and_the_next_after_the_interval() {
        let mut source = Source::remote(remote());
        assert_eq!(find(&mut source, "a", 5, 5), "wait");
        load(&mut source, 10, &["a"]);
        assert_eq!(find(&mut source, "a", 5, 11), "key");
        assert!(source.poll(600_000).is_none() && source.poll(600_011).is_some());
        assert!(source.poll(600_012).is_none(), "one at a time");
    }

    #[test]
    fn an_unknown_kid_waits_for_a_set_fetched_after_it_arrived() {
        let mut source = Source::remote(remote());
        load(&mut source, 1000, &["a"]);
        assert_eq!(find(&mut source, "b", 2000, 2000), "wait");
        assert!(source.poll(2999).is_none(), "not more often than allowed");
        assert!(source.poll(3000).is_some());
        assert_eq!(find(&mut source, "c", 3001, 3001), "wait", "arrived after the fetch began");
        source.answer(3002, Some((b"200", keys(&["a", "b"]).as_bytes())));
        assert_eq!(find(&mut source, "b", 2000, 3003), "key");
        assert_eq!(find(&mut source, "x", 2000, 3003), "no");
        assert_eq!(find(&mut source, "c", 3001, 3003), "wait");
        load(&mut source, 5000, &["a", "b"]);
        assert_eq!(find(&mut source, "c", 3001, 5002), "no");
    }

    #[test]
    fn a_flood_of_unknown_kids_does_not_fetch_more_often() {
        let mut source = Source::remote(remote());
        load(&mut source, 0, &["a"]);
        let mut fetches = 0;
        for now in 2..20_000 {
            find(&mut source, &now.to_string(), now, now);
            if source.poll(now).is_some() {
                fetches += 1;
                source.answer(now, Some((b"200", keys(&["a"]).as_bytes())));
            }
        }
        assert_eq!(fetches, 9);
    }

    #[test]
    fn failures_keep_the_keys_and_back_off() {
        let mut source = Source::remote(remote());
        load(&mut source, 0, &["a"]);
        let mut now = 600_001;
        let page = keys(&["b"]);
        let bad: [Option<(&[u8], &[u8])>; 6] = [
            None,
            Some((b"503", page.as_bytes())),
            Some((b"301", page.as_bytes())),
            Some((b"200", b"<html>")),
            Some((b"200", b"{\"keys\":[]}")),
            Some((b"200", b"{}")),
        ];
        for (answer, pause) in bad.into_iter().zip([1000, 2000, 4000, 8000, 10_000, 10_000]) {
            assert!(source.poll(now).is_some());
            assert!(matches!(source.answer(now, answer), Next::Failed(_)));
            assert_eq!(find(&mut source, "unknown", now, now), "wait");
            assert!(source.poll(now + pause - 1).is_none());
            assert_eq!(find(&mut source, "a", now, now), "key");
            now += pause;
        }
        load(&mut source, now, &["a"]);
        assert!(source.poll(now + 599_999).is_none(), "a good fetch ends the back-off");
    }

    #[test]
    fn one_unknown_kid_causes_one_fetch() {
        let mut source = Source::remote(remote());
        load(&mut source, 0, &["a"]);
        assert_eq!(find(&mut source, "b", 10_000, 10_000), "wait");
        assert!(source.poll(10_010).is_some());
        for now in 10_011..10_200 {
            assert_eq!(find(&mut source, "b", 10_000, now), "wait");
        }
        source.answer(10_200, Some((b"200", keys(&["a"]).as_bytes())));
        assert_eq!(find(&mut source, "b", 10_000, 10_201), "no");
        assert!((10_202..60_000).all(|now| source.poll(now).is_none()));
    }

    #[test]
    fn a_clock_set_back_does_not_stop_the_keys() {
        let mut source = Source::remote(remote());
        load(&mut source, 9_000_000, &["a"]);
        assert!(source.poll(1_000).is_some(), "due at once");
        source.answer(1_001, Some((b"200", keys(&["b"]).as_bytes())));
        assert_eq!((find(&mut source, "b", 1_002, 1_002), find(&mut source, "a", 1_002, 1_002)), ("key", "wait"));
        assert!(source.poll(601_001).is_some());
    }

    #[test]
    fn a_key_that_changes_its_algorithm_is_fetched_anew() {
        let mut source = Source::remote(remote());
        load(&mut source, 0, &["a"]);
        assert!(matches!(source.find("a", Algorithm::Es256, 3_000, 3_000), Lookup::Wait));
        load(&mut source, 3_001, &["a"]);
        assert!(matches!(source.find("a", Algorithm::Es256, 3_000, 3_003), Lookup::No(_)));
    }

    #[test]
    fn keys_are_used_no_longer_than_max_stale() {
        let mut source = Source::remote(remote());
        load(&mut source, 0, &["a"]);
        let jwk = match source.find("a", Algorithm::EdDsa, 0, 10) {
            Lookup::Key(key) => key.jwk.clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!((find(&mut source, "a", 0, 3_599_999), source.has(&jwk, 3_599_999)), ("key", true));
        assert_eq!((find(&mut source, "a", 0, 3_600_000), source.has(&jwk, 3_600_000)), ("wait", false));
    }

    #[test]
    fn an_answer_that_never_comes_is_given_up() {
        let mut source = Source::remote(remote());
        assert!(source.poll(0).is_some() && source.poll(9_999).is_none());
        assert!(source.poll(10_000).is_none(), "it backs off first");
        assert!(source.poll(11_000).is_some());
        assert!(matches!(source.answer(11_001, None), Next::Failed(_)));
        assert!(
            matches!(source.answer(11_002, Some((b"200", keys(&["a"]).as_bytes()))), Next::Failed(_)),
            "a late answer"
        );
        assert_eq!(find(&mut source, "a", 0, 11_003), "wait");
    }

    #[test]
    fn discovery_leads_to_the_keys() {
        let issuer = "https://idp/realm";
        let discovering = || {
            let start = Url::parse(issuer).unwrap().discovery();
            Source::remote(Remote { discover: Some(issuer.into()), start, ..remote() })
        };
        let mut source = discovering();
        let first = source.poll(0).unwrap();
        assert_eq!(
            (first.cluster.as_str(), first.url.path.as_str()),
            ("idp", "/realm/.well-known/openid-configuration")
        );
        let document = br#"{"issuer":"https://idp/realm","jwks_uri":"https://keys.idp/k"}"#;
        let Next::Get(second) = source.answer(1, Some((b"200", document))) else { panic!() };
        assert_eq!((second.cluster.as_str(), second.url.to_string().as_str()), ("keys", "https://keys.idp/k"));
        assert_eq!(source.answer(2, Some((b"200", keys(&["a"]).as_bytes()))), Next::Loaded);
        assert_eq!(find(&mut source, "a", 5, 5), "key");
        for bad in [
            &br#"{"issuer":"https://evil/","jwks_uri":"https://keys.idp/k"}"#[..],
            br#"{"issuer":"https://idp/realm"}"#,
            br#"{"issuer":"https://idp/realm","jwks_uri":"http://keys.idp/k"}"#,
            br#"{"issuer":"https://idp/realm","jwks_uri":"file:///k"}"#,
        ] {
            let mut source = discovering();
            source.poll(0);
            assert!(matches!(source.answer(1, Some((b"200", bad))), Next::Failed(_)));
        }
    }

    #[test]
    fn inline_keys_say_at_once_what_they_lack() {
        let mut source = Source::Inline(KeySet::parse(keys(&["a"]).as_bytes()).unwrap());
        assert_eq!((find(&mut source, "a", 0, 0), find(&mut source, "b", 0, 0)), ("key", "no"));
        assert!(source.poll(0).is_none());
    }
}

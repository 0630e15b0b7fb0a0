use super::*;
use crate::keys::Url;
use crate::keys::shared::tests::FakeSharedData;
use crate::keys::{NoResponse, ShareKey, SharedData};
use crate::token::jose::KidRule;

/// The scope of the configuration in [`vm_with`].
const SCOPE: &str = "71df32a05abb63f58e60ae1df591e788";
const KEY: &str = r#"{"kty":"OKP","crv":"Ed25519","kid":"KID","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

fn keys(kids: &[&str]) -> String {
    let list: Vec<_> = kids.iter().map(|kid| KEY.replace("KID", kid)).collect();
    format!(r#"{{"keys":[{}]}}"#, list.join(","))
}

fn settings() -> JwksSettings {
    JwksSettings {
        discover: None,
        start: Url::parse("https://idp/jwks").unwrap(),
        cluster: "idp".into(),
        jwks_cluster: "keys".into(),
        refresh: Duration::from_millis(600_000),
        max_stale: Duration::from_millis(3_600_000),
        wait: Duration::from_millis(5_000),
        timeout: Duration::from_millis(5_000),
        retry: Duration::from_millis(1_000),
        refetch: Duration::from_millis(2_000),
        kid_rule: KidRule::Required,
    }
}

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// A VM of a process: an issuer's keys, and the shared data in which they are published.
struct Vm {
    source: KeySource,
    shared: SharedKeys<'static>,
}

fn shared_data() -> &'static FakeSharedData {
    Box::leak(Box::default())
}

fn vm_with(data: &'static dyn SharedData, source: KeySource) -> Vm {
    let secret = Box::leak(Box::new(ShareKey::of(b"configuration")));
    Vm { source, shared: SharedKeys::new(data, secret, "corp") }
}

/// The only VM of its process.
fn only_vm(settings: JwksSettings) -> Vm {
    vm_with(shared_data(), KeySource::fetched(settings, 0))
}

impl Vm {
    fn poll(&mut self, now: u64) -> Option<HttpRequest> {
        self.source.poll(&self.shared, at(now))
    }
    fn respond(&mut self, now: u64, response: KeyResponse<'_>) -> FetchProgress {
        self.source.on_response(&self.shared, response, at(now))
    }
    fn sync(&mut self, now: u64) -> bool {
        self.source.sync(&self.shared, at(now))
    }
    fn find(&mut self, kid: &str, algorithm: Algorithm, arrived: u64, now: u64) -> KeyLookup {
        self.source.find(Some(kid), algorithm, at(arrived), at(now))
    }
}

fn load(vm: &mut Vm, now: u64, kids: &[&str]) {
    assert!(vm.poll(now).is_some(), "a fetch is due at {now}");
    let progress = vm.respond(now + 1, Ok((b"200", keys(kids).as_bytes())));
    assert!(matches!(progress, FetchProgress::Loaded), "{progress:?}");
}

fn find(vm: &mut Vm, kid: &str, arrived: u64, now: u64) -> &'static str {
    match vm.find(kid, Algorithm::EdDsa, arrived, now) {
        KeyLookup::Candidates(_) => "key",
        KeyLookup::Absent | KeyLookup::WrongAlgorithm | KeyLookup::Unusable(_) | KeyLookup::TooMany(_) => "no",
        KeyLookup::Pending => "wait",
    }
}

#[test]
fn the_first_fetch_is_due_at_once_and_the_next_after_refresh() {
    let mut vm = only_vm(settings());
    assert_eq!(find(&mut vm, "a", 5, 5), "wait");
    load(&mut vm, 10, &["a"]);
    assert_eq!(find(&mut vm, "a", 5, 11), "key");
    assert!(vm.poll(600_000).is_none() && vm.poll(600_011).is_some());
    assert!(vm.poll(600_012).is_none(), "one fetch at a time");
}

#[test]
fn an_unknown_kid_waits_for_a_set_fetched_after_it_arrived() {
    let mut vm = only_vm(settings());
    load(&mut vm, 1000, &["a"]);
    assert_eq!(find(&mut vm, "b", 2000, 2000), "wait");
    assert!(vm.poll(2999).is_none(), "not more often than allowed");
    assert!(vm.poll(3000).is_some());
    assert_eq!(find(&mut vm, "c", 3001, 3001), "wait", "arrived after the fetch began");
    vm.respond(3002, Ok((b"200", keys(&["a", "b"]).as_bytes())));
    assert_eq!(find(&mut vm, "b", 2000, 3003), "key");
    assert_eq!(find(&mut vm, "x", 2000, 3003), "no");
    assert_eq!(find(&mut vm, "c", 3001, 3003), "wait");
    load(&mut vm, 5000, &["a", "b"]);
    assert_eq!(find(&mut vm, "c", 3001, 5002), "no");
}

#[test]
fn a_flood_of_unknown_kids_does_not_fetch_more_often() {
    let mut vm = only_vm(settings());
    load(&mut vm, 0, &["a"]);
    let mut fetches = 0;
    for now in 2..20_000 {
        find(&mut vm, &now.to_string(), now, now);
        if vm.poll(now).is_some() {
            fetches += 1;
            vm.respond(now, Ok((b"200", keys(&["a"]).as_bytes())));
        }
    }
    assert_eq!(fetches, 9);
}

/// Whether a signature that no key made is proven to be wrong for a request that arrived and asks now.
fn proves(vm: &mut Vm, now: u64) -> bool {
    vm.source.proves_mismatch(at(now), at(now))
}

#[test]
fn a_mismatch_is_proven_by_a_set_fetched_after_it_arrived() {
    let mut vm = only_vm(settings());
    load(&mut vm, 1000, &["a"]);
    let revision = vm.source.revision();
    assert!(!proves(&mut vm, 1500) && vm.poll(2999).is_none(), "not more often than allowed");
    load(&mut vm, 3000, &["a"]);
    assert!(vm.source.proves_mismatch(at(1500), at(3002)));
    assert!(!vm.source.proves_mismatch(at(3001), at(3002)), "arrived after the fetch began");
    assert_eq!(vm.source.revision(), revision, "the keys are the same");
    load(&mut vm, 10_000, &["b"]);
    assert!(vm.source.revision() > revision);
}

#[test]
fn inline_keys_prove_each_mismatch() {
    let set = KeySet::parse(keys(&["a"]).as_bytes(), KidRule::Required).unwrap();
    assert!(KeySource::Inline(set).proves_mismatch(at(5), at(5)));
}

/// When mismatches cause a fetch, from `from` until `until`. `kid` is the one that the fetches bring.
fn fetches_of_mismatches(vm: &mut Vm, from: u64, until: u64, kid: &str) -> Vec<u64> {
    let mut fetches = Vec::new();
    for now in (from..until).step_by(10) {
        assert!(!proves(vm, now));
        if vm.poll(now).is_some() {
            fetches.push(now);
            assert!(matches!(vm.respond(now, Ok((b"200", keys(&[kid]).as_bytes()))), FetchProgress::Loaded));
        }
    }
    fetches
}

#[test]
fn a_flood_of_mismatches_fetches_less_and_less_often() {
    let mut vm = only_vm(settings());
    load(&mut vm, 0, &["a"]);
    let seconds = |fetches: Vec<u64>| fetches.into_iter().map(|millis| millis / 1000).collect::<Vec<_>>();
    assert_eq!(seconds(fetches_of_mismatches(&mut vm, 10, 130_000, "a")), [2, 6, 14, 30, 60, 90, 120]);
    // The set changes: the issuer has replaced the key, so the next mismatch may mean another replacement.
    assert_eq!(seconds(fetches_of_mismatches(&mut vm, 130_000, 160_000, "b")), [150, 152, 156]);
}

#[test]
fn mismatches_and_unknown_kids_share_their_fetches() {
    let mut vm = only_vm(settings());
    load(&mut vm, 0, &["a"]);
    let mut fetches = 0;
    for now in 2..20_000 {
        find(&mut vm, &now.to_string(), now, now);
        proves(&mut vm, now);
        if vm.poll(now).is_some() {
            fetches += 1;
            vm.respond(now, Ok((b"200", keys(&["a"]).as_bytes())));
        }
    }
    assert_eq!(fetches, 9);
    assert!(
        find(&mut vm, "b", 30_000, 30_000) == "wait" && vm.poll(30_000).is_some(),
        "an unknown kid does not wait for mismatches"
    );
}

#[test]
fn keys_of_another_vm_end_a_mismatch() {
    let data = shared_data();
    let [mut one, mut other] = [0, 0].map(|spread| vm_with(data, KeySource::fetched(settings(), spread)));
    load(&mut one, 10, &["a"]);
    assert!(other.sync(20) && !proves(&mut other, 2_000));
    assert_eq!(find(&mut one, "b", 2_500, 2_500), "wait");
    load(&mut one, 2_500, &["a"]);
    assert!(other.sync(2_600) && other.source.proves_mismatch(at(2_000), at(2_600)));
    assert!(other.poll(2_600).is_none());
}

#[test]
fn failures_keep_the_keys_and_back_off() {
    let mut vm = only_vm(settings());
    load(&mut vm, 0, &["a"]);
    let mut now = 600_001;
    let page = keys(&["b"]);
    let bad: [KeyResponse<'_>; 6] = [
        Err(NoResponse::Lost),
        Ok((b"503", page.as_bytes())),
        Ok((b"301", page.as_bytes())),
        Ok((b"200", b"<html>")),
        Ok((b"200", b"{\"keys\":[]}")),
        Ok((b"200", b"{}")),
    ];
    for (response, pause) in bad.into_iter().zip([1000, 2000, 4000, 8000, 10_000, 10_000]) {
        assert!(vm.poll(now).is_some());
        assert!(matches!(vm.respond(now, response), FetchProgress::Failed(_)));
        assert_eq!(find(&mut vm, "unknown", now, now), "wait");
        assert!(vm.poll(now + pause - 1).is_none());
        assert_eq!(find(&mut vm, "a", now, now), "key");
        now += pause;
    }
    load(&mut vm, now, &["a"]);
    assert!(vm.poll(now + 599_999).is_none(), "a good fetch ends the back-off");
}

#[test]
fn one_unknown_kid_causes_one_fetch() {
    let mut vm = only_vm(settings());
    load(&mut vm, 0, &["a"]);
    assert_eq!(find(&mut vm, "b", 10_000, 10_000), "wait");
    assert!(vm.poll(10_010).is_some());
    for now in 10_011..10_200 {
        assert_eq!(find(&mut vm, "b", 10_000, now), "wait");
    }
    vm.respond(10_200, Ok((b"200", keys(&["a"]).as_bytes())));
    assert_eq!(find(&mut vm, "b", 10_000, 10_201), "no");
    assert!((10_202..60_000).all(|now| vm.poll(now).is_none()));
}

#[test]
fn refreshing_survives_a_clock_that_is_set_back() {
    let mut vm = only_vm(settings());
    load(&mut vm, 9_000_000, &["a"]);
    assert_eq!(find(&mut vm, "b", 999, 999), "wait", "the set is from before the clock was set back");
    assert!(vm.poll(1_000).is_some(), "due at once");
    vm.respond(1_001, Ok((b"200", keys(&["b"]).as_bytes())));
    assert_eq!((find(&mut vm, "b", 1_002, 1_002), find(&mut vm, "a", 1_002, 1_002)), ("key", "wait"));
    assert!(vm.poll(601_001).is_some());
}

#[test]
fn a_key_that_changes_its_algorithm_is_fetched_again() {
    let mut vm = only_vm(settings());
    load(&mut vm, 0, &["a"]);
    assert!(matches!(vm.find("a", Algorithm::Es256, 3_000, 3_000), KeyLookup::Pending));
    load(&mut vm, 3_001, &["a"]);
    assert!(matches!(vm.find("a", Algorithm::Es256, 3_000, 3_003), KeyLookup::WrongAlgorithm));
}

#[test]
fn keys_are_used_no_longer_than_max_stale() {
    let mut vm = only_vm(settings());
    load(&mut vm, 0, &["a"]);
    let jwk = match vm.find("a", Algorithm::EdDsa, 0, 10) {
        KeyLookup::Candidates(keys) => keys[0].jwk.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!((find(&mut vm, "a", 0, 3_599_999), vm.source.has(&jwk, at(3_599_999))), ("key", true));
    assert_eq!((find(&mut vm, "a", 0, 3_600_000), vm.source.has(&jwk, at(3_600_000))), ("wait", false));
}

#[test]
fn the_lifetime_is_that_of_the_last_good_fetch() {
    let lifetime = |vm: &Vm| vm.source.lifetime().map(|keys| (keys.fetched_at.as_secs(), keys.expire_at.as_secs()));
    let mut vm = only_vm(settings());
    assert_eq!(lifetime(&vm), Some((0, 0)));
    load(&mut vm, 1_000, &["a"]);
    assert_eq!(lifetime(&vm), Some((1, 3_601)));
    assert!(vm.poll(601_001).is_some());
    vm.respond(601_002, Err(NoResponse::Lost));
    assert_eq!(lifetime(&vm), Some((1, 3_601)), "a failed fetch");
    load(&mut vm, 603_000, &["a"]);
    assert_eq!(lifetime(&vm), Some((603, 4_203)));
    let inline = KeySource::Inline(KeySet::parse(keys(&["a"]).as_bytes(), KidRule::Required).unwrap());
    assert_eq!(inline.lifetime(), None);
}

#[test]
fn a_response_that_never_comes_is_given_up() {
    let mut vm = only_vm(settings());
    assert!(vm.poll(0).is_some() && vm.poll(9_999).is_none());
    assert!(vm.poll(10_000).is_none(), "it backs off first");
    assert!(vm.poll(11_000).is_some());
    assert!(matches!(vm.respond(11_001, Err(NoResponse::Lost)), FetchProgress::Failed(_)));
    assert!(
        matches!(vm.respond(11_002, Ok((b"200", keys(&["a"]).as_bytes()))), FetchProgress::Failed(_)),
        "a late response"
    );
    assert_eq!(find(&mut vm, "a", 0, 11_003), "wait");
}

#[test]
fn discovery_leads_to_the_keys() {
    let issuer = "https://idp/realm";
    let discovering = || {
        let start = Url::parse(issuer).unwrap().discovery();
        only_vm(JwksSettings { discover: Some(issuer.into()), start, ..settings() })
    };
    let mut vm = discovering();
    let first = vm.poll(0).unwrap();
    assert_eq!((first.cluster.as_str(), first.url.path.as_str()), ("idp", "/realm/.well-known/openid-configuration"));
    let document = br#"{"issuer":"https://idp/realm","jwks_uri":"https://keys.idp/k"}"#;
    let FetchProgress::Request(second) = vm.respond(1, Ok((b"200", document))) else { panic!() };
    assert_eq!((second.cluster.as_str(), second.url.to_string().as_str()), ("keys", "https://keys.idp/k"));
    let progress = vm.respond(2, Ok((b"200", keys(&["a"]).as_bytes())));
    assert!(matches!(progress, FetchProgress::Loaded), "{progress:?}");
    assert_eq!(find(&mut vm, "a", 5, 5), "key");
    for bad in [
        &br#"{"issuer":"https://evil/","jwks_uri":"https://keys.idp/k"}"#[..],
        br#"{"issuer":"https://idp/realm"}"#,
        br#"{"issuer":"https://idp/realm","jwks_uri":"http://keys.idp/k"}"#,
        br#"{"issuer":"https://idp/realm","jwks_uri":"file:///k"}"#,
    ] {
        let mut vm = discovering();
        vm.poll(0);
        assert!(matches!(vm.respond(1, Ok((b"200", bad))), FetchProgress::Failed(_)));
    }
}

#[test]
fn inline_keys_never_wait() {
    let mut vm =
        vm_with(shared_data(), KeySource::Inline(KeySet::parse(keys(&["a"]).as_bytes(), KidRule::Required).unwrap()));
    assert_eq!((find(&mut vm, "a", 0, 0), find(&mut vm, "b", 0, 0)), ("key", "no"));
    assert!(vm.poll(0).is_none());
}

/// Runs several VMs of one process. Each ticks every 10 ms; a fetch takes 50 ms. Returns the number of fetches.
fn run(vms: &mut [Vm], from: u64, until: u64, mut provider: impl FnMut(u64) -> Option<String>) -> usize {
    let mut responses: Vec<Option<u64>> = vec![None; vms.len()];
    let mut fetches = 0;
    for now in (from..until).step_by(10) {
        for (vm, response) in vms.iter_mut().zip(&mut responses) {
            if response.take_if(|due| *due <= now).is_some() {
                let body = provider(now);
                vm.respond(now, body.as_ref().map(|body| (&b"200"[..], body.as_bytes())).ok_or(NoResponse::Lost));
            }
            vm.sync(now);
            if vm.poll(now).is_some() {
                fetches += 1;
                *response = Some(now + 50);
            }
        }
    }
    fetches
}

fn vms(count: usize) -> (Vec<Vm>, &'static FakeSharedData) {
    let data = shared_data();
    ((0..count).map(|_| vm_with(data, KeySource::fetched(settings(), 0))).collect(), data)
}

#[test]
fn one_vm_fetches_for_all() {
    let (mut vms, data) = vms(5);
    assert_eq!(run(&mut vms, 1_000, 1_300_000, |_| Some(keys(&["a"]))), 3, "one fetch for each interval of 10 minutes");
    for vm in &mut vms {
        assert_eq!(find(vm, "a", 1_299_000, 1_299_990), "key");
    }
    let mut new = vm_with(data, KeySource::fetched(settings(), 0));
    assert!(new.sync(1_299_995), "a new VM has the keys at once");
    assert_eq!(find(&mut new, "a", 1_299_995, 1_299_995), "key");
    assert!(new.poll(1_299_995).is_none(), "the new VM does not fetch");
}

#[test]
fn a_failed_fetch_counts_for_every_vm() {
    let (mut vms, _) = vms(4);
    // The pauses are 1, 2, 4, 8 and then 10 s.
    assert_eq!(run(&mut vms, 1_000, 45_000, |_| None), 7);
    assert_eq!(run(&mut vms, 45_000, 100_000, |_| Some(keys(&["a"]))), 1);
    assert!(vms.iter_mut().all(|vm| find(vm, "a", 99_000, 100_000) == "key"));
}

#[test]
fn an_unknown_kid_in_every_vm_causes_one_fetch() {
    let (mut vms, _) = vms(4);
    run(&mut vms, 1_000, 2_000, |_| Some(keys(&["a"])));
    for vm in &mut vms {
        assert_eq!(find(vm, "b", 10_000, 10_000), "wait");
    }
    assert_eq!(run(&mut vms, 10_010, 10_500, |_| Some(keys(&["a", "b"]))), 1);
    assert!(vms.iter_mut().all(|vm| find(vm, "b", 10_000, 10_500) == "key" && find(vm, "c", 10_000, 10_500) == "no"));
}

#[test]
fn other_vms_do_not_wait_forever_for_a_vm_that_died() {
    let (mut vms, _) = vms(2);
    assert!(vms[0].poll(1_000).is_some(), "the VM that dies");
    assert!((1_000..6_000).all(|now| vms[1].poll(now).is_none()));
    assert!(vms[1].poll(6_000).is_some());
}

#[test]
fn removed_keys_are_removed_in_every_vm() {
    let (mut vms, _) = vms(3);
    run(&mut vms, 1_000, 2_000, |_| Some(keys(&["a"])));
    run(&mut vms, 601_100, 602_000, |_| Some(keys(&["b"])));
    assert!(
        vms.iter_mut().all(|vm| find(vm, "b", 602_000, 602_000) == "key" && find(vm, "a", 601_000, 602_000) == "no")
    );
}

#[test]
fn a_plugin_that_overwrites_everything_only_causes_more_fetches() {
    for change in [|value: &mut Vec<u8>| value.clear(), |value: &mut Vec<u8>| value[33] ^= 1] {
        let (mut vms, data) = vms(3);
        run(&mut vms, 1_000, 2_000, |_| Some(keys(&["a"])));
        for now in (2_000..1_300_000).step_by(1000) {
            data.overwrite(|value| {
                if value.len() > 33 {
                    change(value)
                }
            });
            run(&mut vms, now, now + 20, |_| Some(keys(&["a"])));
            assert!(vms.iter_mut().all(|vm| find(vm, "a", now, now) == "key"), "{now}");
        }
        run(&mut vms, 1_300_000, 1_301_000, |_| Some(keys(&["a"])));
        assert!(
            vm_with(data, KeySource::fetched(settings(), 0)).sync(1_301_000),
            "overwritten keys are published again"
        );
    }
}

#[test]
fn an_older_key_set_does_not_replace_a_newer_one() {
    let (mut vms, data) = vms(2);
    run(&mut vms, 1_000, 2_000, |_| Some(keys(&["old"])));
    let entries = ["keys", "lease"].map(|entry| {
        let name = format!("temporal-auth/{}/corp/{entry}", SCOPE);
        (data.load(&name).unwrap().0, name)
    });
    run(&mut vms, 601_100, 602_000, |_| Some(keys(&["new"])));
    for (value, name) in &entries {
        assert!(data.store(name, value, 0));
    }
    run(&mut vms, 602_000, 603_000, |_| Some(keys(&["new"])));
    assert!(vms.iter_mut().all(|vm| find(vm, "new", 0, 603_000) == "key" && find(vm, "old", 0, 603_000) == "no"));
}

#[test]
fn a_configuration_inherits_keys_from_the_same_origin() {
    let mut old = only_vm(settings());
    load(&mut old, 1_000, &["a"]);
    let mut new =
        only_vm(JwksSettings { refresh: Duration::from_secs(60), max_stale: Duration::from_secs(120), ..settings() });
    new.source.inherit(&old.source);
    assert_eq!(find(&mut new, "a", 2_000, 2_000), "key");
    assert!(new.poll(2_000).is_none() && new.poll(61_000).is_some());
    let start = Url::parse("https://other/jwks").unwrap();
    for elsewhere in [JwksSettings { start, ..settings() }, JwksSettings { cluster: "other".into(), ..settings() }] {
        let mut new = only_vm(elsewhere);
        new.source.inherit(&old.source);
        assert_eq!(find(&mut new, "a", 2_000, 2_000), "wait");
    }
}

#[test]
fn refreshes_are_spread() {
    let mut vm = vm_with(shared_data(), KeySource::fetched(settings(), 500));
    load(&mut vm, 1_000, &["a"]);
    assert!(vm.poll(571_000).is_none() && vm.poll(571_001).is_some(), "by half of a tenth of the interval");
}

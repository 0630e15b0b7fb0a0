use super::*;

fn matches(pattern: &str, value: &str) -> bool {
    Pattern::parse(pattern).unwrap().matches(value).is_some()
}

fn captured(pattern: &str, value: &str) -> Option<String> {
    Pattern::parse(pattern).unwrap().matches(value).flatten().map(|binding| binding.value)
}

#[test]
fn literals_are_literal() {
    assert!(matches("a.b", "a.b") && !matches("a.b", "axb") && !matches("a", "A") && !matches("a", "ab"));
    assert!(matches("", "") && !matches("", "a") && !matches("a", ""));
    assert!(matches(r"\*\{x}\\", r"*{x}\") && matches(r"\{x\}", "{x}") && !matches(r"\*", "a"));
}

#[test]
fn a_star_matches_one_or_more_characters() {
    assert!(matches("*", "a") && matches("*", "ä") && !matches("*", "") && matches("*", "a:b"));
    assert!(matches("team-*", "team-a") && !matches("team-*", "team-") && matches("team-*", "team-a:b"));
    assert!(matches("repo:acme/app:*", "repo:acme/app:ref:refs/heads/main"));
    assert!(!matches("repo:acme/app:*", "repo:acme/app2:ref:refs/heads/main"));
    assert!(matches("*-dev", "a-dev") && !matches("*-dev", "-dev") && !matches("*-dev", "a-dev-x"));
    assert!(matches("a*c", "abc") && matches("a*c", "acc") && !matches("a*c", "ac"));
    assert!(matches("*a*", "xay") && !matches("*a*", "ay") && matches("*a*", "aay") && !matches("*a*", "xa"));
    assert!(matches("a*b*c", "axbxbxc") && !matches("a*b*c", "abc") && matches("a:*", "a:b"));
}

#[test]
fn matching_agrees_with_a_naive_matcher() {
    fn naive(pattern: &[u8], value: &[u8], least: usize) -> bool {
        match pattern.split_first() {
            None => value.is_empty(),
            Some((b'*', rest)) => (least..=value.len()).any(|n| naive(rest, &value[n..], least)),
            Some((literal, rest)) => value.first() == Some(literal) && naive(rest, &value[1..], least),
        }
    }
    let words = |alphabet: &'static [u8], max_length: u32| {
        let base = alphabet.len();
        (0..=max_length).flat_map(move |length| {
            (0..base.pow(length)).map(move |mut n| {
                let mut word = Vec::new();
                for _ in 0..length {
                    word.push(alphabet[n % base]);
                    n /= base;
                }
                String::from_utf8(word).unwrap()
            })
        })
    };
    for pattern in words(b"a:*", 5) {
        let Ok(parsed) = Pattern::parse(&pattern) else { continue };
        for value in words(b"a:b", 6) {
            let naive = |least| naive(pattern.as_bytes(), value.as_bytes(), least);
            assert_eq!(parsed.matches(&value).is_some(), naive(1), "{pattern} {value}");
            assert_eq!(parsed.matches_widely(&value), naive(0), "{pattern} {value}");
            assert_eq!(parsed.could_match(&value), naive(0), "{pattern} {value}");
        }
    }
}

#[test]
fn denials_match_more_than_grants() {
    let widely = |pattern: &str, value: &str| Pattern::parse(pattern).unwrap().matches_widely(value);
    assert!(widely("contractor*", "contractor") && !matches("contractor*", "contractor"));
    assert!(widely("*", "") && widely("a*c", "ac") && widely("Dev-*", "dEV-1") && widely("a", " A "));
    assert!(widely(" a", " a") && widely("x *", "x  "), "values that a grant would match");
    assert!(!widely("contractor*", "contracto") && !widely("a", "ab") && !widely("é", "É"));
    assert!(widely("*é*", "aé") && !widely("a*b", "aé"));
}

#[test]
fn denials_match_names_that_a_database_may_take_for_another() {
    let could = |pattern: &str, name: &str| Pattern::parse(pattern).unwrap().could_match(name);
    assert!(could("payroll", "PAYROLL ") && could("payroll", "päyroll") && !could("payroll", "payrol"));
    assert!(could("zürich", "zurich") && could("straße", "strasse") && could("zürich-*", "zurich-a"));
    assert!(could("zürich", "zürich") && could("zürich", "ZÜRICH") && !could("zürich", "bern"));
    assert!(could("日本", "日本") && !could("日本", "bern") && !could("payroll", "日本"));
    assert!(could("payroll-*", "payroll-x:y") && could("*", "v1:data-0") && could("*", ""));
}

#[test]
fn captured_text_is_bound_literally() {
    assert_eq!(captured("team-{team}", "team-a").as_deref(), Some("a"));
    assert_eq!(captured("{team}-runner", "x-y-runner").as_deref(), Some("x-y"));
    assert_eq!(captured("a{t}b", "ab"), None);
    assert_eq!(captured("{t}", "a:b"), None);
    let binding = [Binding { name: "team".into(), value: "*".into() }];
    let bound = Pattern::parse("{team}-*").unwrap().bind(&binding).unwrap();
    assert!(bound.matches("*-x").is_some() && bound.matches("a-x").is_none(), "nothing from a token is a pattern");
    assert!(Pattern::parse("{other}").unwrap().bind(&binding).is_none());
}

#[test]
fn malformed_patterns_are_refused() {
    for bad in ["{", "{}", "{a", "{a b}", r"\a", r"\", "**", "*{a}", "{a}{b}"] {
        assert!(Pattern::parse(bad).is_err(), "{bad}");
    }
    assert!(Pattern::parse("a}").is_ok());
    assert!(!Pattern::parse("{a}-*").unwrap().is_matcher() && !Pattern::parse("{a}-{b}").unwrap().is_matcher());
    for text in [r"a\*b", "{a}-*", r"\\", "plain"] {
        assert_eq!(Pattern::parse(text).unwrap().to_string(), text);
    }
}

//! Whether one rule is for all callers for whom another is. `true` is certain; a doubt is `false`.

use std::rc::Rc;

use temporal_auth::identity::claims::is_separator;
use temporal_auth::identity::{ClaimName, ClaimSet, Kind};
use temporal_auth::pattern::Pattern;
use temporal_auth::policy::who::Who;

use crate::patterns::containment::{Part, contains, contains_read, matcher, parts};
use crate::patterns::overlap::{Fragment, PatternReading, fragments, overlap, texts};

/// How many alternatives one `who` may be taken apart into.
const MAX_ALTERNATIVES: usize = 4096;
/// How many ways to bind captures are looked at.
const MAX_WAYS: usize = 256;

/// The callers of a `who` who match one alternative of each condition.
#[derive(Debug, Clone)]
pub(crate) struct Alternative<'a> {
    pub(crate) issuer: Option<&'a Rc<str>>,
    pub(crate) kind: Option<Kind>,
    pub(crate) subject: Option<&'a Pattern>,
    pub(crate) claims: Vec<(&'a ClaimName, &'a Pattern)>,
    pub(crate) peer: Option<&'a Pattern>,
    pub(crate) without_token: bool,
}

/// What the captures of a rule take, in terms of the captures of another.
pub(crate) type Way = Vec<(String, Vec<Part>)>;

impl<'a> Alternative<'a> {
    /// The alternatives of a `who`. `None` if they are too many to look at each.
    pub(crate) fn of(who: &'a Who) -> Option<Vec<Self>> {
        let Who { issuers, kind, subject, claims, peer, without_token } = who;
        let first = Self {
            issuer: None,
            kind: *kind,
            subject: None,
            claims: Vec::new(),
            peer: None,
            without_token: *without_token,
        };
        let mut all = vec![first];
        all = multiplied(all, issuers, |alternative, issuer| alternative.issuer = Some(issuer))?;
        all = multiplied(all, subject, |alternative, pattern| alternative.subject = Some(pattern))?;
        for (name, patterns) in &claims.0 {
            all = multiplied(all, patterns, |alternative, pattern| alternative.claims.push((name, pattern)))?;
        }
        multiplied(all, peer.as_deref().unwrap_or_default(), |alternative, pattern| alternative.peer = Some(pattern))
    }

    /// The same callers as a `who`.
    pub(crate) fn to_who(&self) -> Who {
        let claims = self.claims.iter().map(|(name, pattern)| ((*name).clone(), vec![(*pattern).clone()])).collect();
        Who {
            issuers: self.issuer.into_iter().cloned().collect(),
            kind: self.kind,
            subject: self.subject.into_iter().cloned().collect(),
            claims: ClaimSet(claims),
            peer: self.peer.map(|peer| vec![peer.clone()]),
            without_token: self.without_token,
        }
    }

    /// The names of its captures. Their positions are their numbers.
    pub(crate) fn captures(&self) -> Vec<&'a str> {
        let claims = self.claims.iter().map(|(_, pattern)| *pattern);
        let mut names: Vec<_> = claims.chain(self.subject).chain(self.peer).flat_map(Pattern::captures).collect();
        names.dedup();
        names
    }
}

/// Each alternative with each element of a condition. Without elements there is no such condition.
fn multiplied<'a, T>(
    alternatives: Vec<Alternative<'a>>,
    list: &'a [T],
    set: impl Fn(&mut Alternative<'a>, &'a T),
) -> Option<Vec<Alternative<'a>>> {
    if list.is_empty() {
        return Some(alternatives);
    }
    if alternatives.len().saturating_mul(list.len()) > MAX_ALTERNATIVES {
        return None;
    }
    let each =
        alternatives.iter().flat_map(|alternative| list.iter().map(move |element| (alternative.clone(), element)));
    Some(
        each.map(|(mut alternative, element)| {
            set(&mut alternative, element);
            alternative
        })
        .collect(),
    )
}

/// The parts of a pattern whose captures are those of these names.
pub(crate) fn numbered(pattern: &Pattern, names: &[&str]) -> Option<Vec<Part>> {
    parts(pattern, &|name| names.iter().position(|known| *known == name).map(|number| vec![Part::Captured(number)]))
}

/// The ways in which a grant's `who` certainly matches every caller of the alternative, as grants read claims. Empty if it
/// does not.
pub(crate) fn ways(wide: &Who, narrow: &Alternative<'_>) -> Vec<Way> {
    let names = narrow.captures();
    let issued = wide.issuers.is_empty() || narrow.issuer.is_some_and(|issuer| wide.issuers.contains(issuer));
    if !issued || !is_kind_and_token(wide, narrow) {
        return Vec::new();
    }
    let mut ways = vec![Vec::new()];
    if !wide.subject.is_empty() {
        ways = extended(ways, &wide.subject, narrow.subject, &names, |_, _| true);
    }
    if let Some(patterns) = &wide.peer {
        ways = extended(ways, patterns, narrow.peer, &names, |_, _| true);
    }
    for (name, patterns) in &wide.claims.0 {
        // Of several conditions on the same claim, any may be the one that implies it.
        let same = narrow.claims.iter().filter(|(known, _)| *known == name);
        ways = same
            .flat_map(|(_, pattern)| extended(ways.clone(), patterns, Some(pattern), &names, has_same_separators))
            .collect();
    }
    ways.truncate(MAX_WAYS);
    ways
}

/// Whether a grant's `who`, or `unless`, certainly matches every caller of another.
pub(crate) fn is_for_all_of(wide: &Who, narrow: &Who) -> bool {
    Alternative::of(narrow).is_some_and(|all| all.iter().all(|alternative| !ways(wide, alternative).is_empty()))
}

/// Whether the `who` of a denial certainly matches every caller of the alternative, who is a caller of a denial or of a grant.
pub(crate) fn denies_all_of(denied: Option<&Who>, narrow: &Alternative<'_>, reading: PatternReading) -> bool {
    let Some(denied) = denied else { return true };
    let issued = denied.issuers.is_empty() || narrow.issuer.is_some_and(|issuer| denied.issuers.contains(issuer));
    let implied = |patterns: &[Pattern], narrow: Option<&Pattern>| {
        narrow.is_some_and(|narrow| patterns.iter().any(|wide| is_wider(wide, narrow, reading)))
    };
    issued
        && is_kind_and_token(denied, narrow)
        && (denied.subject.is_empty() || implied(&denied.subject, narrow.subject))
        && denied.peer.as_ref().is_none_or(|patterns| implied(patterns, narrow.peer))
        && denied.claims.0.iter().all(|(name, patterns)| {
            let mut same = narrow.claims.iter().filter(|(known, _)| *known == name);
            same.any(|(_, pattern)| implied(patterns, Some(pattern)))
        })
}

/// Whether a pattern of a denial matches every value that the other pattern matches in this reading.
pub(crate) fn is_wider(wide: &Pattern, narrow: &Pattern, reading: PatternReading) -> bool {
    // White space around a value does not count, so it must not count in the patterns either.
    let is_plain = |pattern: &Pattern| pattern.literals().all(|text| text.trim() == text);
    wide == narrow
        || (is_plain(wide)
            && is_plain(narrow)
            && contains_read((&matcher(wide), PatternReading::Wide), (&matcher(narrow), reading)))
}

/// Whether a rule of a denial and a grant may be for the same caller. `false` is certain.
pub(crate) fn may_share(denied: &Who, given: &Who) -> bool {
    let is_of_tokens = !denied.issuers.is_empty() || denied.kind.is_some() || !denied.subject.is_empty();
    if given.without_token && (is_of_tokens || !denied.claims.0.is_empty()) {
        return false;
    }
    let issuers = denied.issuers.is_empty()
        || given.issuers.is_empty()
        || denied.issuers.iter().any(|issuer| given.issuers.contains(issuer));
    let kinds = denied.kind.is_none() || given.kind.is_none() || denied.kind == given.kind;
    let subjects = denied.subject.is_empty() || given.subject.is_empty() || any_shared(&denied.subject, &given.subject);
    let peers = match (&denied.peer, &given.peer) {
        (Some(denied), Some(given)) => any_shared(denied, given),
        _ => true,
    };
    // A claim may have several values, so no two conditions on claims exclude each other.
    issuers && kinds && subjects && peers
}

/// Whether some text matches patterns of both lists, if those of the denial are read wide.
pub(crate) fn any_shared(denied: &[Pattern], given: &[Pattern]) -> bool {
    denied.iter().any(|denied| {
        let denied = texts(denied, PatternReading::Wide);
        given.iter().any(|given| overlap(&denied, &texts(given, PatternReading::Narrow)))
    })
}

fn is_kind_and_token(wide: &Who, narrow: &Alternative<'_>) -> bool {
    (wide.kind.is_none() || wide.kind == narrow.kind) && (!wide.without_token || narrow.without_token)
}

/// A claim that is one text is compared by its separators first, so only patterns with equally many can match the same.
fn has_same_separators(wide: &Pattern, narrow: &Pattern) -> bool {
    let separators =
        |pattern: &Pattern| pattern.literals().map(|text| text.matches(is_separator).count()).sum::<usize>();
    separators(wide) == separators(narrow)
}

/// Each way with each pattern that matches all values of the narrow pattern.
fn extended(
    ways: Vec<Way>,
    patterns: &[Pattern],
    narrow: Option<&Pattern>,
    names: &[&str],
    may_compare: impl Fn(&Pattern, &Pattern) -> bool,
) -> Vec<Way> {
    let Some((pattern, value)) = narrow.and_then(|narrow| Some((narrow, numbered(narrow, names)?))) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for wide in patterns {
        if !may_compare(wide, pattern) || !contains(&matcher(wide), &value) {
            continue;
        }
        let Some(binding) = binding(wide, &value) else { continue };
        for way in &ways {
            let mut way = way.clone();
            if let Some((name, text)) = &binding {
                match way.iter().find(|(known, _)| known == name) {
                    Some((_, known)) if known != text => continue,
                    Some(_) => {}
                    None => way.push((name.clone(), text.clone())),
                }
            }
            if found.len() < MAX_WAYS && !found.contains(&way) {
                found.push(way);
            }
        }
    }
    found
}

/// What the pattern's capture takes of a value that it matches. `Some(None)` if it has no capture.
fn binding(pattern: &Pattern, value: &[Part]) -> Option<Option<(String, Vec<Part>)>> {
    let fragments = fragments(pattern);
    let Some(at) = fragments.iter().position(|fragment| matches!(fragment, Fragment::Capture(_))) else {
        return Some(None);
    };
    let literal = |fragments: &[Fragment]| {
        let texts = fragments.iter().map(|fragment| match fragment {
            Fragment::Literal(text) => Some(text.clone()),
            Fragment::Star | Fragment::Capture(_) => None,
        });
        texts.collect::<Option<String>>()
    };
    let (before, rest) = fragments.split_at_checked(at)?;
    let (Fragment::Capture(name), after) = rest.split_first()? else { return None };
    let (before, after) = (literal(before)?, literal(after)?);
    let mut taken = value.to_vec();
    if !before.is_empty() {
        let Some(Part::Literal(first)) = taken.first_mut() else { return None };
        *first = first.strip_prefix(before.as_str())?.to_owned();
    }
    if !after.is_empty() {
        let Some(Part::Literal(last)) = taken.last_mut() else { return None };
        *last = last.strip_suffix(after.as_str())?.to_owned();
    }
    taken.retain(|part| *part != Part::Literal(String::new()));
    (!taken.is_empty()).then(|| Some((name.clone(), taken)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use temporal_auth::config::Config;

    fn who(who: Value) -> Who {
        let issuer = |iss: &str| json!({"issuer": iss, "audiences": ["t"], "keys": {"discovery": true, "cluster": "c"}, "service_when": [{"gty": "cc"}]});
        let config = json!({"version": 1, "issuers": {"corp": issuer("https://a/"), "other": issuer("https://b/")},
            "grants": [{"name": "g", "who": who, "role": "reader", "namespaces": ["a"]}]});
        Config::parse(config.to_string().as_bytes()).unwrap().policy.grants[0].who.clone()
    }

    #[test]
    fn a_rule_with_fewer_conditions_is_for_more_callers() {
        let corp = |more: Value| {
            let mut given = json!({"issuer": "corp"});
            given.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            who(given)
        };
        let groups = |groups: Value| corp(json!({"claims": {"groups": groups}}));
        let ask = |wide: &Who, narrow: &Who| is_for_all_of(wide, narrow);
        assert!(ask(&corp(json!({})), &groups(json!("a"))) && !ask(&groups(json!("a")), &corp(json!({}))));
        assert!(ask(&groups(json!("team-*")), &groups(json!(["team-a", "team-{t}"]))));
        assert!(!ask(&groups(json!("team-{t}")), &groups(json!("team-*"))), "`*` crosses `:`");
        assert!(!ask(&groups(json!("a*")), &groups(json!("a,b"))), "a group of one text is not two");
        assert!(ask(&groups(json!("*,*")), &groups(json!("a,b"))));
        assert!(ask(&who(json!({"issuer": ["corp", "other"]})), &corp(json!({}))));
        assert!(!ask(&corp(json!({})), &who(json!({"issuer": ["corp", "other"]}))));
        assert!(!ask(&corp(json!({"kind": "human"})), &corp(json!({"kind": "service"}))));
        assert!(ask(&who(json!({"peer": "a*"})), &who(json!({"peer": "ab"}))));
        assert!(!ask(&who(json!({"peer": "a*"})), &corp(json!({"peer": "ab"}))), "only without a token");
    }

    #[test]
    fn captures_take_what_the_other_rule_says() {
        let of = |groups: &str| who(json!({"issuer": "corp", "claims": {"groups": groups}}));
        let narrow = of("team-x-{u}");
        let all = Alternative::of(&narrow).unwrap();
        let found = ways(&of("team-{t}"), &all[0]);
        assert_eq!(found, [[("t".to_owned(), vec![Part::Literal("x-".to_owned()), Part::Captured(0)])]]);
        let literal = of("team-x");
        let found = ways(&of("team-{t}"), &Alternative::of(&literal).unwrap()[0]);
        assert_eq!(found, [[("t".to_owned(), vec![Part::Literal("x".to_owned())])]]);
    }

    #[test]
    fn denials_are_for_callers_in_any_reading() {
        let of = |groups: &str| who(json!({"issuer": "corp", "claims": {"groups": groups}}));
        let denies = |denied: &str, narrow: &str, reading| {
            let narrow = of(narrow);
            denies_all_of(Some(&of(denied)), &Alternative::of(&narrow).unwrap()[0], reading)
        };
        assert!(denies("Team-*", "team-", PatternReading::Narrow) && denies("a", "A", PatternReading::Wide));
        assert!(!denies("a", "a*", PatternReading::Narrow) && denies("a*", "a*b", PatternReading::Wide));
        assert!(!denies("a *", "a*", PatternReading::Narrow));
        let narrow = of("a");
        assert!(denies_all_of(None, &Alternative::of(&narrow).unwrap()[0], PatternReading::Narrow));
    }
}

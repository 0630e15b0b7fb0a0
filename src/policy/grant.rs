//! Grants: which callers get which role, and where.

use std::borrow::Cow;
use std::rc::Rc;

use regex_lite::Regex;
use serde_json::Value;

use super::expiry::Expiry;
use super::limits::Limits;
use super::namespace_set::NamespaceSet;
use super::role::Role;
use super::who::Who;
use crate::identity::texts;
use crate::identity::{ClaimName, ClaimShape, Identity};
use crate::pattern::{Binding, Pattern};

/// The scope of a permission that means the cluster and every namespace. Source: `primitives.SystemLocalNamespace` of
/// the server.
pub const SYSTEM: &str = "temporal-system";

/// The words in permissions, in lower case, each with the built-in role that it stands for.
pub const PERMISSION_ROLES: [(&str, &str); 4] =
    [("read", "reader"), ("write", "writer"), ("worker", "worker"), ("admin", "admin")];

/// How many namespaces that a caller's claims name one grant may give them, and how many resolved grants it may become: under
/// limits, one for each group that a capture takes. A token with more groups or namespaces gets the first only.
const MAX_RESOLVED: usize = 4096;

/// A grant of the policy.
#[derive(Debug)]
pub struct Grant {
    /// Its name, which verdicts give as their rule.
    pub name: Rc<str>,
    pub who: Who,
    pub gives: GrantScope,
    /// The names to which it is limited.
    pub limits: Limits,
    /// Whether it covers RegisterNamespace for its namespaces.
    pub may_register: bool,
    /// Whether it covers callbacks into Temporal itself.
    pub may_call_back: bool,
    /// When it ends. `None` if it does not.
    pub until: Option<Expiry>,
    /// Whether it only reports what it would allow.
    pub shadow: bool,
}

/// What a grant gives, and where.
#[derive(Debug)]
pub enum GrantScope {
    /// The role for the cluster and in every namespace, even if the request does not name the namespace.
    System(Rc<Role>),
    /// The role in the namespaces that match.
    Namespaces(Rc<Role>, Vec<Pattern>),
    /// The roles in Temporal's permissions claim.
    Permissions(ClaimName, PermissionsFormat),
}

/// How a permissions claim is read.
#[derive(Debug, Default)]
pub struct PermissionsFormat {
    /// Whether only a list is read, as Temporal's own claim mapper does it. Otherwise, every form is read in which identity
    /// providers send permissions.
    pub as_upstream: bool,
    /// The expression that reads each permission, with the groups `namespace` and `role`.
    pub regex: Option<Regex>,
}

/// A grant resolved for one principal: captures are bound, and permissions are read.
#[derive(Debug, Clone)]
pub struct ResolvedGrant {
    /// The grant's name.
    pub name: Rc<str>,
    pub role: Rc<Role>,
    pub scope: ResolvedScope,
    /// The names to which it is limited. `None` if it covers any name.
    pub limits: Option<Rc<Limits>>,
    /// Whether it covers RegisterNamespace for its namespaces.
    pub may_register: bool,
    /// Whether it covers callbacks into Temporal itself.
    pub may_call_back: bool,
    /// When it ends. `None` if it does not.
    pub until: Option<Expiry>,
    /// Whether it only reports what it would allow.
    pub shadow: bool,
}

impl ResolvedGrant {
    /// How many comparisons it takes to tell whether it reaches a namespace, roughly.
    pub(super) fn scope_patterns(&self) -> usize {
        match &self.scope {
            ResolvedScope::System => 1,
            ResolvedScope::Namespaces(namespaces) => namespaces.pattern_count().saturating_add(1),
        }
    }

    /// Its size in memory, in bytes, with limits that it may share with others.
    pub(super) fn size(&self) -> usize {
        let scope = match &self.scope {
            ResolvedScope::System => 0,
            // Grants that differ in their limits alone share one set.
            ResolvedScope::Namespaces(namespaces) => {
                namespaces.size().checked_div(Rc::strong_count(namespaces)).unwrap_or_default()
            }
        };
        let limits = self.limits.as_ref().map_or(0, |limits| limits.size());
        size_of::<Self>().saturating_add(scope).saturating_add(limits)
    }
}

/// Where a resolved grant applies.
#[derive(Debug, Clone)]
pub enum ResolvedScope {
    /// The cluster and every namespace.
    System,
    /// These namespaces.
    Namespaces(Rc<NamespaceSet>),
}

impl Grant {
    /// The resolved grants for this caller. Empty if the grant does not apply to them.
    pub fn resolve(&self, identity: &Identity) -> Vec<ResolvedGrant> {
        let ways = self.who.bindings(identity);
        if ways.is_empty() {
            return Vec::new();
        }
        let shared = |role: &Rc<Role>, scope, limits| ResolvedGrant {
            name: Rc::clone(&self.name),
            role: Rc::clone(role),
            scope,
            limits,
            may_register: self.may_register,
            may_call_back: self.may_call_back,
            until: self.until.clone(),
            shadow: self.shadow,
        };
        let scopes = self.scopes(identity);
        let mut resolved = Vec::new();
        if self.limits.is_empty() {
            // In whichever way the captures match, the caller gets the same role, so all ways become one.
            for (role, scope) in &scopes {
                resolved.extend(scope.resolve(&ways).map(|scope| shared(role, scope, None)));
            }
            return resolved;
        }
        for way in ways.iter().take(MAX_RESOLVED) {
            let limits = Rc::new(self.limits.bind(way));
            for (role, scope) in &scopes {
                let scope = scope.resolve(std::slice::from_ref(way));
                resolved.extend(scope.map(|scope| shared(role, scope, Some(Rc::clone(&limits)))));
            }
        }
        resolved.truncate(MAX_RESOLVED);
        resolved
    }

    /// Each role that the grant gives this caller, and where.
    fn scopes(&self, identity: &Identity) -> Vec<(Rc<Role>, UnboundScope<'_>)> {
        match &self.gives {
            GrantScope::System(role) => vec![(Rc::clone(role), UnboundScope::Bound(ResolvedScope::System))],
            GrantScope::Namespaces(role, patterns) => vec![(Rc::clone(role), UnboundScope::Patterns(patterns))],
            GrantScope::Permissions(claim, format) => {
                by_role(claimed_permissions(claim, identity, format).into_iter().take(MAX_RESOLVED))
            }
        }
    }
}

/// Where a grant gives a role, before its captures are bound.
enum UnboundScope<'a> {
    Patterns(&'a [Pattern]),
    Bound(ResolvedScope),
}

impl UnboundScope<'_> {
    /// The scope for these ways in which the captures match the caller. `None` if it is empty.
    fn resolve(&self, ways: &[Vec<Binding>]) -> Option<ResolvedScope> {
        let patterns = match self {
            Self::Bound(scope) => return Some(scope.clone()),
            Self::Patterns(patterns) => patterns,
        };
        let (varying, constant): (Vec<_>, Vec<_>) =
            patterns.iter().partition(|pattern| pattern.captures().next().is_some());
        let bound = ways.iter().flat_map(|way| varying.iter().filter_map(|pattern| pattern.bind(way)));
        let set: NamespaceSet = constant.into_iter().cloned().chain(bound.take(MAX_RESOLVED)).collect();
        (!set.is_empty()).then(|| ResolvedScope::Namespaces(Rc::new(set)))
    }
}

/// Permissions, gathered by role.
fn by_role<'a>(permissions: impl Iterator<Item = (Cow<'a, str>, Rc<Role>)>) -> Vec<(Rc<Role>, UnboundScope<'static>)> {
    let mut roles: Vec<(Rc<Role>, Vec<Pattern>, bool)> = Vec::new();
    for (namespace, role) in permissions {
        let index = roles.iter().position(|(known, ..)| Rc::ptr_eq(known, &role)).unwrap_or_else(|| {
            roles.push((role, Vec::new(), false));
            roles.len().saturating_sub(1)
        });
        let Some((_, namespaces, everywhere)) = roles.get_mut(index) else { continue };
        match namespace.as_ref() {
            SYSTEM => *everywhere = true,
            name => namespaces.push(Pattern::literal(name)),
        }
    }
    let mut scopes = Vec::new();
    for (role, namespaces, everywhere) in roles {
        if everywhere {
            scopes.push((Rc::clone(&role), UnboundScope::Bound(ResolvedScope::System)));
        }
        if !namespaces.is_empty() {
            let namespaces = Rc::new(namespaces.into_iter().collect());
            scopes.push((role, UnboundScope::Bound(ResolvedScope::Namespaces(namespaces))));
        }
    }
    scopes
}

/// Reads Temporal's permissions claim: `namespace:role` in a list or in a string split at spaces, or an object of roles
/// by namespace. Source: `default_jwt_claim_mapper.go`, which splits at the first colon and ignores permissions that it does
/// not know. Here, unlike there, an empty namespace gives nothing: it would cover requests that do not name their namespace.
fn permissions<'a>(claim: &'a Value, format: &PermissionsFormat) -> Vec<(Cow<'a, str>, Rc<Role>)> {
    match (claim, format.as_upstream) {
        (Value::Object(members), false) => {
            let of_namespace = |(namespace, roles): (&'a String, &'a Value)| {
                texts(roles, false).into_iter().map(|role| (Cow::from(namespace.as_str()), role)).collect::<Vec<_>>()
            };
            with_roles(members.iter().flat_map(of_namespace).collect())
        }
        (other, false) => written_permissions(texts(other, true), format),
        (Value::Array(values), true) => {
            written_permissions(values.iter().filter_map(Value::as_str).map(Cow::from).collect(), format)
        }
        (_, true) => Vec::new(),
    }
}

/// The permissions in a claim of this caller. The issuer's rules for the claim, if it has some, decide what its texts are.
fn claimed_permissions<'a>(
    name: &ClaimName,
    identity: &'a Identity,
    format: &PermissionsFormat,
) -> Vec<(Cow<'a, str>, Rc<Role>)> {
    let has_rules = identity.claim_rules.shape(name) != ClaimShape::default() || name.reaches_into_lists();
    if has_rules && !format.as_upstream {
        return written_permissions(name.values(identity.claims()), format);
    }
    name.find(&identity.claims).map(|claim| permissions(claim, format)).unwrap_or_default()
}

/// The permissions that are written in these texts.
fn written_permissions<'a>(texts: Vec<Cow<'_, str>>, format: &PermissionsFormat) -> Vec<(Cow<'a, str>, Rc<Role>)> {
    let pair = |text: Cow<'_, str>| {
        let (namespace, role) = match &format.regex {
            Some(regex) => {
                let found = regex.captures(&text)?;
                // In Go, a group that took no part is the empty string.
                let group = |name: &str| found.name(name).map_or("", |group| group.as_str());
                (group("namespace"), group("role"))
            }
            None => text.split_once(':')?,
        };
        Some((Cow::from(namespace.to_owned()), Cow::from(role.to_owned())))
    };
    with_roles(texts.into_iter().filter_map(pair).collect())
}

/// The namespaces with the roles that these words stand for.
fn with_roles<'a>(pairs: Vec<(Cow<'a, str>, Cow<'_, str>)>) -> Vec<(Cow<'a, str>, Rc<Role>)> {
    let mut roles: Vec<Rc<Role>> = Vec::new();
    pairs
        .into_iter()
        .filter(|(namespace, _)| !namespace.is_empty())
        .filter_map(|(namespace, word)| Some((namespace, permission_role(&word, &mut roles)?)))
        .collect()
}

/// The role that a permission's word stands for. Each role is made once for all permissions of a token.
fn permission_role(word: &str, roles: &mut Vec<Rc<Role>>) -> Option<Rc<Role>> {
    let (_, name) = PERMISSION_ROLES.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(word))?;
    if let Some(role) = roles.iter().find(|role| *role.name == *name) {
        return Some(Rc::clone(role));
    }
    let role = Rc::new(Role::built_in(name)?);
    roles.push(Rc::clone(&role));
    Some(role)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(claim: Value) -> Vec<String> {
        read_as(claim, &PermissionsFormat::default())
    }

    fn read_as(claim: Value, format: &PermissionsFormat) -> Vec<String> {
        let mut list: Vec<_> =
            permissions(&claim, format).iter().map(|(namespace, role)| format!("{namespace}={}", role.name)).collect();
        list.sort();
        list
    }

    #[test]
    fn permissions_are_read_in_every_form() {
        assert_eq!(
            read(json!(["a:read", "b:WRITE", "c:Worker", "d:admin"])),
            ["a=reader", "b=writer", "c=worker", "d=admin"]
        );
        assert_eq!(read(json!("a:read b:write")), ["a=reader", "b=writer"]);
        assert_eq!(read(json!({"a": "read", "b": ["write", "worker"]})), ["a=reader", "b=worker", "b=writer"]);
    }

    #[test]
    fn malformed_permissions_give_nothing() {
        for nothing in
            [json!(["a", ":read", "a:", "a:owner", "a:read:write", 7, null, ["a:read"]]), json!({"": "read"}), json!(7)]
        {
            assert_eq!(read(nothing), [""; 0]);
        }
        // Go lower-cases this to `admin`, from which it differs by more than ASCII case.
        assert_eq!(read(json!(["a:adm\u{130}n"])), [""; 0]);
    }

    #[test]
    fn upstream_reads_lists_of_strings() {
        let upstream = |claim: Value| read_as(claim, &PermissionsFormat { as_upstream: true, regex: None });
        assert_eq!(upstream(json!(["a:READ", 7, "b:write:x", "c"])), ["a=reader"]);
        for nothing in [json!("a:read"), json!({"a": "read"}), json!([["a:read"]])] {
            assert_eq!(upstream(nothing), [""; 0]);
        }
    }

    #[test]
    fn an_expression_may_read_permissions() {
        let by = |regex: &str, permission: &str| {
            let by = |as_upstream, permission: Value| {
                read_as(permission, &PermissionsFormat { as_upstream, regex: Some(Regex::new(regex).unwrap()) })
            };
            let read = by(true, json!([permission]));
            assert_eq!(by(false, json!([permission])), read);
            read
        };
        let slashes = r"^temporal/(?P<namespace>[^/]+)/(?P<role>\w+)$";
        assert_eq!(by(slashes, "temporal/payroll/write"), ["payroll=writer"]);
        assert_eq!(by(slashes, "payroll:write"), [""; 0]);
        assert_eq!(by(slashes, "x temporal/payroll/write"), [""; 0]);
        // An expression without anchors matches anywhere, as in Go.
        assert_eq!(by("(?P<role>read|write)-(?<namespace>[a-z]+)", "x-write-payroll!"), ["payroll=writer"]);
        assert_eq!(by("(?P<role>read)(?P<namespace>x)?", "read"), [""; 0], "no namespace");
    }
}

//! Grants: which callers get which role, and where.

use std::borrow::Cow;
use std::rc::Rc;

use regex_lite::Regex;
use serde_json::Value;

use super::expiry::Expiry;
use super::limits::Limits;
use super::role::Role;
use super::who::Who;
use crate::identity::claims::texts;
use crate::identity::{ClaimName, Identity};
use crate::pattern::{Binding, Pattern};

/// The scope of a permission that means the cluster and every namespace. Source: `primitives.SystemLocalNamespace` of
/// the server.
const SYSTEM: &str = "temporal-system";

/// How many resolved grants one grant may become for one caller: one for each group that a capture takes, or for each
/// namespace in a permissions claim. A token with more groups or namespaces gets the first grants only.
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
#[derive(Debug)]
pub enum PermissionsFormat {
    /// In every form in which identity providers send it.
    Any,
    /// As Temporal's own claim mapper reads it: as a list. The expression, if there is one, has the groups `namespace` and
    /// `role`.
    Upstream(Option<Regex>),
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

/// Where a resolved grant applies.
#[derive(Debug, Clone)]
pub enum ResolvedScope {
    /// The cluster and every namespace.
    System,
    /// Namespaces whose names match.
    Namespaces(Pattern),
}

impl Grant {
    /// The resolved grants for this caller. Empty if the grant does not apply to them.
    pub fn resolve(&self, identity: &Identity) -> Vec<ResolvedGrant> {
        let mut ways = self.who.bindings(identity);
        if self.limits.is_empty() && !matches!(self.gives, GrantScope::Namespaces(..)) {
            // Captures make no difference.
            ways.truncate(1);
        }
        ways.iter().flat_map(|way| self.resolve_with(way, identity)).take(MAX_RESOLVED).collect()
    }

    /// The resolved grants for one way in which the captures match the caller.
    fn resolve_with(&self, way: &[Binding], identity: &Identity) -> Vec<ResolvedGrant> {
        let limits = (!self.limits.is_empty()).then(|| Rc::new(self.limits.bind(way)));
        let resolved = |role: &Rc<Role>, scope| ResolvedGrant {
            name: Rc::clone(&self.name),
            role: Rc::clone(role),
            scope,
            limits: limits.clone(),
            may_register: self.may_register,
            may_call_back: self.may_call_back,
            until: self.until.clone(),
            shadow: self.shadow,
        };
        match &self.gives {
            GrantScope::System(role) => vec![resolved(role, ResolvedScope::System)],
            GrantScope::Namespaces(role, patterns) => patterns
                .iter()
                .filter_map(|pattern| pattern.bind(way))
                .map(|pattern| resolved(role, ResolvedScope::Namespaces(pattern)))
                .collect(),
            GrantScope::Permissions(claim, format) => claim
                .find(&identity.claims)
                .map(|claim| permissions(claim, format))
                .unwrap_or_default()
                .into_iter()
                .map(|(namespace, role)| match namespace.as_ref() {
                    SYSTEM => resolved(&role, ResolvedScope::System),
                    name => resolved(&role, ResolvedScope::Namespaces(Pattern::literal(name))),
                })
                .collect(),
        }
    }
}

/// Reads Temporal's permissions claim: `namespace:role` in a list or in a string split at spaces, or an object of roles
/// by namespace. Source: `default_jwt_claim_mapper.go`, which splits at the first colon and ignores permissions that it does
/// not know. Here, unlike there, an empty namespace gives nothing: it would cover requests that do not name their namespace.
fn permissions<'a>(claim: &'a Value, format: &PermissionsFormat) -> Vec<(Cow<'a, str>, Rc<Role>)> {
    let split = |text: Cow<'_, str>| {
        let (namespace, role) = match format {
            PermissionsFormat::Upstream(Some(regex)) => {
                let found = regex.captures(&text)?;
                // In Go, a group that took no part is the empty string.
                let group = |name: &str| found.name(name).map_or("", |group| group.as_str());
                (group("namespace"), group("role"))
            }
            _ => text.split_once(':')?,
        };
        Some((Cow::from(namespace.to_owned()), Cow::from(role.to_owned())))
    };
    let pairs: Vec<(Cow<'_, str>, Cow<'_, str>)> = match (claim, format) {
        (Value::Object(members), PermissionsFormat::Any) => members
            .iter()
            .flat_map(|(namespace, roles)| {
                texts(roles, false).into_iter().map(|role| (Cow::from(namespace.as_str()), role))
            })
            .collect(),
        (other, PermissionsFormat::Any) => texts(other, true).into_iter().filter_map(split).collect(),
        (Value::Array(values), PermissionsFormat::Upstream(_)) => {
            values.iter().filter_map(Value::as_str).map(Cow::from).filter_map(split).collect()
        }
        (_, PermissionsFormat::Upstream(_)) => Vec::new(),
    };
    let mut roles: Vec<Rc<Role>> = Vec::new();
    pairs
        .into_iter()
        .filter(|(namespace, _)| !namespace.is_empty())
        .filter_map(|(namespace, word)| Some((namespace, permission_role(&word, &mut roles)?)))
        .collect()
}

/// The role that a permission's word stands for. Each role is made once for all permissions of a token.
fn permission_role(word: &str, roles: &mut Vec<Rc<Role>>) -> Option<Rc<Role>> {
    let name = match word.to_ascii_lowercase().as_str() {
        "read" => "reader",
        "write" => "writer",
        "worker" => "worker",
        "admin" => "admin",
        _ => return None,
    };
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
        read_as(claim, &PermissionsFormat::Any)
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
        let upstream = |claim: Value| read_as(claim, &PermissionsFormat::Upstream(None));
        assert_eq!(upstream(json!(["a:READ", 7, "b:write:x", "c"])), ["a=reader"]);
        for nothing in [json!("a:read"), json!({"a": "read"}), json!([["a:read"]])] {
            assert_eq!(upstream(nothing), [""; 0]);
        }
    }

    #[test]
    fn upstream_may_read_permissions_by_an_expression() {
        let by = |regex: &str, permission: &str| {
            read_as(json!([permission]), &PermissionsFormat::Upstream(Some(Regex::new(regex).unwrap())))
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

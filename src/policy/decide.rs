//! The decision about a call.

use std::rc::Rc;

use super::grant::{ResolvedGrant, ResolvedScope};
use super::limits::{LimitMiss, NamespaceRole};
use super::reason::{DenyReason, ExpiredGrant, LimitedGrant, NeededGrant, NotCovered};
use super::role::Role;
use super::rule::Rule;
use super::verdict::{AnswerView, Permit, ShadowOutcome, Verdict};
use super::{Policy, Principal};
use crate::temporal::list::DESCRIBE_NAMESPACE;
use crate::temporal::{
    Access, Catalogue, EffectSet, ListMethod, ListView, Method, NamespaceEffects, RequestReader, Scope, SystemReason,
    Target,
};
use crate::time::Timestamp;
use crate::wire::protobuf::write_field;

/// The rules that take part in a decision.
#[derive(Clone, Copy, PartialEq, Eq)]
enum RuleSet {
    /// The rules that are not in shadow.
    Enforced,
    /// Every rule.
    WithShadow,
}

impl RuleSet {
    fn includes(self, in_shadow: bool) -> bool {
        self == Self::WithShadow || !in_shadow
    }

    /// The caller's grants that take part and have not ended.
    fn grants_of(self, principal: &Principal, now: Timestamp) -> impl Iterator<Item = &ResolvedGrant> {
        principal.grants.iter().filter(move |grant| self.includes(grant.shadow) && !is_expired(grant, now))
    }
}

/// A call that is being decided about: all of it, or the part that Temporal's own authorizer looks at.
struct Evaluation<'a> {
    policy: &'a Policy,
    rules: RuleSet,
    principal: &'a Principal,
    target: &'a Target,
    now: Timestamp,
    /// What the call does in its own namespace, or in the cluster.
    effects: EffectSet,
    /// What it does in other namespaces.
    elsewhere: &'a [NamespaceEffects],
    /// Why only a grant for the whole cluster can cover the call. `None` if a grant for namespaces can.
    needs_system: Option<SystemReason>,
    /// Whether only a grant with `may_call_back` can cover the call.
    registers_callback: bool,
}

/// The effects that no grant covers, and the last grant whose limits excluded the call.
struct Uncovered<'a> {
    effects: EffectSet,
    limited: Option<(&'a ResolvedGrant, LimitMiss<'a>)>,
}

impl Policy {
    /// Whether any request of this method, which acts in a namespace, could be allowed at this time. Rules in shadow count. If
    /// not, the request need not be read.
    pub fn could_allow(&self, principal: &Principal, method: &Method, now: Timestamp) -> bool {
        self.never_covered(RuleSet::WithShadow, principal, method, now).is_empty() && !method.effects.is_empty()
    }

    /// The effects of the method that none of the caller's grants covers, in whichever namespace.
    fn never_covered(&self, rules: RuleSet, principal: &Principal, method: &Method, now: Timestamp) -> EffectSet {
        let covered = rules
            .grants_of(principal, now)
            .fold(EffectSet::NONE, |effects, grant| effects.with(self.effects(grant, method)));
        method.effects.without(covered)
    }

    /// Why no request of this method could be allowed at this time.
    pub fn why_never(&self, principal: &Principal, method: &Method, now: Timestamp) -> DenyReason {
        DenyReason::NotCovered(Box::new(NotCovered {
            effects: self.never_covered(RuleSet::Enforced, principal, method, now),
            needed: NeededGrant::SomeNamespace,
            limited: None,
            expired: self.expired_grant(RuleSet::Enforced, principal, method, None, now),
        }))
    }

    /// Decides about a call.
    pub fn decide(&self, principal: &Principal, target: &Target, now: Timestamp) -> Verdict {
        self.decide_in(RuleSet::Enforced, principal, target, now)
    }

    /// How rules in shadow would change this verdict. `None` if they would not.
    pub fn shadow_outcome(
        &self,
        principal: &Principal,
        target: &Target,
        verdict: &Verdict,
        now: Timestamp,
    ) -> Option<ShadowOutcome> {
        if !principal.in_shadow {
            return None;
        }
        match (verdict, self.decide_in(RuleSet::WithShadow, principal, target, now)) {
            (Verdict::Allow(_), Verdict::Deny(DenyReason::Denial(found))) => Some(ShadowOutcome::Denied(found.denial)),
            (Verdict::Deny(_), Verdict::Allow(permit)) => match permit.rule() {
                Rule::Grant(name) => Some(ShadowOutcome::Allowed(Rc::clone(name))),
                _ => None,
            },
            (Verdict::Allow(permit), Verdict::Allow(with_shadow)) => match (permit.view(), with_shadow.view()) {
                (AnswerView::Whole, AnswerView::Entries(_) | AnswerView::DescribableNamespace) => {
                    let mut denials = principal.denials.iter().map(|applicable| &applicable.denial);
                    let found = denials.find(|denial| denial.shadow && denial.denies_describing())?;
                    Some(ShadowOutcome::Denied(Rc::clone(&found.name)))
                }
                (AnswerView::Entries(_) | AnswerView::DescribableNamespace, AnswerView::Whole) => {
                    match with_shadow.rule() {
                        Rule::Grant(name) => Some(ShadowOutcome::Allowed(Rc::clone(name))),
                        _ => None,
                    }
                }
                _ => None,
            },
            _ => None,
        }
    }

    fn decide_in(&self, rules: RuleSet, principal: &Principal, target: &Target, now: Timestamp) -> Verdict {
        let verdict = self.decide_by_rules(rules, principal, target, now);
        match target.newer.first.first() {
            Some(part) if self.refuses_newer && verdict.is_allow() && newer_matters(principal, target) => {
                Verdict::Deny(DenyReason::Newer(*part))
            }
            _ => verdict,
        }
    }

    fn decide_by_rules(&self, rules: RuleSet, principal: &Principal, target: &Target, now: Timestamp) -> Verdict {
        let is_listed = self.authenticated.iter().any(|path| *path == target.method.path);
        if let Some(list) = ListMethod::of(&target.method).filter(|_| is_listed) {
            return self.decide_list(list, rules, principal, target, now);
        }
        if target.describes_by_id_alone() && self.checks_answers && !self.parity {
            return self.decide_description(rules, principal, target, now);
        }
        let mut denials = principal.denials.iter().filter(|found| rules.includes(found.denial.shadow));
        if let Some(found) = denials.find_map(|denial| denial.matches(target)) {
            return Verdict::Deny(DenyReason::Denial(Box::new(found)));
        }
        if is_listed && principal.issuer.is_some() {
            return Verdict::Allow(Permit::new(Rule::Authenticated));
        }
        match Evaluation::new(self, rules, principal, target, now).covering_grant() {
            Ok(grant) => Verdict::Allow(Permit::new(Rule::Grant(Rc::clone(grant)))),
            Err(reason) => Verdict::Deny(DenyReason::NotCovered(reason)),
        }
    }

    /// Decides about a list that is open to every good token. Only a grant shows all of it, and a denial of some namespaces
    /// removes their entries.
    fn decide_list(
        &self,
        list: ListMethod,
        rules: RuleSet,
        principal: &Principal,
        target: &Target,
        now: Timestamp,
    ) -> Verdict {
        let mut has_hidden_entries = false;
        for applicable in principal.denials.iter().filter(|found| rules.includes(found.denial.shadow)) {
            let denial = &applicable.denial;
            if !denial.hides_entries(&target.method)
                && let Some(found) = applicable.matches(target)
            {
                return Verdict::Deny(DenyReason::Denial(Box::new(found)));
            }
            has_hidden_entries |= denial.denies_describing();
        }
        let reduced = |rule, with_external| {
            Verdict::Allow(Permit::with_view(rule, AnswerView::Entries(ListView { list, with_external })))
        };
        match Evaluation::new(self, rules, principal, target, now).covering_grant() {
            Ok(grant) if has_hidden_entries => reduced(Rule::Grant(Rc::clone(grant)), true),
            Ok(grant) => Verdict::Allow(Permit::new(Rule::Grant(Rc::clone(grant)))),
            Err(_) if principal.issuer.is_some() => reduced(Rule::Authenticated, false),
            Err(reason) => Verdict::Deny(DenyReason::NotCovered(reason)),
        }
    }

    /// Decides about DescribeNamespace with an id alone. Only the answer tells which namespace that is, so whoever may describe
    /// some namespace may ask, and a denial of some namespaces hides them in the answer.
    fn decide_description(&self, rules: RuleSet, principal: &Principal, target: &Target, now: Timestamp) -> Verdict {
        let mut hides_some = false;
        for applicable in principal.denials.iter().filter(|found| rules.includes(found.denial.shadow)) {
            let denial = &applicable.denial;
            if denial.namespaces.is_some() {
                hides_some |= denial.denies_describing();
            } else if let Some(found) = applicable.matches(target) {
                return Verdict::Deny(DenyReason::Denial(Box::new(found)));
            }
        }
        let check = |grant: &Rc<str>| {
            Verdict::Allow(Permit::with_view(Rule::Grant(Rc::clone(grant)), AnswerView::DescribableNamespace))
        };
        let reason = match Evaluation::new(self, rules, principal, target, now).covering_grant() {
            Ok(grant) if hides_some => return check(grant),
            Ok(grant) => return Verdict::Allow(Permit::new(Rule::Grant(Rc::clone(grant)))),
            Err(reason) => reason,
        };
        match rules.grants_of(principal, now).find(|grant| self.effects(grant, &target.method).covers(target.effects)) {
            Some(grant) => check(&grant.name),
            None => Verdict::Deny(DenyReason::NotCovered(reason)),
        }
    }

    /// Tells for each namespace whether the caller may call DescribeNamespace for it. That decides which entries of lists the
    /// caller sees.
    pub fn describable(&self, principal: &Principal, now: Timestamp) -> impl Fn(&str) -> bool {
        let method = Catalogue::default().named(DESCRIBE_NAMESPACE);
        move |namespace| {
            let Some(method) = method.clone() else { return false };
            let mut bytes = Vec::new();
            write_field(&mut bytes, method.namespace_field, namespace.as_bytes());
            let mut request = RequestReader::for_limits(method, principal.limits());
            let target = request.feed(&bytes).and_then(|()| request.finish());
            target.is_ok_and(|target| self.decide(principal, &target, now).is_allow())
        }
    }

    /// A grant of the caller that covered some effects of the method until it ended: in this namespace, or in any if the
    /// namespace is not known.
    fn expired_grant(
        &self,
        rules: RuleSet,
        principal: &Principal,
        method: &Method,
        namespace: Option<&str>,
        now: Timestamp,
    ) -> Option<ExpiredGrant> {
        let reaches = |grant: &ResolvedGrant| match (&grant.scope, namespace) {
            (ResolvedScope::Namespaces(namespaces), Some(namespace)) => namespaces.contains(namespace),
            (ResolvedScope::System, _) | (_, None) => true,
        };
        let has_helped = |grant: &&ResolvedGrant| {
            is_expired(grant, now) && reaches(grant) && self.effects(grant, method).intersects(method.effects)
        };
        let grant = principal.grants.iter().filter(|grant| rules.includes(grant.shadow)).find(has_helped)?;
        Some(ExpiredGrant { grant: Rc::clone(&grant.name), until: grant.until.clone()? })
    }

    /// The effects of the method that a grant covers.
    fn effects(&self, grant: &ResolvedGrant, method: &Method) -> EffectSet {
        self.effects_of_role(&grant.role, method)
    }

    /// The effects of the method that a grant of this role covers.
    pub fn effects_of_role(&self, role: &Role, method: &Method) -> EffectSet {
        if !self.parity {
            return role.effects_for(method);
        }
        // Temporal compares roles.
        let required = match method.access {
            Access::ReadOnly => EffectSet::READER,
            Access::Write => EffectSet::WRITER,
            Access::Admin => EffectSet::ADMIN,
            // Its authorizer refuses methods that are not in its table.
            Access::Unlisted => return EffectSet::NONE,
        };
        if role.effects.covers(required) { method.effects } else { EffectSet::NONE }
    }
}

impl<'a> Evaluation<'a> {
    fn new(policy: &'a Policy, rules: RuleSet, principal: &'a Principal, target: &'a Target, now: Timestamp) -> Self {
        let Target { effects, needs_system, registers_callback, ref elsewhere, .. } = *target;
        let evaluation =
            Self { policy, rules, principal, target, now, effects, elsewhere, needs_system, registers_callback };
        if policy.parity { evaluation.reduced_to_upstream() } else { evaluation }
    }

    /// The part of the call that Temporal's default authorizer looks at: the method, and the namespace that the request names
    /// as its own. Nothing else in the request counts. Source: `common/authorization/default_authorizer.go`.
    fn reduced_to_upstream(self) -> Self {
        let needs_system = if self.target.method.scope == Scope::Cluster {
            Some(SystemReason::WholeCluster)
        } else if self.target.namespace.is_empty() {
            Some(SystemReason::NamespaceMissing)
        } else {
            None
        };
        Self { effects: self.target.method.effects, elsewhere: &[], needs_system, registers_callback: false, ..self }
    }

    /// The grant that covered the last effect in the request's own namespace, if grants cover the whole call.
    fn covering_grant(&self) -> Result<&'a Rc<str>, Box<NotCovered>> {
        let namespace = self.target.namespace.as_str();
        let covered = self.cover(namespace, NamespaceRole::Own, self.effects).map_err(|uncovered| {
            let needed = match self.needs_system {
                Some(reason) => NeededGrant::System(reason),
                None if self.registers_callback => NeededGrant::Callback,
                None => NeededGrant::OwnNamespace(namespace.to_owned()),
            };
            self.not_covered(uncovered, needed, namespace)
        })?;
        for NamespaceEffects { namespace, effects } in self.elsewhere {
            self.cover(namespace, NamespaceRole::Foreign, *effects).map_err(|uncovered| {
                self.not_covered(uncovered, NeededGrant::ForeignNamespace(namespace.clone()), namespace)
            })?;
        }
        Ok(covered)
    }

    /// Covers effects in one namespace with the caller's grants. Returns the grant that covered the last of them.
    fn cover(&self, namespace: &str, role: NamespaceRole, effects: EffectSet) -> Result<&'a Rc<str>, Uncovered<'a>> {
        let mut missing = effects;
        let mut limited = None;
        for grant in self.rules.grants_of(self.principal, self.now) {
            if !self.reaches(grant, namespace) {
                continue;
            }
            let rest = missing.without(self.policy.effects(grant, &self.target.method));
            if rest == missing {
                continue;
            }
            if let Some(Err(miss)) = grant.limits.as_ref().map(|limits| limits.check(self.target, role, effects)) {
                limited = Some((grant, miss));
                continue;
            }
            missing = rest;
            if missing.is_empty() {
                return Ok(&grant.name);
            }
        }
        Err(Uncovered { effects: missing, limited })
    }

    fn reaches(&self, grant: &ResolvedGrant, namespace: &str) -> bool {
        match &grant.scope {
            ResolvedScope::System => true,
            // Upstream, an admin of a namespace's name may register the namespace. With patterns, that would allow any number of
            // namespaces.
            ResolvedScope::Namespaces(_)
                if registers(&self.target.method) && !grant.may_register && !self.policy.parity =>
            {
                false
            }
            // The callback's token, which the caller controls, could name any namespace.
            ResolvedScope::Namespaces(_) if self.registers_callback && !grant.may_call_back => false,
            ResolvedScope::Namespaces(namespaces) => self.needs_system.is_none() && namespaces.contains(namespace),
        }
    }

    #[inline(never)]
    fn not_covered(&self, uncovered: Uncovered<'_>, needed: NeededGrant, namespace: &str) -> Box<NotCovered> {
        let limited = uncovered
            .limited
            .map(|(grant, miss)| LimitedGrant { grant: Rc::clone(&grant.name), miss: miss.into_owned() });
        let method = &self.target.method;
        let expired = self.policy.expired_grant(self.rules, self.principal, method, Some(namespace), self.now);
        Box::new(NotCovered { effects: uncovered.effects, needed, limited, expired })
    }
}

/// Whether the newer parts of the request could have effects of their own. They add nothing to a call that only reads, polls
/// without limits, or reports that an activity or a worker is alive.
fn newer_matters(principal: &Principal, target: &Target) -> bool {
    let method = &target.method;
    let polls = EffectSet::POLL.covers(method.effects) && !principal.is_limited();
    !(EffectSet::READER.covers(method.effects) || polls || method.is_heartbeat())
}

pub(super) fn is_expired(grant: &ResolvedGrant, now: Timestamp) -> bool {
    grant.until.as_ref().is_some_and(|until| until.has_passed(now))
}

pub(super) fn registers(method: &Method) -> bool {
    method.path == "/temporal.api.workflowservice.v1.WorkflowService/RegisterNamespace"
}

//! Reads `roles`, `anonymous`, `authenticated` and `methods`.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::fields::{MAX_FIELD_NUMBER, SCOPES, names};
use super::node::{Node, ObjectNode};
use super::problem::{Conflict, Duplicate, Expected, NameSort, ProblemKind};
use crate::policy::role::Role;
use crate::temporal::{
    Access, Catalogue, EffectSet, LimitRule, Method, MethodRef, ROLES, Scope, WorkflowIdRule, schema,
};

/// Roles by name.
pub(super) type Roles = BTreeMap<String, Rc<Role>>;

pub(super) fn methods(node: &Node<'_>) -> Option<Vec<Rc<Method>>> {
    let built_in = Catalogue::default();
    let mut methods: Vec<Rc<Method>> = Vec::new();
    for node in node.list()? {
        if let Some(method) = method(&node, &built_in) {
            if methods.iter().any(|other| other.path == method.path) {
                node.member("name").problem::<()>(ProblemKind::Duplicate(Duplicate::Method));
            }
            methods.push(Rc::new(method));
        }
    }
    Some(methods)
}

fn method(node: &Node<'_>, built_in: &Catalogue) -> Option<Method> {
    let members = node.members(&[names::METHOD])?;
    let name = members.require("name", "the full path of a method, such as /pkg.Service/Method")?;
    let path = name.text()?;
    let plain =
        |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._".contains(&byte));
    match path.strip_prefix('/').and_then(|path| path.split_once('/')) {
        Some((service, method)) if plain(service) && plain(method) => {}
        _ => return name.invalid(Expected::MethodPath),
    }
    if built_in.route(path.as_bytes()) != crate::temporal::Route::Unknown {
        return name.invalid(Expected::UnknownMethod);
    }
    let scope_node = members.require("scope", "namespace or cluster")?;
    let (scope, field) = match scope_node.word(SCOPES)? {
        0 => {
            let field = members.require("namespace_field", "the number of the request's namespace field")?;
            (Scope::Namespace, field.number(1, MAX_FIELD_NUMBER)?)
        }
        _ => match members.get("namespace_field") {
            None => (Scope::Cluster, 0),
            Some(field) => return field.conflict(Conflict::NamespaceFieldOfClusterMethod),
        },
    };
    let effects = members.require("effects", "a list of effects")?.non_empty_list()?;
    let effects: Vec<_> = effects.iter().filter_map(effect).collect();
    let effects = effects.into_iter().fold(EffectSet::NONE, EffectSet::with);
    let access = match (EffectSet::READER.covers(effects), EffectSet::WRITER.covers(effects)) {
        (true, _) => Access::ReadOnly,
        (_, true) => Access::Write,
        _ => Access::Admin,
    };
    (!effects.is_empty()).then(|| Method {
        path: path.to_owned().into(),
        scope,
        access,
        effects,
        namespace_field: field,
        // The configuration does not say what the method acts on.
        queue_rule: LimitRule::NeverCovered,
        workflow_id_rule: WorkflowIdRule::NeverCovered,
        schedule_rule: LimitRule::NeverCovered,
        request: &schema::Message::UNREAD,
    })
}

fn effect_names() -> Vec<String> {
    EffectSet::ADMIN.names().map(str::to_owned).collect()
}

fn effect(node: &Node<'_>) -> Option<EffectSet> {
    EffectSet::named(node.text()?).or_else(|| node.unknown_name(NameSort::Effect, effect_names(), &[]))
}

/// The paths of the methods in `anonymous` or `authenticated`. `is_allowed` says which methods the list may have.
pub(super) fn open_methods(
    node: &Node<'_>,
    catalogue: &Catalogue,
    is_allowed: impl Fn(&Method) -> bool,
) -> Option<Vec<String>> {
    let list = node.list()?;
    let method = |node: &Node<'_>| {
        let method = named_method(node, catalogue)?;
        if !is_allowed(&method) {
            return node.invalid(Expected::ClusterRead);
        }
        Some(method.path.to_string())
    };
    Some(list.iter().filter_map(method).collect())
}

fn named_method(node: &Node<'_>, catalogue: &Catalogue) -> Option<MethodRef> {
    let method = catalogue.named(node.text()?);
    method.or_else(|| node.unknown_name(NameSort::Method, Vec::new(), &catalogue.names()))
}

pub(super) fn roles(node: Option<&Node<'_>>, catalogue: &Catalogue) -> Option<Roles> {
    let mut roles: Roles =
        ROLES.iter().filter_map(|(name, _)| Some(((*name).to_owned(), Rc::new(Role::built_in(name)?)))).collect();
    let Some(node) = node else { return Some(roles) };
    let mut unresolved: Vec<(&str, ObjectNode<'_>)> = Vec::new();
    for (name, node) in node.any_members()?.iter() {
        if Role::built_in(name).is_some() {
            node.problem::<()>(ProblemKind::BuiltInRole);
        } else if let Some(members) = node.members(&[names::ROLE]) {
            unresolved.push((name, members));
        }
    }
    // Each round resolves the roles whose `from` is known; a round that resolves none leaves cycles and unknown names.
    loop {
        let before = unresolved.len();
        let names: Vec<_> = unresolved.iter().map(|(name, _)| *name).collect();
        let mut waiting = Vec::new();
        for (name, members) in unresolved {
            let from = members.get("from");
            match from.as_ref().map_or(Some(None), |node| node.text().map(Some)) {
                Some(Some(from)) if !roles.contains_key(from) && names.contains(&from) => waiting.push((name, members)),
                Some(Some(from)) if !roles.contains_key(from) => {
                    let known = ROLES.iter().map(|(name, _)| *name).chain(names.iter().copied());
                    let known = known.map(str::to_owned).collect();
                    members.get("from")?.unknown_name::<()>(NameSort::Role, known, &[]);
                }
                Some(base) => {
                    let base = base.and_then(|base| roles.get(base).cloned());
                    if let Some(role) = role(name, &members, base.as_deref(), catalogue) {
                        roles.insert(name.to_owned(), Rc::new(role));
                    }
                }
                None => {}
            }
        }
        unresolved = waiting;
        if unresolved.len() == before || unresolved.is_empty() {
            break;
        }
    }
    for (_, members) in &unresolved {
        members.get("from")?.conflict::<()>(Conflict::RoleCycle);
    }
    Some(roles)
}

fn role(name: &str, members: &ObjectNode<'_>, base: Option<&Role>, catalogue: &Catalogue) -> Option<Role> {
    let mut role =
        base.cloned().unwrap_or(Role { name: "".into(), effects: EffectSet::NONE, plus: vec![], minus: vec![] });
    role.name = name.into();
    if base.is_none() && members.get("plus").is_none() {
        return members.missing("from", "a role to start from, or effects under `plus`");
    }
    for node in members.get("plus").map_or(Some(Vec::new()), |node| node.non_empty_list())? {
        match effect_or_method(&node, catalogue)? {
            EffectOrMethod::Effect(effect) => role.effects = role.effects.with(effect),
            EffectOrMethod::Method(path) => {
                role.minus.retain(|other| *other != path);
                role.plus.push(path);
            }
        }
    }
    for node in members.get("minus").map_or(Some(Vec::new()), |node| node.non_empty_list())? {
        match effect_or_method(&node, catalogue)? {
            EffectOrMethod::Effect(effect) => {
                let effects_of = |path: &str| catalogue.named(path).map_or(EffectSet::NONE, |method| method.effects);
                let before = role.clone();
                role.remove(effect, effects_of);
                if role == before {
                    return node.conflict(Conflict::RoleLacksEffect);
                }
            }
            EffectOrMethod::Method(path) => {
                let has = catalogue.named(&path).is_some_and(|method| role.effects_for(&method).covers(method.effects));
                if !has {
                    return node.conflict(Conflict::RoleLacksMethod);
                }
                role.plus.retain(|other| *other != path);
                role.minus.push(path);
            }
        }
    }
    Some(role)
}

pub(super) enum EffectOrMethod {
    Effect(EffectSet),
    Method(Rc<str>),
}

pub(super) fn effect_or_method(node: &Node<'_>, catalogue: &Catalogue) -> Option<EffectOrMethod> {
    let name = node.text()?;
    if let Some(effect) = EffectSet::named(name) {
        return Some(EffectOrMethod::Effect(effect));
    }
    let method = catalogue.named(name).map(|method| EffectOrMethod::Method(Rc::from(&*method.path)));
    method.or_else(|| node.unknown_name(NameSort::EffectOrMethod, effect_names(), &catalogue.names()))
}

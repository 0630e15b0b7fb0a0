//! The problems that a configuration may have, each with a path and a kind. Programs act on these; only people read the
//! sentence.

use std::fmt;
use std::time::Duration;

use super::path::Path;
use crate::pattern::PatternError;
use crate::temporal::EffectSet;

/// How many known names a problem lists.
const MAX_LISTED: usize = 32;

/// One thing that is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub path: Path,
    pub kind: ProblemKind,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.kind)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProblemKind {
    /// The whole text is neither JSON nor a serialized Struct. This says why it is not JSON.
    Unreadable(String),
    /// A required field is missing.
    Missing { expected: &'static str },
    /// A field that this object does not have.
    UnknownField { known: KnownFields, suggestion: Option<&'static str> },
    /// A name that nothing has.
    UnknownName { sort: NameSort, found: String, known: Vec<String>, suggestion: Option<String> },
    /// A value of another type or form than its field takes; `found` is JSON, cut to a readable length.
    Invalid { expected: Expected, found: String },
    /// None of these fields is there, or more than one.
    NotExactlyOne { choices: &'static [&'static str], found: Vec<&'static str> },
    /// None of these fields is there.
    NoneOf { choices: KnownFields, empty: EmptyRule },
    /// A value that is valid by itself but contradicts another value.
    Conflict(Conflict),
    /// A name or value that must be unique but is not.
    Duplicate(Duplicate),
    /// A custom role with the name of a built-in role.
    BuiltInRole,
}

/// What an object would mean if it were accepted without any of its conditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmptyRule {
    /// `who` of a denial. It would match everybody, as a denial without `who` does.
    Everybody,
    /// `unless` of a denial. It would exempt everybody, so that the denial would do nothing.
    Exemption,
    /// A denial. It would deny everything.
    Everything,
    /// `outside` of a denial. It would mean nothing.
    Nothing,
}

/// The fields that an object may have, in groups that objects share.
pub type KnownFields = &'static [&'static [&'static str]];

/// What a name should refer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameSort {
    Algorithm,
    Effect,
    EffectOrMethod,
    Header,
    Issuer,
    Method,
    Role,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    Object,
    List,
    NonEmptyList,
    Text,
    Flag,
    True,
    Number {
        from: u32,
        to: u32,
    },
    Duration {
        least: Duration,
    },
    OneOf(&'static [&'static str]),
    Issuers,
    Audiences,
    ShortLeeway,
    HeaderName,
    UnreservedHeader,
    KeySet,
    UsableKeySet {
        why: String,
    },
    Url,
    DiscoveryUrl,
    ClusterNames,
    MethodPath,
    UnknownMethod,
    ClusterRead,
    UnreservedRuleName,
    ClaimName,
    SingleClaim,
    ShapedClaim,
    Claims,
    Pattern(PatternError),
    NoCapture,
    SingleCapture,
    ExactNumber,
    Regex {
        why: String,
    },
    RegexGroups,
    Instant,
    PathPrefix,
    /// For readers outside of the library.
    Described(&'static str),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conflict {
    RoleWithPermissionsClaim,
    RegexWithoutPermissionsClaim,
    WithInlineKeys,
    JwksClusterWithJwksUri,
    MaxStaleBelowRefresh,
    NamespaceFieldOfClusterMethod,
    PeerHasNoToken,
    KindWithoutServiceWhen {
        issuer: String,
    },
    SubjectOfNone {
        issuer: String,
    },
    AnyAudienceWithoutIssuer,
    DiscoveryWithoutIssuer,
    SharedHeaderWithoutIssuer {
        other: String,
    },
    UnboundCapture {
        name: String,
    },
    CommandsWithoutTheirEffects {
        commands: EffectSet,
    },
    RoleCycle,
    RoleLacksEffect,
    RoleLacksMethod,
    ListsInLeanModule,
    /// For readers outside of the library.
    Described(&'static str),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Duplicate {
    /// The name of a grant or a denial.
    RuleName,
    /// The `iss` of two issuers.
    IssuerUrl { other: String },
    /// A method that is listed twice.
    Method,
    /// A claim that two names stand for.
    Claim { other: String },
}

impl fmt::Display for ProblemKind {
    #[inline(never)]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(why) => {
                write!(f, "expected a configuration as JSON or as a google.protobuf.Struct, found neither ({why})")
            }
            Self::Missing { expected } => write!(f, "missing; expected {expected}"),
            Self::UnknownField { known, suggestion } => {
                f.write_str("unknown field")?;
                suggest(f, *suggestion, &mut known.iter().copied().flatten().copied())
            }
            Self::UnknownName { sort, found, known, suggestion } => {
                write!(f, "unknown {sort} {found}")?;
                suggest(f, suggestion.as_deref(), &mut known.iter().map(String::as_str))
            }
            Self::Invalid { expected, found } => write!(f, "expected {expected}, found {found}"),
            Self::NotExactlyOne { choices, found } => {
                f.write_str("expected exactly one of ")?;
                list(f, &mut choices.iter().copied())?;
                f.write_str("; found ")?;
                if found.is_empty() { f.write_str("none") } else { list(f, &mut found.iter().copied()) }
            }
            Self::NoneOf { choices, empty } => {
                f.write_str("expected at least one of ")?;
                list(f, &mut choices.iter().copied().flatten().copied())?;
                f.write_str(match empty {
                    EmptyRule::Everybody => "; remove the whole field to match everybody",
                    EmptyRule::Exemption => "; remove the whole field to exempt nobody",
                    EmptyRule::Everything => "; without them, it denies everything to everybody",
                    EmptyRule::Nothing => "",
                })
            }
            Self::Conflict(conflict) => conflict.fmt(f),
            Self::Duplicate(duplicate) => duplicate.fmt(f),
            Self::BuiltInRole => f.write_str("this role is built in; expected another name"),
        }
    }
}

/// The end of a sentence about an unknown name: the name that was probably meant, or the known names.
#[inline(never)]
fn suggest(f: &mut fmt::Formatter<'_>, suggestion: Option<&str>, known: &mut dyn Iterator<Item = &str>) -> fmt::Result {
    match suggestion {
        Some(name) => write!(f, "; did you mean `{name}`?"),
        None => {
            f.write_str("; expected one of ")?;
            list(f, known)
        }
    }
}

#[inline(never)]
fn list(f: &mut fmt::Formatter<'_>, names: &mut dyn Iterator<Item = &str>) -> fmt::Result {
    for (index, name) in names.enumerate() {
        if index == MAX_LISTED {
            return f.write_str(", …");
        }
        f.write_str(if index == 0 { "" } else { ", " })?;
        f.write_str(name)?;
    }
    Ok(())
}

impl fmt::Display for NameSort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Algorithm => "algorithm",
            Self::Effect => "effect",
            Self::EffectOrMethod => "effect or method",
            Self::Header => "header of an issuer",
            Self::Issuer => "issuer",
            Self::Method => "method",
            Self::Role => "role",
        })
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Object => "an object",
            Self::List => "a list",
            Self::NonEmptyList => "at least one value",
            Self::Text => "a non-empty string",
            Self::Flag => "true or false",
            Self::True => "true",
            Self::Number { from, to } if from == to => return write!(f, "{from}"),
            Self::Number { from, to } => return write!(f, "a whole number from {from} to {to}"),
            Self::Duration { least } => {
                f.write_str("a duration such as \"500ms\", \"60s\", \"10m\" or \"24h\"")?;
                return if least.is_zero() { Ok(()) } else { write!(f, ", at least {}ms", least.as_millis()) };
            }
            Self::OneOf(words) => return words_of(f, words),
            Self::Issuers => "at least one issuer",
            Self::Audiences => "a list of audiences, or `any`",
            Self::ShortLeeway => "at most 5m, because clocks that differ more cannot be trusted with tokens",
            Self::HeaderName => "a header name in lower case",
            Self::UnreservedHeader => "a header not reserved by HTTP or gRPC",
            Self::KeySet => "a key set: {keys: […]}",
            Self::UsableKeySet { why } => return write!(f, "a key set that can verify tokens ({why})"),
            Self::Url => "an http or https URL",
            Self::DiscoveryUrl => "an http or https URL without a query, because `discovery` is below it",
            Self::ClusterNames => "a list of cluster names",
            Self::MethodPath => "the full path of a method, such as /pkg.Service/Method",
            Self::UnknownMethod => "a method that the filter does not already know",
            Self::ClusterRead => "a method that only reads from the cluster",
            Self::UnreservedRuleName => "a name other than the reserved anonymous, authenticated and default-deny",
            Self::ClaimName => "the name of a claim, or a JSON pointer to it",
            Self::SingleClaim => "a claim with one value, so without the step `*`",
            Self::ShapedClaim => "another claim than `sub` and `iss`, which are always one value",
            Self::Claims => "at least one claim",
            Self::Pattern(why) => return why.fmt(f),
            Self::NoCapture => "a pattern without captures; write `\\{` for a brace",
            Self::SingleCapture => "a pattern with at most one capture and no `*` next to it",
            Self::ExactNumber => "a whole number below 2^53, or the number in quotes",
            Self::Regex { why } => return write!(f, "a regular expression ({why})"),
            Self::RegexGroups => "the named groups `namespace` and `role`: (?P<namespace>…), (?P<role>…)",
            Self::Instant => {
                "a date and time in quotes, such as \"2026-12-24T18:00:00Z\" or \"2026-12-24T19:00:00+01:00\""
            }
            Self::PathPrefix => "a path of plain segments without a slash at the end, such as /temporal",
            Self::Described(text) => text,
        })
    }
}

fn words_of(f: &mut fmt::Formatter<'_>, words: &[&str]) -> fmt::Result {
    for (index, word) in words.iter().enumerate() {
        f.write_str(if index == 0 { "" } else { " or " })?;
        f.write_str(word)?;
    }
    Ok(())
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RoleWithPermissionsClaim => "not allowed with `permissions_claim`, which names the role itself",
            Self::RegexWithoutPermissionsClaim => "not allowed without `permissions_claim`",
            Self::WithInlineKeys => "not allowed with `inline`, because keys in the configuration are never fetched",
            Self::JwksClusterWithJwksUri => "not allowed with `jwks_uri`, which `cluster` serves",
            Self::MaxStaleBelowRefresh => "must be at least `refresh`",
            Self::NamespaceFieldOfClusterMethod => "not allowed with `scope: cluster`",
            Self::PeerHasNoToken => {
                "not allowed with `peer` alone, because such a caller has no token; add an `issuer`, or remove this"
            }
            Self::KindWithoutServiceWhen { issuer } => return write!(f, "requires `service_when` on issuer {issuer}"),
            Self::SubjectOfNone { issuer } => {
                return write!(f, "not allowed for issuer {issuer}, which has `subject: none`");
            }
            Self::AnyAudienceWithoutIssuer => {
                "not allowed with `issuer: none`, because nothing would tell its tokens from those for other services"
            }
            Self::DiscoveryWithoutIssuer => "not allowed with `issuer: none`; use `jwks_uri` or `inline`",
            Self::SharedHeaderWithoutIssuer { other } => {
                return write!(f, "`none` requires `token.headers` of its own, and issuer {other} has one of them");
            }
            Self::UnboundCapture { name } => {
                return write!(f, "capture {{{name}}} is bound by none of the patterns in `who`");
            }
            Self::CommandsWithoutTheirEffects { commands } => {
                return write!(f, "requires an effect that workers' commands can have: {commands}");
            }
            Self::RoleCycle => "role inherits from itself, or from an invalid role",
            Self::RoleLacksEffect => "the role does not have this effect, so it cannot be taken away",
            Self::ListsInLeanModule => {
                "lists of namespaces cannot be reduced by the lean module; use temporal-auth.wasm"
            }
            Self::RoleLacksMethod => "the role does not cover this method, so it cannot be taken away",
            Self::Described(text) => text,
        })
    }
}

impl fmt::Display for Duplicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RuleName => f.write_str("duplicate name; each grant and denial needs its own"),
            Self::IssuerUrl { other } => write!(f, "already used by issuer {other}; it must be unique"),
            Self::Method => f.write_str("duplicate method"),
            Self::Claim { other } => write!(f, "duplicate claim; `{other}` is another name for it"),
        }
    }
}

//! `temporal-auth diff`: who gains and who loses what from one configuration to another, by what rules mean and not by their names.
//!
//! A caller whom the new configuration allows a call that the old one denies is always among those who gain. What cannot be
//! ruled out counts as a gain.

mod denials;
mod grants;
mod issuers;
mod notes;
mod report;
mod settings;

use serde_json::Value;
use temporal_auth::config::Config;
use temporal_auth::temporal::EffectSet;
use temporal_auth::time::Timestamp;

use crate::args::Diff;
use crate::cases;
use crate::explain;
use crate::load::Configuration;

/// Something that some callers may do with one configuration, and may not do with another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Gain {
    pub(super) sort: GainSort,
    /// The rule or the setting.
    pub(super) by: String,
    /// For whom.
    pub(super) who: String,
    /// Where.
    pub(super) place: String,
    /// What, in words.
    pub(super) what: String,
    /// The effects that may be gained by it.
    pub(super) effects: EffectSet,
}

/// What a gain comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GainSort {
    /// A grant that gives more.
    Grant,
    /// A denial that denies less.
    Denial,
    Setting,
}

/// Everything that differs.
#[derive(Debug)]
pub(super) struct Difference {
    pub(super) gains: Vec<Gain>,
    pub(super) losses: Vec<Gain>,
    /// Settings that are written differently: the path, the old value and the new one.
    pub(super) settings: Vec<(String, Option<Value>, Option<Value>)>,
    /// Rules that are new, gone, renamed or written differently, and give and take the same.
    pub(super) notes: Vec<String>,
    /// Cases whose verdicts differ: the name, the old verdict and the new one.
    pub(super) cases: Option<Vec<(String, String, String)>>,
}

/// Compares two configurations. Returns the text to print, and whether nothing is gained that `--fail-on` names.
pub(crate) fn diff(question: &Diff) -> Result<(String, bool), String> {
    let (old, mut new) = (explain::one(&question.old)?, explain::one(&question.new)?);
    let mut difference = difference(&old, &mut new, question.time.at())?;
    if let Some(file) = &question.cases {
        difference.cases = Some(cases::compare(file, &old, &new, question.time.at())?);
    }
    let failed = question.fail_on.iter().filter(|wanted| is_gained(&difference.gains, **wanted));
    let failed: Vec<_> = failed.map(|wanted| wanted.name()).collect();
    let shown = if question.json { report::json(&difference, &failed) } else { report::text(&difference, &failed) };
    Ok((shown, failed.is_empty()))
}

fn is_gained(gains: &[Gain], wanted: FailOn) -> bool {
    gains.iter().any(|gain| match wanted {
        FailOn::Anything => true,
        FailOn::Effect(_, effect) => gain.effects.intersects(effect),
    })
}

/// What `--fail-on` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FailOn {
    /// Any gain.
    Anything,
    /// A gain of this effect, with its name.
    Effect(&'static str, EffectSet),
}

impl FailOn {
    /// Reads the name of an effect, or `any`.
    pub(crate) fn read(name: &str) -> Result<Self, String> {
        if name == "any" {
            return Ok(Self::Anything);
        }
        let known = EffectSet::ADMIN.names().find(|known| *known == name);
        let effect = known.and_then(|known| Some(Self::Effect(known, EffectSet::named(known)?)));
        effect.ok_or_else(|| "expected the name of an effect, or any".to_owned())
    }

    fn name(self) -> &'static str {
        match self {
            Self::Anything => "any",
            Self::Effect(name, _) => name,
        }
    }
}

/// What differs. Afterwards, issuers of the new configuration have the names of the old one, if their `iss` is the same.
fn difference(old: &Configuration, new: &mut Configuration, now: Timestamp) -> Result<Difference, String> {
    let mut notes = notes::rename_issuers(old, new)?;
    let gains = gains((&old.config, &old.value), (&new.config, &new.value), now);
    let losses = gains_of_losses(old, new, now);
    notes.extend(notes::notes(&old.value, &new.value, &gains, &losses));
    let settings = settings::changed(&old.value, &new.value);
    Ok(Difference { gains, losses, settings, notes, cases: None })
}

/// Whatever is lost is gained by the way back.
fn gains_of_losses(old: &Configuration, new: &Configuration, now: Timestamp) -> Vec<Gain> {
    gains((&new.config, &new.value), (&old.config, &old.value), now)
}

/// Everything that some caller may gain from the first configuration to the second.
fn gains(old: (&Config, &Value), new: (&Config, &Value), now: Timestamp) -> Vec<Gain> {
    let mut gains = grants::gains(old.0, new.0, now);
    gains.extend(denials::gains(old.0, new.0, now));
    gains.extend(issuers::gains(old, new, now));
    gains.extend(settings::gains(old.0, new.0));
    gains.extend(settings::unknown(old.1, new.1));
    gains
}

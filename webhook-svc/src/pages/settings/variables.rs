//! What only the environment decides: shown with the variable that sets it, and nothing to change it here.

use crate::api::settings;
use crate::request::Ask;

/// A variable as it came out.
pub struct Variable {
    /// `PULSARR_PORT`
    pub name: &'static str,
    /// What it is for, as a sentence.
    pub about: &'static str,
    /// What holds.
    pub value: String,
    /// Who said so: `default`, `environment PULSARR_PORT`.
    pub source: String,
}

impl Variable {
    /// Whether somebody has set it.
    pub fn is_set(&self) -> bool {
        self.source != "default"
    }
}

/// These variables, each with what it is for, as they came out.
pub fn of(ask: &Ask, wanted: &[(&'static str, &'static str)]) -> Vec<Variable> {
    let (all, _) = settings::all(ask);
    let one = |&(name, about): &(&'static str, &'static str)| {
        let found = all.settings.iter().find(|it| it.name == name);
        let (value, source) = found.map_or_else(Default::default, |it| (it.value.clone(), it.source.clone()));
        // Under its own name; others say which.
        let source = if source == format!("environment {name}") { "environment".to_owned() } else { source };
        Variable { name, about, value, source }
    };
    wanted.iter().map(one).collect()
}

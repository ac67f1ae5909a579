//! What came of the tests of the rules by the settings as they are: judging many takes some milliseconds, and nothing but other settings
//! changes it.

use std::sync::{Arc, Mutex, PoisonError};

use pulsarr_shared::config::Config;
use pulsarr_shared::routing::outcome_of_test;

/// What came of each test, in the order of the settings: a sentence; an error, where it was not what is expected.
pub type Outcomes = Arc<Vec<Result<String, String>>>;

/// What was judged last, and by which settings.
#[derive(Default)]
pub struct JudgedTests(Mutex<Option<(Arc<Config>, Outcomes)>>);

impl JudgedTests {
    /// By these settings. What every rule said to a test that fails is left out: it is a line for each rule.
    pub fn by(&self, config: &Arc<Config>) -> Outcomes {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, outcomes)) = last.filter(|(of, _)| Arc::ptr_eq(of, config)) {
            return outcomes;
        }
        let policy = config.policy();
        let first_line = |text: String| text.split_once('\n').map_or(text.clone(), |(line, _)| line.to_owned());
        let outcomes = config.settings.tests.iter().map(|test| outcome_of_test(test, &policy).map_err(first_line));
        let outcomes = Arc::new(outcomes.collect());
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((Arc::clone(config), Arc::clone(&outcomes)));
        outcomes
    }
}

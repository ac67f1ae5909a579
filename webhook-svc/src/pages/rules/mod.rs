//! Where titles belong: the list of rules, the builder, and what a change would change.

mod builder;
mod draft;
mod order;
mod pieces;
mod rule_tests;
mod sentences;
#[cfg(test)]
mod tests;
mod trial;
mod typed;
mod what_if;
mod written;

use super::{Page, trouble};

pub(super) fn pages() -> [&'static [Page]; 4] {
    // Before whatever takes a name in the same place.
    [order::PAGES, trial::PAGES, rule_tests::PAGES, builder::PAGES]
}

/// Where the rule of this name is, below the base path.
fn place_of(name: &str) -> String {
    // Names are the same in any case, and these are where rules are made, titles tried, and tests shown.
    let name = match name {
        "new" => "New",
        "try" => "Try",
        "tests" => "Tests",
        name => name,
    };
    format!("/rules/{}", trouble::encoded(name).replace('/', "%2F"))
}

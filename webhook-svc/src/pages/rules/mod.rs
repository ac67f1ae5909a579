//! Where titles belong: the list of rules, the builder, and what a change would change.

mod builder;
mod draft;
mod order;
mod pieces;
mod sentences;
#[cfg(test)]
mod tests;
mod typed;
mod what_if;
mod written;

use super::{Page, trouble};

pub(super) fn pages() -> [&'static [Page]; 2] {
    [order::PAGES, builder::PAGES]
}

/// Where the rule of this name is, below the base path.
fn place_of(name: &str) -> String {
    // Names are the same in any case, and `new` is where rules are made.
    let name = if name == "new" { "New" } else { name };
    format!("/rules/{}", trouble::encoded(name).replace('/', "%2F"))
}

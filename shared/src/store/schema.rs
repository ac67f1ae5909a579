//! What the file has to look like, and which programs may work on which file.

/// Every migration in order; the position, counted from 1, is the `user_version` it leads to.
pub(super) const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/0001_first.sql"),
    include_str!("../../migrations/0002_rules.sql"),
    include_str!("../../migrations/0003_webhooks.sql"),
    include_str!("../../migrations/0004_connections.sql"),
    include_str!("../../migrations/0005_who_may.sql"),
    include_str!("../../migrations/0006_paging.sql"),
    include_str!("../../migrations/0007_totals.sql"),
    include_str!("../../migrations/0008_declarations.sql"),
    include_str!("../../migrations/0009_readable_from.sql"),
    include_str!("../../migrations/0010_inbox.sql"),
    include_str!("../../migrations/0011_posters.sql"),
    include_str!("../../migrations/0012_lately.sql"),
    include_str!("../../migrations/0013_requests.sql"),
    include_str!("../../migrations/0015_retries.sql"),
    include_str!("../../migrations/0016_sealed_passwords.sql"),
    include_str!("../../migrations/0017_pages.sql"),
    include_str!("../../migrations/0018_outages.sql"),
    include_str!("../../migrations/0019_taken_at.sql"),
    include_str!("../../migrations/0020_overtaken_imports.sql"),
];

/// The setting that says who may work on a newer file: the lowest number of migrations that a program has to know. During a
/// roll-out both versions run for a while, so most migrations only add, and leave it as it is.
pub(super) const MARK: &str = "schema.readable_from";

/// What the mark says once every migration is done, and how many migrations there were when somebody last thought about it.
pub(super) const READABLE_FROM: u32 = 9;
const THOUGHT_ABOUT: usize = 19;
const _: () = assert!(
    MIGRATIONS.len() == THOUGHT_ABOUT && READABLE_FROM <= KNOWN,
    "a migration was added: can programs that do not know it still work on the file? If not, raise the mark in the migration and \
     READABLE_FROM; then note here that this was thought about"
);

/// How many migrations this program knows; the `user_version` of a file that it made.
pub(super) const KNOWN: u32 = MIGRATIONS.len() as u32;

/// Whether this program works on a file of schema `found` that is marked as fit for programs from `mark` on: one of its own schema, or of
/// an older one, which it migrates, or a newer one that says so.
pub(super) fn is_for_us(found: u32, mark: Option<u32>) -> bool {
    found <= KNOWN || mark.is_some_and(|from| from <= KNOWN)
}

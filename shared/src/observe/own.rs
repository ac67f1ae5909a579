//! The token owner's own list: pages by offset, conditional on the first page's ETag.

use super::{Look, MAX_PAGES, Thoroughness, rest_is_on_record};
use crate::clients::plex::{OwnPage, Plex};
use crate::model::PlexId;

/// Looks at the own list. `mark` is the ETag of the last look; `on_record` tells whether a title has an open entry.
///
/// An ETag belongs to its exact URL, so an unchanged first page says nothing of removals further down: whole looks ignore it.
pub async fn look_at_own(
    plex: &Plex,
    thoroughness: Thoroughness,
    mark: Option<&str>,
    on_record: impl Fn(&PlexId) -> bool,
) -> Look {
    let (mut items, mut new_mark) = (Vec::new(), None);
    let (mut received, mut skipped) = (0_u32, 0_u32);
    for nth in 1..=MAX_PAGES {
        let condition = mark.filter(|_| nth == 1 && thoroughness == Thoroughness::Newest);
        let page = match plex.own_watchlist_page(received, nth, condition).await {
            Ok(OwnPage::Page(page)) => page,
            Ok(OwnPage::NotModified) => return Look::NotModified,
            Err(error) => return Look::failed(items, error),
        };
        if nth == 1 {
            new_mark = page.etag;
        }
        received += page.received;
        skipped += page.skipped;
        let rest_known = thoroughness == Thoroughness::Newest && rest_is_on_record(&page.items, &on_record);
        items.extend(page.items);
        let total = page.total.unwrap_or(received);
        if page.received == 0 || received >= total {
            // A page that comes back empty while Plex counts more entries has dropped some.
            let unreadable = skipped + total.saturating_sub(received);
            return Look::Whole { items, mark: new_mark, unreadable };
        }
        if rest_known {
            break;
        }
    }
    Look::Newest { items, mark: new_mark }
}

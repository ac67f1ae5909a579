//! The token owner's own list: pages by offset, conditional on the first page's ETag.

use super::{Look, MAX_PAGES, Start, Thoroughness, before, rest_is_on_record};
use crate::clients::plex::{OwnPage, Plex};
use crate::model::PlexId;

/// How much of what was read already is read again on going on: removals meanwhile move the rest of the list up.
const OVERLAP: u32 = 100;

/// Looks at the own list. The mark is the ETag of the first page; `on_record` tells whether a title has an open entry.
///
/// An ETag belongs to its exact URL, so an unchanged first page says nothing of removals further down: whole looks ignore it.
pub async fn look_at_own(plex: &Plex, start: Start<'_>, on_record: impl Fn(&PlexId) -> bool) -> Look {
    let newest = start.thoroughness == Thoroughness::Newest;
    let resumed =
        start.resume.and_then(|offset| offset.parse::<u32>().ok()).map(|offset| offset.saturating_sub(OVERLAP));
    let (mut items, mut mark) = (Vec::new(), None);
    let (mut offset, mut skipped) = (resumed.unwrap_or(0), 0_u32);
    for nth in 1..=MAX_PAGES {
        let condition = start.mark.filter(|_| offset == 0 && newest);
        let page = match before(start.until, plex.own_watchlist_page(offset, nth, condition)).await {
            Ok(OwnPage::Page(page)) => page,
            Ok(OwnPage::NotModified) => return Look::NotModified,
            Err(error) => return Look::failed(items, error, (offset > 0).then(|| offset.to_string())),
        };
        if offset == 0 {
            mark = page.etag;
        }
        offset += page.received;
        skipped += page.skipped;
        let rest_known = newest && rest_is_on_record(&page.items, &on_record);
        items.extend(page.items);
        let ends = page.received == 0 || page.total.is_some_and(|total| offset >= total);
        if ends && resumed.is_some() {
            return Look::Newest { items, mark: None };
        }
        if ends {
            // A page that comes back empty while Plex counts more entries has dropped some; so may one of a list that Plex does
            // not count at all.
            let dropped = page.total.map_or(1, |total| total.saturating_sub(offset));
            return Look::Whole { items, mark, unreadable: skipped + dropped };
        }
        if rest_known {
            return Look::Newest { items, mark };
        }
    }
    // Longer than anybody's list: what is beyond stays unread, and nothing is taken as missing.
    Look::Whole { items, mark, unreadable: 1 }
}

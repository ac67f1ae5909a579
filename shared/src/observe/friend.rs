//! A friend's list: pages by cursor, guarded by one small query.

use super::{Look, MAX_PAGES, Start, Thoroughness, before, rest_is_on_record};
use crate::clients::plex::Plex;
use crate::model::{PlexId, UserUuid};

/// Looks at a friend's list. The mark is the fingerprint of the list's head; `on_record` tells whether a title has an open entry.
///
/// The head is read before the pages: should the list change in between, the next look finds the mark outdated and reads again.
pub async fn look_at_friend(
    plex: &Plex,
    uuid: &UserUuid,
    start: Start<'_>,
    on_record: impl Fn(&PlexId) -> bool,
) -> Look {
    let newest = start.thoroughness == Thoroughness::Newest;
    let mut cursor = start.resume.map(str::to_owned);
    let mut head = None;
    if cursor.is_none() {
        head = match before(start.until, plex.friend_head(uuid)).await {
            Ok(head) => Some(head),
            Err(error) => return Look::failed(Vec::new(), error, None),
        };
        if newest && start.mark == head.as_deref() {
            return Look::NotModified;
        }
    }
    let (mut items, mut unreadable) = (Vec::new(), 0_u32);
    for nth in 1..=MAX_PAGES {
        let page = match before(start.until, plex.friend_watchlist_page(uuid, nth, cursor.as_deref())).await {
            Ok(page) => page,
            Err(error) => return Look::failed(items, error, cursor),
        };
        unreadable += page.skipped;
        let rest_known = newest && rest_is_on_record(&page.items, &on_record);
        items.extend(page.items);
        // A next page without a cursor to it, or the same cursor again, would read in circles: what follows stays unread.
        let circles = page.has_next_page && (page.end_cursor.is_none() || page.end_cursor == cursor);
        if !page.has_next_page || circles {
            return match head {
                None => Look::Newest { items, mark: None },
                mark => Look::Whole { items, mark, unreadable: unreadable + u32::from(circles) },
            };
        }
        if rest_known {
            return Look::Newest { items, mark: head };
        }
        cursor = page.end_cursor;
    }
    // Longer than anybody's list: what is beyond stays unread, and nothing is taken as missing.
    Look::Whole { items, mark: head, unreadable: unreadable + 1 }
}

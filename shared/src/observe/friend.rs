//! A friend's list: pages by cursor, guarded by one small query.

use super::{Look, MAX_PAGES, Thoroughness, rest_is_on_record};
use crate::clients::plex::Plex;
use crate::model::{PlexId, UserUuid};

/// Looks at a friend's list. `mark` is the fingerprint of the list's head at the last look; `on_record` tells whether a title has
/// an open entry.
///
/// The head is read before the pages: should the list change in between, the next look finds the mark outdated and reads again.
pub async fn look_at_friend(
    plex: &Plex,
    uuid: &UserUuid,
    thoroughness: Thoroughness,
    mark: Option<&str>,
    on_record: impl Fn(&PlexId) -> bool,
) -> Look {
    let head = match plex.friend_head(uuid).await {
        Ok(head) => head,
        Err(error) => return Look::failed(Vec::new(), error),
    };
    if thoroughness == Thoroughness::Newest && mark == Some(head.as_str()) {
        return Look::NotModified;
    }
    let (mut items, mut unreadable, mut cursor) = (Vec::new(), 0_u32, None::<String>);
    for nth in 1..=MAX_PAGES {
        let page = match plex.friend_watchlist_page(uuid, nth, cursor.as_deref()).await {
            Ok(page) => page,
            Err(error) => return Look::failed(items, error),
        };
        unreadable += page.skipped;
        let rest_known = thoroughness == Thoroughness::Newest && rest_is_on_record(&page.items, &on_record);
        items.extend(page.items);
        if !page.has_next_page {
            return Look::Whole { items, mark: Some(head), unreadable };
        }
        // A next page without a cursor to it, or the same cursor again, would read in circles: what follows stays unread.
        if page.end_cursor.is_none() || page.end_cursor == cursor {
            return Look::Whole { items, mark: Some(head), unreadable: unreadable + 1 };
        }
        if rest_known {
            break;
        }
        cursor = page.end_cursor;
    }
    Look::Newest { items, mark: Some(head) }
}

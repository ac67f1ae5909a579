//! What a feed tells that it has not told before, by author: two friends who add the same title are two pieces of news. Pure.
//!
//! A feed is a window on the newest wishes, and caches on the way serve old windows. So what vanishes is no news, nor is what comes
//! back, nor what moves up from below once something above it has gone.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use pulsarr_shared::clients::plex::FeedItem;
use pulsarr_shared::clock::{UnixMs, has_passed};

/// The most items of any feed: one so long says nothing about what is below.
const WINDOW: usize = 50;

/// How long an item that has vanished is remembered.
const REMEMBER: Duration = Duration::from_secs(60 * 60);

/// What a reading tells.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct News {
    /// Wishes that were never told before, counted by their author's uuid.
    pub new: BTreeMap<String, u32>,
    /// Authors of wishes that came back or moved into the window. Nobody's run begins for them, but the feed has told of them.
    pub again: BTreeSet<String>,
    /// New wishes of nobody knows whom.
    pub unattributed: u32,
}

/// What a feed has told.
#[derive(Debug, Default)]
pub struct Memory {
    lines: Vec<Line>,
    /// Items of the last reading; none before the first.
    last_length: Option<usize>,
}

#[derive(Debug, Clone)]
struct Line {
    item: FeedItem,
    seen_at_ms: UnixMs,
    /// Whether the last reading had it.
    in_last: bool,
}

impl Memory {
    /// Takes note of a reading, in the feed's own order. The first one is only what later ones are compared with.
    pub fn read(&mut self, items: Vec<FeedItem>, now_ms: UnixMs) -> News {
        let first = self.last_length.is_none();
        let full = self.last_length.replace(items.len()).is_some_and(|length| length >= WINDOW);
        let known: Vec<Option<usize>> = items.iter().map(|item| self.position(item)).collect();
        let in_last =
            |position: &Option<usize>| position.is_some_and(|at| self.lines.get(at).is_some_and(|it| it.in_last));
        let lowest_known = known.iter().rposition(in_last);
        let mut news = News::default();
        for (position, (item, known_as)) in items.iter().zip(&known).enumerate() {
            if first || in_last(known_as) {
                continue;
            }
            let from_below = full && lowest_known.is_some_and(|lowest| position > lowest);
            let author = item.author.as_ref().map(|author| author.as_str().to_owned());
            match (author, known_as.is_some() || from_below) {
                (Some(author), true) => {
                    news.again.insert(author);
                }
                (Some(author), false) => *news.new.entry(author).or_default() += 1,
                (None, true) => {}
                (None, false) => news.unattributed += 1,
            }
        }
        self.remember(items, &known, now_ms);
        news
    }

    fn position(&self, item: &FeedItem) -> Option<usize> {
        self.lines.iter().position(|line| is_same(&line.item, item))
    }

    fn remember(&mut self, items: Vec<FeedItem>, known: &[Option<usize>], now_ms: UnixMs) {
        let vanished = self.lines.iter().enumerate().filter(|(position, line)| {
            !known.contains(&Some(*position)) && !has_passed(line.seen_at_ms, REMEMBER, now_ms)
        });
        let mut lines: Vec<Line> = vanished.map(|(_, line)| Line { in_last: false, ..line.clone() }).collect();
        for (mut item, known_as) in items.into_iter().zip(known) {
            // One form of a feed tells one of a title's ids, and not always the same one.
            if let Some(line) = known_as.and_then(|position| self.lines.get(position)) {
                item.guids.extend(line.item.guids.iter().cloned());
                item.guids.sort();
                item.guids.dedup();
            }
            lines.push(Line { item, seen_at_ms: now_ms, in_last: true });
        }
        self.lines = lines;
    }
}

/// Whether both are the same person's same wish. Any id in common is enough; one that Plex has no ids for yet goes by its title.
fn is_same(one: &FeedItem, other: &FeedItem) -> bool {
    if one.author != other.author {
        return false;
    }
    // The same number may be a movie and a show.
    if one.media_type.zip(other.media_type).is_some_and(|(one, other)| one != other) {
        return false;
    }
    if one.guids.is_empty() || other.guids.is_empty() {
        return one.title == other.title;
    }
    one.guids.iter().any(|guid| other.guids.contains(guid))
}

#[cfg(test)]
mod tests {
    use pulsarr_shared::model::{MediaType, UserUuid};

    use super::*;

    const NOON: UnixMs = 1_795_435_200_000;

    /// `ada:1` is Ada's wish for movie 1, `-:1` nobody's; `ada:1+` has a second id, `ada:1?` none.
    fn item(text: &str) -> FeedItem {
        let (author, title) = text.split_once(':').unwrap();
        let number = title.trim_end_matches(['+', '?']);
        let mut guids = vec![format!("tmdb://{number}")];
        if title.ends_with('+') {
            guids.insert(0, format!("imdb://tt{number}"));
        }
        if title.ends_with('?') {
            guids.clear();
        }
        FeedItem {
            author: Some(author).filter(|author| *author != "-").and_then(UserUuid::parse),
            media_type: Some(MediaType::Movie),
            guids,
            title: number.to_owned(),
            pub_date_ms: None,
        }
    }

    fn items(text: &str) -> Vec<FeedItem> {
        text.split_whitespace().map(item).collect()
    }

    /// `ada+2 bea~ ?1`: two new ones of Ada's, something again of Bea's, and one of nobody's.
    fn shown(news: &News) -> String {
        let new = news.new.iter().map(|(author, count)| format!("{author}+{count}"));
        let again = news.again.iter().map(|author| format!("{author}~"));
        let nobodys = (news.unattributed > 0).then(|| format!("?{}", news.unattributed));
        new.chain(again).chain(nobodys).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn only_what_was_never_told_is_news() {
        for (name, readings) in [
            ("the first reading is no news", &[("ada:1 bea:2", "")][..]),
            ("nor is the same again", &[("ada:1 bea:2", ""), ("ada:1 bea:2", "")]),
            ("an empty feed is a beginning too", &[("", ""), ("ada:1", "ada+1")]),
            ("what is new is news, once", &[("ada:1", ""), ("ada:2 ada:1", "ada+1"), ("ada:2 ada:1", "")]),
            ("two friends and one title are two", &[("ada:1", ""), ("bea:1 ada:1", "bea+1")]),
            ("each is counted", &[("", ""), ("ada:3 bea:2 ada:1", "ada+2 bea+1")]),
            ("another order is no news", &[("ada:1 bea:2 cyd:3", ""), ("cyd:3 ada:1 bea:2", "")]),
            ("fewer are no news", &[("ada:1 bea:2 cyd:3", ""), ("bea:2", "")]),
            (
                "what comes back is not new",
                &[("ada:1 bea:2", ""), ("bea:2", ""), ("ada:1 bea:2", "ada~"), ("ada:1", "")],
            ),
            ("more ids are the same wish", &[("ada:1", ""), ("ada:1+", ""), ("ada:1", "")]),
            ("so are the first ids of all", &[("ada:1?", ""), ("ada:1+", ""), ("ada:1", "")]),
            ("a wish without ids is news", &[("ada:1", ""), ("ada:2? ada:1", "ada+1")]),
            ("nobody's is counted apart", &[("-:1", ""), ("-:2 -:1", "?1"), ("-:2", "")]),
        ] {
            let mut memory = Memory::default();
            for (number, (reading, expected)) in (0..).zip(readings) {
                let news = memory.read(items(reading), NOON + number * 60_000);
                assert_eq!(shown(&news), *expected, "{name}: reading {number}");
            }
        }
    }

    #[test]
    fn an_id_may_be_a_movie_and_a_show() {
        let mut memory = Memory::default();
        memory.read(items("ada:1"), NOON);
        let show = FeedItem { media_type: Some(MediaType::Show), ..item("ada:1") };
        assert_eq!(shown(&memory.read(vec![show, item("ada:1")], NOON)), "ada+1");
    }

    #[test]
    fn what_moves_up_into_a_full_window_is_old() {
        let wishes =
            |numbers: std::ops::Range<u32>| numbers.map(|number| item(&format!("ada:{number}"))).collect::<Vec<_>>();
        let mut memory = Memory::default();
        memory.read(wishes(100..150), NOON);
        // 100 and 101 were removed from the list.
        assert_eq!(shown(&memory.read(wishes(102..152), NOON)), "ada~");
        let mut newer = wishes(102..151);
        newer.insert(0, item("bea:7"));
        assert_eq!(shown(&memory.read(newer, NOON)), "bea+1");
        assert_eq!(shown(&memory.read(wishes(900..950), NOON)), "ada+50", "more than a window of new ones");
    }

    #[test]
    fn what_has_vanished_is_forgotten_after_an_hour() {
        let mut memory = Memory::default();
        memory.read(items("ada:1 bea:2"), NOON);
        memory.read(items("bea:2"), NOON + 60_000);
        assert_eq!(shown(&memory.read(items("ada:1 bea:2"), NOON + 30 * 60_000)), "ada~");
        memory.read(items("bea:2"), NOON + 31 * 60_000);
        memory.read(items("bea:2"), NOON + 91 * 60_000);
        assert_eq!(shown(&memory.read(items("ada:1 bea:2"), NOON + 92 * 60_000)), "ada+1");
    }
}

//! Words from elsewhere on a terminal. Titles, names and answers come from Plex, the arrs and people, and can hold anything: a
//! colour, a line break, an order to wipe the screen. Owns how such a text is shown; refuses to change what is stored, or what
//! goes into JSON, which has escapes of its own.

use std::borrow::Cow;
use std::fmt::Display;

/// `text` as one line that a terminal only shows and never obeys: each control character is written as Rust would, `\n` or
/// `\u{1b}`.
///
/// Written out and not replaced by one sign for all: two titles that differ stay different, and whoever wonders what is wrong with
/// a title sees it. What turns the direction of reading around counts as control, because the end of a line could be made to read
/// as its beginning; so do the line breaks of Unicode. The marks that scripts from right to left need do not.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(takes_over) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if takes_over(character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

fn takes_over(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// `812 KiB`, `3.4 MiB`, `5.0 GiB`.
#[must_use]
pub fn size(bytes: u64) -> String {
    const MIB: u64 = 1024 * 1024;
    const GIB: u64 = 1024 * MIB;
    let in_units_of = |unit: u64, name: &str| format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit);
    match bytes {
        ..MIB => format!("{} KiB", bytes.div_ceil(1024)),
        MIB..GIB => in_units_of(MIB, "MiB"),
        GIB.. => in_units_of(GIB, "GiB"),
    }
}

/// A text of whole lines, each of them [`printable`]: no word from elsewhere can begin a line of its own.
#[derive(Debug, Default)]
pub struct Lines(String);

impl Lines {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One more line. A line break inside of `line` is somebody else's, and is shown as `\n`.
    pub fn line(&mut self, line: impl Display) {
        self.0.push_str(&printable(&line.to_string()));
        self.0.push('\n');
    }

    /// The text, empty or ending in a line break.
    #[must_use]
    pub fn into_text(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_told_in_the_unit_that_fits() {
        assert_eq!([size(0), size(1), size(1_048_575), size(3_565_159)], ["0 KiB", "1 KiB", "1024 KiB", "3.4 MiB"]);
        assert_eq!(size(5 << 30), "5.0 GiB");
    }

    #[test]
    fn what_a_terminal_would_obey_is_written_out() {
        let check = |text: &str, expected: &str| assert_eq!(printable(text), expected);
        check("Salt\u{1b}[31m Ledger", "Salt\\u{1b}[31m Ledger");
        check("one\r\ntwo\tthree", "one\\r\\ntwo\\tthree");
        check("\u{9b}2J\u{7f}\u{0}", "\\u{9b}2J\\u{7f}\\u{0}");
        check("Ledger \u{202e}kv.exe", "Ledger \\u{202e}kv.exe");
        check("a\u{2028}b", "a\\u{2028}b");
    }

    #[test]
    fn ordinary_titles_in_any_script_stay_as_they_are() {
        for title in ["Amélie: \"Été\" \\o/ `x`", "千と千尋の神隠し", "שתיקה\u{200f} (2019)", "👨\u{200d}👩\u{200d}👧"]
        {
            assert!(matches!(printable(title), Cow::Borrowed(shown) if shown == title), "{title}");
        }
    }

    #[test]
    fn only_our_own_line_breaks_break_lines() {
        let mut lines = Lines::new();
        assert_eq!(Lines::new().into_text(), "");
        lines.line("Salt Ledger\nok in 1 ms");
        lines.line(format_args!("{} added", 1));
        assert_eq!(lines.into_text(), "Salt Ledger\\nok in 1 ms\n1 added\n");
    }
}

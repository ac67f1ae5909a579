//! Names are looked for whatever the case of their letters, in every script: SQLite's own `lower` knows the 26 of ASCII. What is
//! folded is asked for, never kept, so no row can be of another opinion than the program that reads it.

use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, Error};

/// `text` with every letter small: `ÜBER` is `über`, and all three sigmas are one. Accents stay, and a letter with its accent is not
/// the same as a letter that an accent follows.
pub(super) fn folded(text: &str) -> String {
    let small = text.chars().flat_map(char::to_lowercase);
    // The sigma at the end of a word is the same letter, whose capital does not tell which it was.
    small.map(|letter| if letter == 'ς' { 'σ' } else { letter }).collect()
}

/// Gives queries of `connection` the function `contains_folded(text, part)`: whether [`folded`] `text` contains `part`, which comes
/// folded already.
pub(super) fn teach(connection: &Connection) -> Result<(), Error> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_DIRECTONLY;
    connection.create_scalar_function("contains_folded", 2, flags, |arguments| {
        let text = |at| arguments.get_raw(at).as_bytes().map_err(|error| Error::UserFunctionError(error.into()));
        Ok(contains(text(0)?, text(1)?))
    })
}

/// Most names are ASCII and need no copy: all of them are looked through for each page.
fn contains(text: &[u8], part: &[u8]) -> bool {
    if !text.is_ascii() {
        return folded(&String::from_utf8_lossy(text)).contains(&*String::from_utf8_lossy(part));
    }
    let Some(first) = part.first() else { return true };
    let mut beginnings = text.windows(part.len());
    beginnings.any(|found| found[0].to_ascii_lowercase() == *first && found.eq_ignore_ascii_case(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_any_case_and_script() {
        let found = |text: &str, part: &str| {
            let connection = Connection::open_in_memory().unwrap();
            teach(&connection).unwrap();
            let ask = "SELECT contains_folded(?1, ?2)";
            connection.query_row(ask, [text, &folded(part)], |row| row.get::<_, bool>(0)).unwrap()
        };
        for (text, part) in [
            ("Über uns", "über"),
            ("über uns", "ÜBER"),
            ("Salt Ledger", "LEDGER"),
            ("Salt Ledger", "r"),
            ("Salt Ledger", ""),
            ("ΟΔΟΣ", "οδος"),
            ("ΟΔΟΣΕΣ", "ΟΔΟΣ"),
            ("Москва", "МОСК"),
            ("273 K", "\u{212a}"),
            ("\u{212a}elvin", "kelvin"),
            ("İstanbul", "İSTAN"),
            ("千と千尋", "千尋"),
        ] {
            assert!(found(text, part), "{text} {part}");
        }
        for (text, part) in [
            ("Uber uns", "über"),
            ("Über uns", "uber"),
            ("Salt Ledger", "ledgers"),
            ("Salt Ledger", "ledgér"),
            ("Salt Ledger", "%"),
            ("", "a"),
        ] {
            assert!(!found(text, part), "{text} {part}");
        }
    }
}

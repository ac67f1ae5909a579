//! Several values in one field: `Anime, Fantasy`. A value that has a comma itself stands in double quotes.

/// The values, without white space around them; empty ones are left out.
pub fn split(text: &str) -> Vec<String> {
    let (mut values, mut value, mut quoted, mut was_quoted) = (Vec::new(), String::new(), false, false);
    let mut characters = text.chars().peekable();
    let mut end = |value: &mut String, was_quoted: &mut bool| {
        let whole = std::mem::take(value);
        let whole = if std::mem::take(was_quoted) { whole } else { whole.trim().to_owned() };
        if !whole.is_empty() {
            values.push(whole);
        }
    };
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                value.push('"');
            }
            '"' if quoted => quoted = false,
            '"' if value.trim().is_empty() && !was_quoted => {
                value.clear();
                (quoted, was_quoted) = (true, true);
            }
            ',' | '\n' if !quoted => end(&mut value, &mut was_quoted),
            // Behind the closing quote, up to the comma.
            white if was_quoted && !quoted && white.is_whitespace() => {}
            other => value.push(other),
        }
    }
    end(&mut value, &mut was_quoted);
    values
}

/// The values in one line, fit to be split again.
pub fn join<'v>(values: impl IntoIterator<Item = &'v str>) -> String {
    let quoted = |value: &str| {
        let plain = value.trim() == value && !value.contains([',', '"', '\n']) && !value.is_empty();
        if plain { value.to_owned() } else { format!("\"{}\"", value.replace('"', "\"\"")) }
    };
    values.into_iter().map(quoted).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_whatever_is_in_them() {
        assert_eq!(split(" Anime,Science Fiction ,, "), ["Anime", "Science Fiction"]);
        assert_eq!(split("\"Disney, Inc.\" , R"), ["Disney, Inc.", "R"]);
        assert_eq!(split("5\" disc, \"open"), ["5\" disc", "open"]);
        assert!(split(" , ").is_empty());
        let odd = ["a, b", " a ", "\"q\"", "x\"y", "😀", "plain"];
        assert_eq!(split(&join(odd)), odd);
        assert_eq!(join(["a", "b c"]), "a, b c");
    }
}

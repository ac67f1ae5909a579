//! YAML text to one tree of nodes with positions. Knows the format's pitfalls and nothing of the settings' meaning.
//!
//! The parser underneath walks nested collections recursively, reads numbers before anybody can ask how they were
//! written, and stops at the first repeated key. This module refuses what would exhaust the stack, gives back the text
//! of a number, and renames repeated keys so that all of them can be reported.

use saphyr::{LoadableYamlNode as _, MarkedYaml, Scalar, YamlData};

use super::finding::Problem;

/// No settings file is larger; bytes.
pub(super) const FILE_LIMIT: usize = 1024 * 1024;

/// Columns a line may be indented by, and collections one line may open: together they bound how deep a file nests.
const INDENT_LIMIT: usize = 100;
const OPENERS_LIMIT: usize = 50;

/// Repeated keys that are reported; one more ends the reading.
const REPEATED_LIMIT: usize = 20;

/// Stands around the number of a repeated key. A private-use character that no settings file has a reason to contain.
pub(super) const MARK: char = '\u{e0d0}';

/// A settings file's text, decoded and found harmless, with its tree.
pub(super) struct Document {
    /// As the parser saw it and counts positions: in characters, without byte order mark, repeated keys renamed.
    characters: Vec<char>,
    /// The one document; `None` when the file has none.
    root: Option<MarkedYaml<'static>>,
}

impl Document {
    /// Reads a file's bytes.
    ///
    /// # Errors
    /// One problem: not text, too deep, more than one document, or against YAML's grammar.
    pub fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        let mut text = checked_text(bytes)?.to_owned();
        let mut repeated = 0;
        let mut documents = loop {
            let error = match MarkedYaml::load_from_str(&text) {
                Ok(documents) => break documents,
                Err(error) => error,
            };
            let position = text.char_indices().nth(error.marker().index()).map(|(position, _)| position);
            match position {
                Some(position) if error.info().contains("duplicated key") && repeated < REPEATED_LIMIT => {
                    text.insert_str(position, &format!("{MARK}{repeated}{MARK}"));
                    repeated += 1;
                }
                _ => return Err(syntax_problem(&error)),
            }
        };
        if let Some(second) = documents.get(1) {
            let line = second.span.start.line();
            return Err(Problem::at(line, "", "a second document starts here: keep one, without `---` between parts"));
        }
        let root = documents.pop().filter(|root| !matches!(root.data, YamlData::Value(Scalar::Null)));
        Ok(Self { characters: text.chars().collect(), root })
    }

    /// The outermost node, if the file says anything.
    pub fn root(&self) -> Option<&MarkedYaml<'static>> {
        self.root.as_ref()
    }

    /// The outermost node, for putting more into it; made where there is none.
    pub fn root_mut(&mut self) -> &mut MarkedYaml<'static> {
        self.root.get_or_insert_with(|| YamlData::Value(Scalar::Null).into())
    }

    /// The text of a scalar, for numbers and booleans as they were written: `0042` and not `42`, a key of digits in
    /// full. `None` for null and for what is no scalar.
    pub fn scalar(&self, node: &MarkedYaml<'_>) -> Option<String> {
        let scalar = match &node.data {
            YamlData::Value(Scalar::Null) => return None,
            YamlData::Value(Scalar::String(text)) => return Some(text.clone().into_owned()),
            YamlData::Value(scalar) => scalar,
            _ => return None,
        };
        let (start, end) = (node.span.start.index(), node.span.end.index());
        let written: String = self.characters.get(start..end).unwrap_or_default().iter().collect();
        // An alias has the position of its `*name`, not of the number.
        if Scalar::parse_from_cow(written.trim().into()) == *scalar {
            return Some(written.trim().to_owned());
        }
        Some(match scalar {
            Scalar::Boolean(value) => value.to_string(),
            Scalar::Integer(value) => value.to_string(),
            Scalar::FloatingPoint(value) => value.to_string(),
            Scalar::Null | Scalar::String(_) => return None,
        })
    }
}

/// A key's own text, and whether the same key stood earlier in its mapping.
pub(super) fn key_text(key: &str) -> (&str, bool) {
    match key.strip_prefix(MARK).and_then(|rest| rest.split_once(MARK)) {
        Some((_, original)) => (original.trim_matches(['"', '\'']), true),
        None => (key, false),
    }
}

/// What a node is, for a sentence that says what was found. Never its content, which may be secret.
pub(super) fn shape(node: &MarkedYaml<'_>) -> &'static str {
    match &node.data {
        YamlData::Value(Scalar::Null) => "nothing",
        YamlData::Value(Scalar::Boolean(_)) => "true or false",
        YamlData::Value(Scalar::Integer(_) | Scalar::FloatingPoint(_)) => "a number",
        YamlData::Value(Scalar::String(_)) | YamlData::Representation(..) => "text",
        YamlData::Sequence(_) => "a list",
        YamlData::Mapping(_) => "a group of keys",
        YamlData::Tagged(..) => "a tag such as `!name`",
        YamlData::Alias(_) | YamlData::BadValue => "something unreadable",
    }
}

fn syntax_problem(error: &saphyr::ScanError) -> Problem {
    let what = error.info();
    let advice =
        if what.contains("tab") { "indent with spaces" } else { "check indentation, colons and quotes here and above" };
    Problem::at(error.marker().line(), "", format!("is not valid YAML ({what}): {advice}"))
}

/// The file's text, if the parser can be trusted with it.
pub(super) fn checked_text(bytes: &[u8]) -> Result<&str, Problem> {
    let line_of = |end: usize| bytes[..end].iter().filter(|byte| **byte == b'\n').count() + 1;
    if bytes.len() > FILE_LIMIT {
        return Err(Problem::at(1, "", "is larger than 1 MiB: that is no settings file, check the path"));
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| Problem::at(line_of(error.valid_up_to()), "", "is not UTF-8 text: save the file as UTF-8"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // The parser takes a NUL for the end of the file and would ignore what follows.
    let forbidden = |c: char| c == MARK || (c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{85}'));
    if let Some(position) = text.find(forbidden) {
        let line = text[..position].matches('\n').count() + 1;
        return Err(Problem::at(line, "", "contains a control character: check that this is the settings file"));
    }
    for (index, line) in text.split(['\n', '\r']).enumerate() {
        let content = line.trim_start_matches([' ', '\t']);
        if content.starts_with('#') {
            continue;
        }
        let openers = ["- ", "? ", "-\t", "?\t"].iter().map(|opener| line.matches(opener).count()).sum::<usize>();
        if line.len() - content.len() > INDENT_LIMIT || openers > OPENERS_LIMIT {
            let line = index + 1;
            return Err(Problem::at(line, "", "nests deeper than any settings file: check the indentation"));
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> (Option<usize>, String) {
        let problem = Document::parse(text.as_bytes()).err().unwrap();
        (problem.line, problem.message)
    }

    fn scalar_of(text: &str) -> Option<String> {
        let document = Document::parse(text.as_bytes()).unwrap();
        let mapping = document.root().unwrap().data.as_mapping().unwrap();
        mapping.iter().next_back().and_then(|(_, node)| document.scalar(node))
    }

    #[test]
    fn scalars_keep_their_spelling() {
        let check = |text: &str, expected: Option<&str>| assert_eq!(scalar_of(text).as_deref(), expected, "{text}");
        check("a: 0042", Some("0042"));
        check("é: ü\r\nb: 0x1F # hex\r\n", Some("0x1F"));
        check("a: 12e45678901234567890123456789012", Some("12e45678901234567890123456789012"));
        check("{a: 1.50, b: 7.0}", Some("7.0"));
        check("a: True", Some("True"));
        check("a: &n 7\nb: *n", Some("7"));
        check("a: '7'", Some("7"));
        check("a: ~", None);
        check("a: [7]", None);
    }

    #[test]
    fn repeated_keys_are_kept_apart() {
        let document = Document::parse(b"a: 1\n\"a\": 2\nb:\n  - {c: 1, c: 2}\n").unwrap();
        let mapping = document.root().unwrap().data.as_mapping().unwrap();
        let keys: Vec<_> = mapping.keys().map(|key| key_text(key.data.as_str().unwrap())).collect();
        assert_eq!(keys, [("a", false), ("a", true), ("b", false)]);
        let lines: Vec<_> = mapping.keys().map(|key| key.span.start.line()).collect();
        assert_eq!(lines, [1, 2, 3]);
        let many = "a: 1\n".repeat(30);
        assert_eq!(problem(&many).0, Some(22));
    }

    #[test]
    fn text_that_is_no_settings_file_is_refused() {
        let check = |bytes: &[u8], line, message: &str| {
            let problem = Document::parse(bytes).err().unwrap();
            assert_eq!((problem.line, problem.message.as_str()), (Some(line), message));
        };
        check(b"a: 1\nb: \xff\n", 2, "is not UTF-8 text: save the file as UTF-8");
        check(b"a: 1\n\nb: \0\n", 3, "contains a control character: check that this is the settings file");
        check(&vec![b'a'; FILE_LIMIT + 1], 1, "is larger than 1 MiB: that is no settings file, check the path");
        check(b"a: 1\n---\nb: 1\n", 3, "a second document starts here: keep one, without `---` between parts");
    }

    #[test]
    fn broken_grammar_is_one_problem_with_its_line() {
        let (line, message) = problem("a: 1\nb: [1, 2\nc: 3\n");
        assert_eq!(line, Some(3), "{message}");
        let (line, message) = problem("a:\n\tb: 1\n");
        assert_eq!(line, Some(2));
        assert_eq!(
            message,
            "is not valid YAML (tabs disallowed within this context (block indentation)): indent with spaces"
        );
        let (line, _) = problem("a: *nobody\n");
        assert_eq!(line, Some(1));
    }

    /// The parser recurses; a stack as small as a worker thread's must be enough for whatever passes the checks.
    #[test]
    fn deep_files_do_not_exhaust_the_stack() {
        let deep_block: String = (0..100).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
        let deep_dashes = format!("{}x\n", "- ".repeat(50));
        let deep_lists: String = (0..=100).step_by(2).map(|depth| format!("{}- -\n", " ".repeat(depth))).collect();
        let deep_flow = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let deep_pairs = format!("{}{}", "[a: ".repeat(50), "]".repeat(50));
        let keys = format!("{}{}", "{".repeat(254), "}".repeat(254));
        let work = move || {
            for text in [deep_block, deep_dashes, deep_lists, deep_flow(250), deep_pairs, keys, "[[a]: ".repeat(50)] {
                let _ = Document::parse(text.as_bytes());
            }
            for text in [
                deep_flow(100_000),
                "{".repeat(200_000),
                "- ".repeat(200_000),
                "? ".repeat(200_000),
                "-\t".repeat(200_000),
                "a: ".repeat(200_000),
                (0..1000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect(),
            ] {
                assert!(Document::parse(text.as_bytes()).is_err());
            }
        };
        std::thread::Builder::new().stack_size(1024 * 1024).spawn(work).unwrap().join().unwrap();
    }

    #[test]
    fn an_empty_file_has_no_root() {
        for text in ["", "\n\n", "# only a comment\n", "---\n", "~\n", "\u{feff}"] {
            assert!(Document::parse(text.as_bytes()).unwrap().root().is_none(), "{text:?}");
        }
    }
}

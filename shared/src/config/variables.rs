//! The variables of the process and of `.env`, as one table. Knows nothing of what they mean, and never asks the
//! process for its environment: callers hand it over.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::finding::{Findings, Problem};

/// No `.env` is larger; bytes.
const DOT_ENV_LIMIT: u64 = 1024 * 1024;

/// One variable with its origin.
#[derive(Clone)]
pub(super) struct Variable {
    pub value: String,
    /// It stands in `.env` only.
    pub dot_env: bool,
}

/// Every variable by name. Values may be secret, so there is no `Debug`.
#[derive(Default)]
pub(super) struct Variables(BTreeMap<String, Variable>);

impl Variables {
    /// `vars`, then `<base_dir>/.env` for names that `vars` does not have. Of a name given twice in `.env` the first
    /// counts, as with every reader of such files. dotenvy replaces `$NAME` in a value that is not in single quotes,
    /// and for that alone looks at the process itself.
    pub fn read(vars: impl IntoIterator<Item = (String, String)>, base_dir: &Path, findings: &mut Findings) -> Self {
        let process = vars.into_iter().map(|(name, value)| (name, Variable { value, dot_env: false }));
        let mut all = Self(process.collect());
        match read_dot_env(&base_dir.join(".env")) {
            Ok(Some(text)) => all.add_dot_env(&text, findings),
            Ok(None) => {}
            Err(error) => findings
                .problem(Problem::outside(".env", format!("cannot be read ({error}): correct or remove the file"))),
        }
        all
    }

    fn add_dot_env(&mut self, text: &str, findings: &mut Findings) {
        for item in dotenvy::from_read_iter(text.as_bytes()) {
            match item {
                Ok((name, value)) => {
                    self.0.entry(name).or_insert(Variable { value, dot_env: true });
                }
                // The error's own text repeats the line, which may hold a secret.
                Err(dotenvy::Error::LineParse(bad, _)) => {
                    // It is the whole line or its end, from the value on.
                    let end = bad.lines().next().unwrap_or_default().trim_end();
                    let number =
                        text.lines().position(|line| line.trim_end().ends_with(end)).map_or(1, |index| index + 1);
                    findings.problem(Problem::outside(
                        format!(".env:{number}"),
                        "is not NAME=value: put quotes around a value with spaces, and close every quote",
                    ));
                }
                Err(_) => {
                    findings.problem(Problem::outside(".env", "cannot be read: correct or remove the file"));
                    break;
                }
            }
        }
    }

    /// The variable, unless it is absent or empty: compose files and manifests write empty ones for "not set".
    pub fn get(&self, name: &str) -> Option<&Variable> {
        self.0.get(name).filter(|variable| !variable.value.trim().is_empty())
    }

    /// Every name, with its variable, in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Variable)> {
        self.0.iter().map(|(name, variable)| (name.as_str(), variable))
    }

    /// A process's variables, for tests.
    #[cfg(test)]
    pub fn of(vars: &[(&str, &str)]) -> Self {
        let one = |(name, value): &(&str, &str)| {
            ((*name).to_owned(), Variable { value: (*value).to_owned(), dot_env: false })
        };
        Self(vars.iter().map(one).collect())
    }
}

/// `path` as seen from `base_dir`; an absolute one stays as it is.
pub(super) fn resolve_path(base_dir: &Path, path: &Path) -> PathBuf {
    base_dir.join(path.strip_prefix(".").unwrap_or(path))
}

fn read_dot_env(path: &Path) -> std::io::Result<Option<String>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut text = String::new();
    file.take(DOT_ENV_LIMIT + 1).read_to_string(&mut text)?;
    if text.len() as u64 > DOT_ENV_LIMIT {
        return Err(std::io::Error::other("it is larger than 1 MiB"));
    }
    Ok(Some(text.trim_start_matches('\u{feff}').to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(vars: &[(&str, &str)], dot_env: &[u8]) -> (Variables, Findings) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(".env"), dot_env).unwrap();
        let mut findings = Findings::default();
        let vars = vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        (Variables::read(vars, dir.path(), &mut findings), findings)
    }

    #[test]
    fn the_process_wins_over_dot_env() {
        let (variables, findings) =
            read(&[("A", "process")], b"\xef\xbb\xbfA=file\nB='two words' # why\r\nexport C=3\nC=4\n");
        let shown: Vec<_> = variables.iter().map(|(name, v)| (name, v.value.as_str(), v.dot_env)).collect();
        assert_eq!(shown, [("A", "process", false), ("B", "two words", true), ("C", "3", true)]);
        assert!(findings.problems.is_empty());
    }

    #[test]
    fn bad_lines_of_dot_env_are_named_without_their_content() {
        let (_, findings) = read(&[], b"A=1\nPLEX_TOKEN hunter2\n\nB=hunter2 hunter3\n");
        let places: Vec<_> = findings.problems.iter().map(|problem| problem.path.as_str()).collect();
        assert_eq!(places, [".env:2", ".env:4"]);
        assert_eq!(
            findings.problems[0].message,
            "is not NAME=value: put quotes around a value with spaces, and close every quote"
        );
    }

    #[test]
    fn a_dot_env_that_is_no_text_is_a_problem() {
        let (_, findings) = read(&[], b"A=\xff\xfe\n");
        assert_eq!(findings.problems.len(), 1);
        assert_eq!(findings.problems[0].path, ".env");
    }

    #[test]
    fn an_empty_variable_counts_as_absent() {
        assert!(Variables::of(&[("A", " ")]).get("A").is_none());
    }

    #[test]
    fn relative_paths_start_at_the_base() {
        let check = |path: &str, expected: &str| {
            assert_eq!(resolve_path(Path::new("/srv"), Path::new(path)), Path::new(expected));
        };
        check("./data", "/srv/data");
        check("data", "/srv/data");
        check("/data", "/data");
    }
}

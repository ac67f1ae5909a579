//! Where secrets come from: `${NAME}`, `file:/path`, or the text itself. Reads variables it is given and the files they
//! name. Messages name variables and files, never what they hold.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use secrecy::{ExposeSecret as _, SecretString};

use super::finding::quoted;
use super::variables::{Variables, resolve_path};
use crate::vault::{SEALED, Vault};

/// No secret file is larger; bytes.
const SECRET_FILE_LIMIT: u64 = 64 * 1024;

/// A secret, and whether it stood in the settings file in clear.
pub(super) struct Resolved {
    pub secret: SecretString,
    pub in_clear: bool,
}

/// Resolves references against the process's variables. Remembers which names were asked for.
pub(super) struct Secrets<'a> {
    variables: &'a Variables,
    /// Where relative paths start.
    base_dir: &'a Path,
    asked: RefCell<BTreeSet<String>>,
    /// What cannot be found counts as set.
    lenient: bool,
    /// Opens what the service sealed.
    vault: Option<&'a Vault>,
}

/// Stands for a secret that nobody needs. Fits into a header, and is no key of anybody.
const TAKEN_FOR_SET: &str = "taken-for-set";

impl<'a> Secrets<'a> {
    pub fn new(variables: &'a Variables, base_dir: &'a Path) -> Self {
        Self { variables, base_dir, asked: RefCell::default(), lenient: false, vault: None }
    }

    /// The same, and variables and files that cannot be found count as set.
    pub fn taken_for_set(variables: &'a Variables, base_dir: &'a Path) -> Self {
        Self { lenient: true, ..Self::new(variables, base_dir) }
    }

    /// The same, and what `vault` sealed is opened.
    pub fn with_vault(self, vault: Option<&'a Vault>) -> Self {
        Self { vault, ..self }
    }

    /// The variables that references named, `_FILE` companions included.
    pub fn into_asked(self) -> BTreeSet<String> {
        self.asked.into_inner()
    }

    /// The secret that `text` stands for, without spaces and line ends around it.
    ///
    /// # Errors
    /// A sentence for the person who wrote `text`.
    pub fn resolve(&self, text: &str) -> Result<Resolved, String> {
        let text = text.trim();
        let (secret, in_clear) = if let Some(name) = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')) {
            if !is_variable_name(name) {
                return Err("`${…}` takes the name of one variable, such as ${PLEX_TOKEN}, and stands alone".to_owned());
            }
            (self.or_taken_for_set(self.named(name))?, false)
        } else if text.contains("${") {
            return Err("`${…}` must be the whole value: put the complete secret into the variable".to_owned());
        } else if let Some(path) = text.strip_prefix("file:") {
            (self.or_taken_for_set(self.read(path.trim()))?, false)
        } else if text.starts_with(SEALED) {
            let Some(vault) = self.vault else {
                return Err(
                    "is sealed, and only the service's own settings can be: write ${NAME} or file:/path".to_owned()
                );
            };
            let opened = vault.unseal(text).map_err(|error| {
                format!("failed to {error}. Restore that file, or declare this in the settings file, which counts more")
            })?;
            (opened.expose_secret().to_owned(), false)
        } else {
            (text.to_owned(), true)
        };
        if secret.is_empty() {
            return Err("is empty: write ${NAME}, the name of a variable that holds it, or file:/path".to_owned());
        }
        if !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("has spaces, line breaks or other characters that no key has: copy it again".to_owned());
        }
        Ok(Resolved { secret: secret.into(), in_clear })
    }

    fn or_taken_for_set(&self, found: Result<String, String>) -> Result<String, String> {
        found.or_else(|message| if self.lenient { Ok(TAKEN_FOR_SET.to_owned()) } else { Err(message) })
    }

    /// The value of the variable `name`, or the content of the file that `<name>_FILE` names.
    fn named(&self, name: &str) -> Result<String, String> {
        let in_file = format!("{name}_FILE");
        self.asked.borrow_mut().extend([name.to_owned(), in_file.clone()]);
        if let Some(found) = self.variables.get(name) {
            return Ok(found.value.trim().to_owned());
        }
        let Some(path) = self.variables.get(&in_file) else {
            return Err(format!(
                "neither {name} nor {in_file} is set: put the secret into the variable {name}, or its file's path into \
                 {in_file}"
            ));
        };
        self.read(&path.value).map_err(|message| format!("{in_file}: {message}"))
    }

    /// The trimmed content of a file.
    pub fn read(&self, path: &str) -> Result<String, String> {
        if path.is_empty() {
            return Err("`file:` needs a path, such as file:/run/secrets/radarr".to_owned());
        }
        let shown = quoted(path);
        let mut content = String::new();
        File::open(resolve_path(self.base_dir, Path::new(path)))
            .and_then(|file| file.take(SECRET_FILE_LIMIT + 1).read_to_string(&mut content))
            .map_err(|error| {
                format!("the file {shown} cannot be read ({error}): check that it exists and is mounted")
            })?;
        if content.len() as u64 > SECRET_FILE_LIMIT {
            return Err(format!("the file {shown} is larger than 64 KiB: that is no secret, check the path"));
        }
        let content = content.trim();
        if content.is_empty() {
            return Err(format!("the file {shown} is empty: write the secret into it"));
        }
        Ok(content.to_owned())
    }
}

fn is_variable_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "";

    fn resolve(vars: &[(&str, &str)], dir: &Path, text: &str) -> Result<(String, bool), String> {
        let variables = Variables::of(vars);
        let resolved = Secrets::new(&variables, dir).resolve(text)?;
        Ok((resolved.secret.expose_secret().to_owned(), resolved.in_clear))
    }

    #[test]
    fn a_secret_comes_from_a_variable_a_file_or_the_text() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("key"), "from-file\r\n").unwrap();
        let path = dir.path().join("key").display().to_string();
        let check = |vars: &[(&str, &str)], text: &str, secret: &str, in_clear| {
            assert_eq!(resolve(vars, dir.path(), text), Ok((secret.to_owned(), in_clear)), "{text}");
        };
        check(&[("KEY", "from-env\n")], "${KEY}", "from-env", false);
        check(&[("KEY_FILE", &path)], "${KEY}", "from-file", false);
        check(&[("KEY", "from-env"), ("KEY_FILE", &path)], "${KEY}", "from-env", false);
        check(&[("KEY", EMPTY), ("KEY_FILE", "key")], "${KEY}", "from-file", false);
        check(&[], &format!("file:{path}"), "from-file", false);
        check(&[], &format!("file://{path}"), "from-file", false);
        check(&[], "file:key", "from-file", false);
        check(&[], "plain-text", "plain-text", true);
    }

    #[test]
    fn a_missing_secret_is_explained() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("empty"), "\n").unwrap();
        let check = |vars: &[(&str, &str)], text: &str, expected: &str| {
            assert_eq!(resolve(vars, dir.path(), text).unwrap_err(), expected, "{text}");
        };
        let neither =
            "neither KEY nor KEY_FILE is set: put the secret into the variable KEY, or its file's path into KEY_FILE";
        check(&[], "${KEY}", neither);
        check(&[("KEY", EMPTY)], "${KEY}", neither);
        check(
            &[("KEY_FILE", "gone")],
            "${KEY}",
            "KEY_FILE: the file `gone` cannot be read (No such file or directory (os error 2)): check that it exists and is mounted",
        );
        check(&[], "file:empty", "the file `empty` is empty: write the secret into it");
        check(&[], "file:", "`file:` needs a path, such as file:/run/secrets/radarr");
        check(&[], "${KEY}x", "`${…}` must be the whole value: put the complete secret into the variable");
        check(&[], "${A}${B}", "`${…}` takes the name of one variable, such as ${PLEX_TOKEN}, and stands alone");
        check(&[], "", "is empty: write ${NAME}, the name of a variable that holds it, or file:/path");
        check(&[], "two words", "has spaces, line breaks or other characters that no key has: copy it again");
        let folder = resolve(&[], dir.path(), "file:.").unwrap_err();
        assert!(folder.starts_with("the file `.` cannot be read"), "{folder}");
    }
}

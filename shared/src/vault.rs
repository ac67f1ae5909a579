//! Secrets at rest: what people give to the service is kept in the store, sealed with a key that lies beside it.
//!
//! Whoever has the database alone (a backup, a copy sent to somebody) has no secret. Whoever has the whole data folder has them.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom as _, SystemRandom};
use secrecy::{ExposeSecret as _, SecretString};

/// In front of everything that is sealed.
pub const SEALED: &str = "sealed:";

/// Bytes of the key.
const KEY_LEN: usize = 32;

/// What the sealed texts of the settings are for.
const SETTINGS: &str = "pulsarr settings";

/// Seals and opens secrets. Clones share one key, which is never printed.
#[derive(Clone)]
pub struct Vault {
    path: PathBuf,
    key: Option<Arc<LessSafeKey>>,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Why a secret cannot be sealed or opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// The key's file cannot be used.
    #[error("use the key {path}: {detail}", path = path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// The operating system has no randomness.
    #[error("find randomness for sealing a secret")]
    Randomness,
    /// It was sealed with another key, or changed since.
    #[error("open a sealed secret: it was not sealed with the key {path}", path = path.display())]
    NotOurs {
        /// The key's file.
        path: PathBuf,
    },
}

impl Vault {
    /// The vault whose key is `<data_dir>/key/vault.key`, which is made where there is none.
    ///
    /// # Errors
    /// [`VaultError::Key`] when the file cannot be made or read.
    pub fn open(data_dir: &Path) -> Result<Self, VaultError> {
        let vault = Self::of_existing(data_dir)?;
        if vault.key.is_some() {
            return Ok(vault);
        }
        let mut bytes = [0; KEY_LEN];
        SystemRandom::new().fill(&mut bytes).map_err(|_| VaultError::Randomness)?;
        keep(&vault.path, &bytes).map_err(|error| vault.unusable(error))?;
        Self::of_existing(data_dir)
    }

    /// The same beside secrets that are kept sealed already: a key that is lost is not replaced by one that opens none of them.
    ///
    /// # Errors
    /// [`VaultError::Key`] when the file cannot be made or read.
    pub fn open_beside(data_dir: &Path, secrets_kept: bool) -> Result<Self, VaultError> {
        if secrets_kept { Self::of_existing(data_dir) } else { Self::open(data_dir) }
    }

    /// Whether there is a key.
    #[must_use]
    pub const fn has_key(&self) -> bool {
        self.key.is_some()
    }

    /// The same for somebody who only reads: makes nothing. Without a key nothing can be opened.
    ///
    /// # Errors
    /// [`VaultError::Key`] when there is a key that cannot be read, or is none.
    pub fn of_existing(data_dir: &Path) -> Result<Self, VaultError> {
        let path = data_dir.join("key").join("vault.key");
        let mut vault = Self { path, key: None };
        let bytes = match fs::read(&vault.path) {
            Ok(bytes) => bytes,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(vault),
            Err(error) => return Err(vault.unusable(error)),
        };
        let key = UnboundKey::new(&CHACHA20_POLY1305, &bytes)
            .map_err(|_| vault.unusable(format!("it has {} bytes and not {KEY_LEN}", bytes.len())))?;
        vault.key = Some(Arc::new(LessSafeKey::new(key)));
        Ok(vault)
    }

    /// `secret` of the settings as a text that only this vault can open: `sealed:` and base64.
    ///
    /// # Errors
    /// [`VaultError`] without a key or randomness.
    pub fn seal(&self, secret: &SecretString) -> Result<String, VaultError> {
        self.seal_for(SETTINGS, secret)
    }

    /// The same for another purpose, in words: what is sealed for one cannot be put in the place of what is for another.
    ///
    /// # Errors
    /// [`VaultError`] without a key or randomness.
    pub fn seal_for(&self, purpose: &str, secret: &SecretString) -> Result<String, VaultError> {
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(|_| VaultError::Randomness)?;
        let mut sealed = secret.expose_secret().as_bytes().to_vec();
        self.key()?
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(purpose), &mut sealed)
            .map_err(|_| VaultError::Randomness)?;
        Ok(format!("{SEALED}{}", STANDARD.encode([nonce.as_slice(), &sealed].concat())))
    }

    /// The secret in a text made by [`Vault::seal`].
    ///
    /// # Errors
    /// [`VaultError`] without a key, and for what was sealed with another one.
    pub fn unseal(&self, sealed: &str) -> Result<SecretString, VaultError> {
        self.unseal_for(SETTINGS, sealed)
    }

    /// The secret in a text made by [`Vault::seal_for`] with the same purpose.
    ///
    /// # Errors
    /// [`VaultError`] without a key, and for what was sealed with another one or for another purpose.
    pub fn unseal_for(&self, purpose: &str, sealed: &str) -> Result<SecretString, VaultError> {
        let not_ours = || VaultError::NotOurs { path: self.path.clone() };
        let text = sealed.strip_prefix(SEALED).ok_or_else(not_ours)?;
        let bytes = STANDARD.decode(text).map_err(|_| not_ours())?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_LEN>().ok_or_else(not_ours)?;
        let mut sealed = sealed.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = self.key()?.open_in_place(nonce, Aad::from(purpose), &mut sealed).map_err(|_| not_ours())?;
        std::str::from_utf8(opened).map(SecretString::from).map_err(|_| not_ours())
    }

    fn key(&self) -> Result<&LessSafeKey, VaultError> {
        self.key.as_deref().ok_or_else(|| {
            self.unusable("there is no such file; put it back, or remove what was sealed with it and start again")
        })
    }

    fn unusable(&self, detail: impl fmt::Display) -> VaultError {
        VaultError::Key { path: self.path.clone(), detail: detail.to_string() }
    }
}

/// Makes the key's file with all of its bytes at once; one that is there stays.
fn keep(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    let half = path.with_extension(format!("{}.new", std::process::id()));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&half)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    let linked = fs::hard_link(&half, path);
    fs::remove_file(&half)?;
    match linked {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        // Otherwise a power cut could leave secrets whose key is gone.
        _ => File::open(folder)?.sync_all(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    #[test]
    fn what_was_sealed_is_opened_again_also_by_another_process() {
        let folder = folder();
        let sealed = Vault::open(folder.path()).unwrap().seal(&"hunter2".into()).unwrap();
        assert!(sealed.starts_with("sealed:") && !sealed.contains("hunter2"), "{sealed}");
        let again = Vault::open(folder.path()).unwrap();
        assert_eq!(again.unseal(&sealed).unwrap().expose_secret(), "hunter2");
        assert_ne!(again.seal(&"hunter2".into()).unwrap(), sealed, "no two look alike");
    }

    #[test]
    fn another_key_and_a_changed_text_open_nothing() {
        let (ours, theirs) = (folder(), folder());
        let vault = Vault::open(ours.path()).unwrap();
        let sealed = vault.seal(&"hunter2".into()).unwrap();
        let other = Vault::open(theirs.path()).unwrap();
        assert!(matches!(other.unseal(&sealed), Err(VaultError::NotOurs { .. })));
        let for_another = vault.seal_for("another purpose", &"hunter2".into()).unwrap();
        assert!(matches!(vault.unseal(&for_another), Err(VaultError::NotOurs { .. })));
        assert_eq!(vault.unseal_for("another purpose", &for_another).unwrap().expose_secret(), "hunter2");
        let mut bytes = STANDARD.decode(&sealed[SEALED.len()..]).unwrap();
        bytes[NONCE_LEN] ^= 1;
        for text in [&*format!("{SEALED}{}", STANDARD.encode(bytes)), "sealed:", "sealed:AAAA", "sealed:?", "hunter2"] {
            assert!(matches!(vault.unseal(text), Err(VaultError::NotOurs { .. })), "{text}");
        }
    }

    #[test]
    fn the_key_is_for_its_owner_alone_and_looking_makes_none() {
        let folder = folder();
        let none = Vault::of_existing(folder.path()).unwrap();
        assert!(matches!(none.seal(&"x".into()), Err(VaultError::Key { .. })));
        assert!(!folder.path().join("key").exists());
        assert!(
            !Vault::open_beside(folder.path(), true).unwrap().has_key(),
            "what it had sealed would be lost for good"
        );
        assert!(!folder.path().join("key").exists());
        assert!(Vault::open_beside(folder.path(), false).unwrap().has_key());
        let path = folder.path().join("key/vault.key");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path().join("key")).unwrap().count(), 1);
        fs::write(&path, "short").unwrap();
        let refused = Vault::open(folder.path()).unwrap_err().to_string();
        assert!(refused.ends_with("it has 5 bytes and not 32"), "{refused}");
    }
}

//! Random secrets, their hashes, and passwords.

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom, SystemRandom};
use subtle::ConstantTimeEq;
use tokio::sync::Semaphore;

use crate::reply::ApiError;

/// 19 MiB, two passes: OWASP's recommendation, and the crate's default. Tests hash a lot, and without optimization.
const COST: Params = if cfg!(test) { CHEAP } else { Params::DEFAULT };
const CHEAP: Params = match Params::new(8, 1, 1, None) {
    Ok(params) => params,
    Err(_) => Params::DEFAULT,
};

/// The operating system has no randomness to give.
#[derive(Debug, thiserror::Error)]
#[error("get random bytes from the operating system")]
pub struct NoRandomness;

/// 32 random bytes as text: 43 letters, digits, `-` and `_`.
pub fn random() -> Result<String, NoRandomness> {
    Ok(URL_SAFE_NO_PAD.encode(bytes::<32>()?))
}

fn bytes<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| NoRandomness)?;
    Ok(bytes)
}

/// SHA-256. Enough for what is random; passwords need more.
pub fn hash(text: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, text.as_bytes()).as_ref());
    hash
}

/// The token that proves that a request comes from our own page: whoever cannot read the session's cookie cannot know it.
pub fn csrf_token(session_token: &str) -> String {
    URL_SAFE_NO_PAD.encode(hash(&format!("csrf:{session_token}")))
}

/// Whether two secrets are the same; takes as long whatever is different.
pub fn same(one: &str, other: &str) -> bool {
    hash(one).ct_eq(&hash(other)).into()
}

/// Hashes and checks passwords, one at a time: each takes 19 MiB while it lasts.
#[derive(Debug, Clone)]
pub struct Passwords(Arc<Semaphore>);

impl Default for Passwords {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

impl Passwords {
    /// The hash of `password`, as a PHC string with a salt of its own.
    ///
    /// # Errors
    /// 503 when the machine cannot do it now.
    pub async fn hash(&self, password: String) -> Result<String, ApiError> {
        self.work(move || {
            let salt = bytes::<16>().ok()?;
            Some(argon2(COST).hash_password_with_salt(password.as_bytes(), &salt).ok()?.to_string())
        })
        .await?
        .ok_or_else(unavailable)
    }

    /// Whether `password` is the one behind `known`. Where there is no such, it takes as long all the same, and answers no.
    ///
    /// # Errors
    /// 503 when the machine cannot do it now.
    pub async fn check(&self, password: String, known: Option<String>) -> Result<bool, ApiError> {
        self.work(move || {
            let (hash, exists) = known.map_or_else(|| (nobodys(), false), |hash| (hash, true));
            let parsed = PasswordHash::new(&hash);
            let good = parsed.is_ok_and(|hash| argon2(COST).verify_password(password.as_bytes(), &hash).is_ok());
            good && exists
        })
        .await
    }

    async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, ApiError> {
        let turn = Arc::clone(&self.0).acquire_owned().await.map_err(|_| unavailable())?;
        let done = tokio::task::spawn_blocking(move || {
            // Kept until the work is done, also when whoever asked goes away.
            let _turn = turn;
            work()
        });
        done.await.map_err(|_| unavailable())
    }
}

fn unavailable() -> ApiError {
    ApiError::unavailable("passwords cannot be checked now: try again")
}

fn argon2(cost: Params) -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, cost)
}

/// The hash of nobody's password, at the same cost as everybody's.
fn nobodys() -> String {
    let (m, t, p) = (COST.m_cost(), COST.t_cost(), COST.p_cost());
    format!("$argon2id$v=19$m={m},t={t},p={p}${}${}", "A".repeat(22), "A".repeat(43))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_cost_what_is_recommended() {
        let hash = argon2(Params::DEFAULT).hash_password_with_salt(b"correct horse", &[7; 16]).unwrap().to_string();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    }

    #[test]
    fn nobodys_hash_is_one_that_is_really_worked_on() {
        let hash = nobodys();
        let parsed = PasswordHash::new(&hash).unwrap();
        let refused = argon2(COST).verify_password(b"anything", &parsed);
        assert_eq!(refused, Err(argon2::password_hash::Error::PasswordInvalid));
    }

    #[tokio::test]
    async fn a_password_is_known_again_and_no_other() {
        let passwords = Passwords::default();
        let hash = passwords.hash("correct horse".to_owned()).await.unwrap();
        assert!(passwords.check("correct horse".to_owned(), Some(hash.clone())).await.unwrap());
        assert!(!passwords.check("correct horsE".to_owned(), Some(hash.clone())).await.unwrap());
        assert!(!passwords.check("correct horse".to_owned(), None).await.unwrap());
        assert_ne!(passwords.hash("correct horse".to_owned()).await.unwrap(), hash, "salted");
    }

    #[test]
    fn random_secrets_are_long_and_never_the_same() {
        let (one, other) = (random().unwrap(), random().unwrap());
        assert_eq!(one.len(), 43);
        assert!(!same(&one, &other) && same(&one, &one.clone()));
    }
}

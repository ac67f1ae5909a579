//! From a PIN, or a token that somebody pasted, to a token whose account is known.

use std::fmt;
use std::time::Duration;

use secrecy::SecretString;

use crate::clients::Http;
use crate::clients::plex::{Account, Pin, PinState, Plex, PlexError, PlexSignIn, PlexUrls};
use crate::clock::{UnixMs, has_passed};

/// How long Plex is left alone between two questions about the same PIN, however often a page asks us.
const POLL_EVERY: Duration = Duration::from_secs(2);

/// The page where the code is typed.
pub const LINK_PAGE: &str = "https://plex.tv/link";

/// Plex, for somebody who wants to link an account.
#[derive(Debug, Clone)]
pub struct Linking {
    sign_in: PlexSignIn,
    http: HttpOf,
    urls: PlexUrls,
}

/// The requests' way out, without anything to print.
#[derive(Clone)]
struct HttpOf(Http);

/// A PIN that is on somebody's screen. It lives in memory only: after a restart the person starts over.
#[derive(Debug)]
pub struct PendingPin {
    pin: Pin,
    asked_at_ms: Option<UnixMs>,
    /// Plex has given the token, and has not yet said whose it is.
    token: Option<SecretString>,
}

/// A token that works, and what belongs with it.
#[derive(Debug, Clone)]
pub struct Linked {
    /// The account's token.
    pub token: SecretString,
    /// Whose it is.
    pub account: Account,
    /// To be sent with this token from now on: it is the device that Plex lists for it.
    pub client_identifier: String,
}

/// What became of a [`PendingPin`].
#[derive(Debug, Clone)]
pub enum LinkState {
    /// Nobody has typed the code yet, as far as we know.
    Waiting,
    /// Done.
    Linked(Box<Linked>),
    /// Too late: begin again.
    Expired,
}

impl PendingPin {
    /// What the person types at plex.tv/link: four letters and digits.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.pin.code
    }

    /// The page for it with the code filled in already, for a link or for [`qr_svg`](super::qr_svg).
    #[must_use]
    pub fn address(&self) -> String {
        let plain = self.pin.code.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if plain { format!("{LINK_PAGE}/?pin={}", self.pin.code) } else { LINK_PAGE.to_owned() }
    }

    /// When the code stops working; unix milliseconds.
    #[must_use]
    pub const fn expires_at_ms(&self) -> UnixMs {
        self.pin.expires_at_ms
    }
}

impl Linking {
    /// Plex at `urls`, asked over `http`.
    #[must_use]
    pub fn new(http: Http, urls: PlexUrls) -> Self {
        Self { sign_in: PlexSignIn::new(http.clone(), urls.plex_tv.clone()), http: HttpOf(http), urls }
    }

    /// Asks Plex for a code. `client_identifier` should be one that Plex has never seen: [`fresh_client_identifier`] makes one.
    ///
    /// # Errors
    /// Why Plex gives none.
    ///
    /// [`fresh_client_identifier`]: Self::fresh_client_identifier
    pub async fn begin(&self, client_identifier: &str, now_ms: UnixMs) -> Result<PendingPin, PlexError> {
        let pin = self.sign_in.create_pin(client_identifier, now_ms).await?;
        Ok(PendingPin { pin, asked_at_ms: None, token: None })
    }

    /// `pulsarr-` and 16 random hex characters. It is no secret, but must not be another installation's.
    #[must_use]
    pub fn fresh_client_identifier() -> String {
        format!("pulsarr-{:016x}", fastrand::u64(..))
    }

    /// What became of `pending`. May be called as often as anybody likes: Plex is asked every two seconds at most, and not any more once
    /// the code's time is over. A token that Plex has given is kept until Plex also says whose it is.
    ///
    /// # Errors
    /// Plex did not tell, which may be different the next time; or it refused the very token it gave
    /// ([`PlexError::is_unauthorized`]), and then the person has to begin again.
    pub async fn poll(&self, pending: &mut PendingPin, now_ms: UnixMs) -> Result<LinkState, PlexError> {
        if pending.token.is_none() && now_ms >= pending.pin.expires_at_ms {
            return Ok(LinkState::Expired);
        }
        if pending.asked_at_ms.is_some_and(|asked| !has_passed(asked, POLL_EVERY, now_ms)) {
            return Ok(LinkState::Waiting);
        }
        pending.asked_at_ms = Some(now_ms);
        let token = match pending.token.clone() {
            Some(token) => token,
            None => match self.sign_in.poll_pin(&pending.pin).await? {
                PinState::Waiting => return Ok(LinkState::Waiting),
                PinState::Expired => return Ok(LinkState::Expired),
                PinState::Linked(token) => pending.token.insert(token).clone(),
            },
        };
        match self.verified(token, pending.pin.client_identifier.clone()).await {
            Ok(linked) => Ok(LinkState::Linked(Box::new(linked))),
            Err(error) => {
                if error.is_unauthorized() {
                    pending.token = None;
                }
                Err(error)
            }
        }
    }

    /// Finds out whose token `pasted` is. Space around it, which comes along with copying, is left out.
    ///
    /// # Errors
    /// [`PlexError::unauthorized`] when it is no token, or a dead one; anything else when Plex did not tell.
    pub async fn adopt_token(&self, pasted: &str, client_identifier: &str) -> Result<Linked, PlexError> {
        let token = pasted.trim();
        if token.is_empty() || token.contains(|letter: char| !letter.is_ascii_graphic()) {
            return Err(PlexError::unauthorized());
        }
        self.verified(token.into(), client_identifier.to_owned()).await
    }

    async fn verified(&self, token: SecretString, client_identifier: String) -> Result<Linked, PlexError> {
        let plex = Plex::new(self.http.0.clone(), self.urls.clone(), token.clone(), client_identifier.clone());
        let account = plex.account().await?;
        Ok(Linked { token, account, client_identifier })
    }
}

impl fmt::Debug for HttpOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Http")
    }
}

#[cfg(test)]
mod tests {
    use pulsarr_tests::fakes::{FakePlex, Fault};
    use secrecy::ExposeSecret;

    use super::*;
    use crate::clients::testing::http;

    const NOW_MS: UnixMs = 1_795_435_200_000;

    fn linking(fake: &FakePlex) -> Linking {
        let urls =
            PlexUrls { plex_tv: fake.plex_tv_url(), discover: fake.discover_url(), community: fake.community_url() };
        Linking::new(http(), urls)
    }

    #[tokio::test]
    async fn a_code_typed_by_a_person_becomes_a_token_with_an_account() {
        let fake = FakePlex::start();
        let linking = linking(&fake);
        let mut pending = linking.begin("pulsarr-1", NOW_MS).await.unwrap();
        assert_eq!(pending.code().len(), 4);
        assert_eq!(pending.address(), format!("https://plex.tv/link/?pin={}", pending.code()));
        assert_eq!(pending.expires_at_ms(), NOW_MS + 900_000);
        assert!(matches!(linking.poll(&mut pending, NOW_MS).await, Ok(LinkState::Waiting)));
        fake.claim_pin(pending.code());
        let Ok(LinkState::Linked(linked)) = linking.poll(&mut pending, NOW_MS + 2_000).await else { panic!("linked") };
        assert_eq!(linked.token.expose_secret(), fake.owner_token());
        assert_eq!((linked.account.username.as_str(), linked.client_identifier.as_str()), ("mirela_q", "pulsarr-1"));
        assert!(!format!("{linked:?} {pending:?}").contains(&fake.owner_token()));
    }

    #[tokio::test]
    async fn however_often_a_page_asks_plex_is_asked_every_two_seconds() {
        let fake = FakePlex::start();
        let linking = linking(&fake);
        let mut pending = linking.begin("pulsarr-1", NOW_MS).await.unwrap();
        for tenth in 0..41 {
            assert!(matches!(linking.poll(&mut pending, NOW_MS + tenth * 100).await, Ok(LinkState::Waiting)));
        }
        assert_eq!(fake.requests("GET", "/api/v2/pins/"), 3);
    }

    #[tokio::test]
    async fn a_code_whose_time_is_over_is_asked_about_no_more() {
        let fake = FakePlex::start();
        let linking = linking(&fake);
        let mut pending = linking.begin("pulsarr-1", NOW_MS).await.unwrap();
        let late = pending.expires_at_ms();
        assert!(matches!(linking.poll(&mut pending, late).await, Ok(LinkState::Expired)));
        assert_eq!(fake.requests("GET", "/api/v2/pins/"), 0);
        fake.expire_pin(pending.code());
        assert!(matches!(linking.poll(&mut pending, NOW_MS).await, Ok(LinkState::Expired)), "Plex may end it sooner");
    }

    #[tokio::test]
    async fn a_token_once_given_is_not_lost_when_plex_cannot_say_whose_it_is() {
        let fake = FakePlex::start();
        let linking = linking(&fake);
        let mut pending = linking.begin("pulsarr-1", NOW_MS).await.unwrap();
        fake.claim_pin(pending.code());
        fake.inject(Fault::on("GET", "/api/v2/user").status(503));
        assert!(linking.poll(&mut pending, NOW_MS).await.is_err());
        fake.clear_faults();
        fake.expire_pin(pending.code());
        let later = pending.expires_at_ms() + 1;
        assert!(matches!(linking.poll(&mut pending, later).await, Ok(LinkState::Linked(_))));
    }

    #[tokio::test]
    async fn a_pasted_token_is_taken_only_when_plex_knows_it() {
        let fake = FakePlex::start();
        let linking = linking(&fake);
        let linked = linking.adopt_token(&format!(" {}\n", fake.owner_token()), "pulsarr-2").await.unwrap();
        assert_eq!((linked.account.username.as_str(), linked.account.plex_pass), ("mirela_q", true));
        let asked = fake.requests_to("/api/v2/user");
        for nonsense in ["", "  ", "two words", "line\nbreak"] {
            assert_eq!(linking.adopt_token(nonsense, "pulsarr-2").await.unwrap_err(), PlexError::unauthorized());
        }
        assert_eq!(fake.requests_to("/api/v2/user"), asked, "Plex need not be asked about these");
        assert!(linking.adopt_token("tok-unknown", "pulsarr-2").await.unwrap_err().is_unauthorized());
        fake.inject(Fault::on("GET", "/api/v2/user").status(503));
        assert!(!linking.adopt_token(&fake.owner_token(), "pulsarr-2").await.unwrap_err().is_unauthorized());
    }

    #[tokio::test]
    async fn linking_can_be_done_on_any_thread() {
        fn sendable(_: &impl Send) {}
        let fake = FakePlex::start();
        let linking = linking(&fake);
        let mut pending = linking.begin("pulsarr-1", NOW_MS).await.unwrap();
        sendable(&linking.poll(&mut pending, NOW_MS));
        sendable(&linking.adopt_token("tok", "pulsarr-1"));
        let plex = Plex::new(http(), linking.urls.clone(), "tok".to_owned().into(), "pulsarr-1".to_owned());
        sendable(&crate::link::TokenHealth::look(&plex, None, NOW_MS, true));
        sendable(&plex.read_feed(&"http://127.0.0.1/feed".to_owned().into()));
    }

    #[test]
    fn two_installations_have_two_identifiers() {
        let (one, other) = (Linking::fresh_client_identifier(), Linking::fresh_client_identifier());
        assert_eq!(one.len(), "pulsarr-".len() + 16);
        assert_ne!(one, other);
    }
}

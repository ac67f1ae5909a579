//! What is to be done about an instance's connection, from what the instance has. Pure.

use secrecy::SecretString;

use crate::clients::arr::{EVENTS, Notification, NotificationDraft};
use crate::model::Instance;

/// The user name that instances log in to us with.
pub const USERNAME: &str = "pulsarr";

/// The connection that an instance ought to have.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The instance's name in the settings.
    pub instance: String,
    /// How texts name it: ``Radarr `movies` ``.
    pub label: String,
    /// The other instances of the settings. Two of them may be one and the same Sonarr, with a connection for each.
    pub others: Vec<String>,
    /// An address at which the instance reaches pulsarr, without a trailing slash: `PULSARR_BASE_URL`.
    pub base_url: Option<String>,
    /// See [`installation`](super::installation).
    pub installation: String,
    /// The password the instance is to show.
    pub secret: SecretString,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// To the one connection that is to stay.
    pub step: Step,
    /// Further connections of ours, by the instance's numbers: to be removed.
    pub spare: Vec<i64>,
}

/// What is to be done to the one connection that is to stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// It is as it should be, as far as can be seen: passwords cannot.
    Keep {
        /// The instance's number for it.
        id: i64,
    },
    /// There is none.
    Create {
        /// A name that is free.
        name: String,
    },
    /// It is there, and something is wrong with it.
    Repair {
        /// The instance's number for it.
        id: i64,
        /// All that is wrong; never empty.
        why: Vec<Flaw>,
    },
}

/// Something that is wrong with a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flaw {
    /// It leads elsewhere.
    Address,
    /// It logs in under another name.
    Username,
    /// It sends by `PUT`.
    Method,
    /// It reports only of titles with certain tags.
    Tags,
    /// It does not report these: `onGrab`.
    Events(Vec<String>),
}

impl Wanted {
    /// What `instance` ought to have. `all` are the instances of the settings, itself included.
    #[must_use]
    pub fn new(
        instance: &Instance,
        all: &[Instance],
        base_url: Option<&str>,
        installation: &str,
        secret: SecretString,
    ) -> Self {
        let others = all.iter().filter(|other| other.name != instance.name).map(|other| other.name.clone());
        Self {
            instance: instance.name.clone(),
            label: instance.label(),
            others: others.collect(),
            base_url: base_url.map(|url| url.trim_end_matches('/').to_owned()),
            installation: installation.to_owned(),
            secret,
        }
    }

    /// The address the instance is to call; `None` without one of our own.
    #[must_use]
    pub fn url(&self) -> Option<String> {
        Some(format!("{}?from={}", self.address()?, self.installation))
    }

    /// The same without the query, for people.
    #[must_use]
    pub fn address(&self) -> Option<String> {
        Some(format!("{}/webhook/{}", self.base_url.as_deref()?, self.instance))
    }

    /// Whether a connection belongs to this installation, and to this instance or to none of the settings any more.
    #[must_use]
    pub fn owns(&self, notification: &Notification) -> bool {
        let url = notification.url.as_deref().filter(|_| notification.is_webhook()).unwrap_or_default();
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        let query = query.split('#').next().unwrap_or_default();
        let from_us = query.split('&').any(|pair| pair.strip_prefix("from=") == Some(self.installation.as_str()));
        let of = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        from_us && !self.others.iter().any(|other| other == of)
    }

    /// What a connection of ours has to say, under `name`. `None` without an address of our own.
    #[must_use]
    pub fn draft(&self, name: &str) -> Option<NotificationDraft> {
        Some(NotificationDraft {
            name: name.to_owned(),
            url: self.url()?,
            username: USERNAME.to_owned(),
            password: self.secret.clone(),
        })
    }

    /// `pulsarr (0a1b2c3d)`, or with a number behind it where another connection has that name: instances compare without case.
    fn free_name(&self, existing: &[Notification]) -> String {
        let plain = format!("pulsarr ({})", self.installation);
        let taken = |name: &str| existing.iter().any(|other| other.name.to_lowercase() == name.to_lowercase());
        let mut name = plain.clone();
        for number in 2_u32.. {
            if !taken(&name) {
                break;
            }
            name = format!("{plain} {number}");
        }
        name
    }

    fn flaws(&self, notification: &Notification) -> Vec<Flaw> {
        let off: Vec<String> = EVENTS
            .iter()
            .filter(|event| notification.events.get(**event) == Some(&false))
            .map(|event| (*event).to_owned())
            .collect();
        let mut flaws = Vec::new();
        if self.url() != notification.url {
            flaws.push(Flaw::Address);
        }
        if notification.username.as_deref() != Some(USERNAME) {
            flaws.push(Flaw::Username);
        }
        if !notification.by_post {
            flaws.push(Flaw::Method);
        }
        if notification.only_tagged {
            flaws.push(Flaw::Tags);
        }
        if !off.is_empty() {
            flaws.push(Flaw::Events(off));
        }
        flaws
    }
}

/// What is to be done about the connections that an instance has, so that it has the wanted one and no other of ours. Of several
/// of ours the one with the fewest flaws stays, and of equals the oldest.
#[must_use]
pub fn plan(existing: &[Notification], wanted: &Wanted) -> Plan {
    let mut ours: Vec<(i64, Vec<Flaw>)> =
        existing.iter().filter(|one| wanted.owns(one)).map(|one| (one.id, wanted.flaws(one))).collect();
    ours.sort_by_key(|(id, flaws)| (flaws.contains(&Flaw::Address), flaws.len(), *id));
    let mut ours = ours.into_iter();
    let step = match ours.next() {
        None => Step::Create { name: wanted.free_name(existing) },
        Some((id, why)) if why.is_empty() => Step::Keep { id },
        Some((id, why)) => Step::Repair { id, why },
    };
    Plan { step, spare: ours.map(|(id, _)| id).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clients::arr::a_webhook;

    const OURS: &str = "http://pulsarr:3003/webhook/tv?from=0a1b2c3d";

    fn wanted() -> Wanted {
        Wanted {
            instance: "tv".to_owned(),
            label: "Sonarr `tv`".to_owned(),
            others: vec!["anime".to_owned()],
            base_url: Some("http://pulsarr:3003".to_owned()),
            installation: "0a1b2c3d".to_owned(),
            secret: SecretString::from("s3cret"),
        }
    }

    fn step(existing: &[Notification]) -> Step {
        plan(existing, &wanted()).step
    }

    #[test]
    fn ours_is_known_by_the_installation_in_its_address_and_by_nothing_else() {
        let owned = |url: &str| wanted().owns(&a_webhook(1, "any", url));
        assert!(owned(OURS));
        assert!(owned("https://elsewhere/base/webhook/tv?x=1&from=0a1b2c3d#y"));
        assert!(owned("http://pulsarr:3003/webhook/name-it-had?from=0a1b2c3d"), "a renamed instance");
        assert!(!owned("http://pulsarr:3003/webhook/anime?from=0a1b2c3d"), "another instance on the same Sonarr");
        assert!(!owned("http://pulsarr:3003/webhook/tv?from=ffffffff"), "another installation");
        assert!(!owned("http://pulsarr:3003/webhook/tv"));
        assert!(!owned("http://pulsarr:3003/webhook/tv?from=0a1b2c3d4"));
        let mut discord = a_webhook(1, "any", OURS);
        discord.implementation = "Discord".to_owned();
        assert!(!wanted().owns(&discord));
    }

    #[test]
    fn one_that_is_as_it_should_be_is_kept_whatever_its_name() {
        assert_eq!(step(&[a_webhook(4, "My own name", OURS)]), Step::Keep { id: 4 });
    }

    #[test]
    fn a_name_that_is_taken_gets_a_number() {
        let name = |existing: &[Notification]| match step(existing) {
            Step::Create { name } => name,
            other => panic!("{other:?}"),
        };
        assert_eq!(name(&[]), "pulsarr (0a1b2c3d)");
        let first = a_webhook(1, "Pulsarr (0A1B2C3D)", "http://elsewhere/");
        assert_eq!(name(std::slice::from_ref(&first)), "pulsarr (0a1b2c3d) 2");
        assert_eq!(name(&[first, a_webhook(2, "pulsarr (0a1b2c3d) 2", "http://x/")]), "pulsarr (0a1b2c3d) 3");
    }

    #[test]
    fn every_flaw_is_named() {
        let mut bad = a_webhook(4, "x", "http://old/webhook/tv?from=0a1b2c3d");
        (bad.username, bad.by_post, bad.only_tagged) = (None, false, true);
        bad.events.insert("onGrab".to_owned(), false);
        // Something that we never asked for.
        bad.events.insert("onEpisodeFileDeleteForUpgrade".to_owned(), false);
        let why =
            vec![Flaw::Address, Flaw::Username, Flaw::Method, Flaw::Tags, Flaw::Events(vec!["onGrab".to_owned()])];
        assert_eq!(step(&[bad]), Step::Repair { id: 4, why });
    }

    #[test]
    fn of_several_of_ours_the_soundest_stays() {
        let old = a_webhook(1, "a", "http://old/webhook/tv?from=0a1b2c3d");
        let foreign = a_webhook(3, "c", "http://pulsarr:3003/webhook/tv?from=ffffffff");
        let existing = [old, a_webhook(2, "b", OURS), foreign, a_webhook(5, "d", OURS)];
        assert_eq!(plan(&existing, &wanted()), Plan { step: Step::Keep { id: 2 }, spare: vec![5, 1] });
    }
}

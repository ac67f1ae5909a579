//! What is different for single users, found by what each is called: in a large household every look at everybody asks for every one.

use std::ops::Deref;

use crate::model::{Quota, User};

/// What is different for one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserOverride {
    /// The user's uuid or either of the names Plex shows, in any case; not empty.
    pub plex: String,
    /// What the household calls the user.
    pub alias: Option<String>,
    /// Whether the watchlist is acted on; `None`: as for everybody.
    pub sync: Option<bool>,
    /// Whether somebody is asked about everything; `None`: as for everybody.
    pub require_approval: Option<bool>,
    /// Whether quotas do not hold the user back; `None`: as for everybody.
    pub bypass_quota: Option<bool>,
    /// Instead of everybody's quotas; empty: none at all.
    pub quotas: Option<Vec<Quota>>,
}

/// Overrides, in the order of the file.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    all: Vec<UserOverride>,
    /// Whom each is about, in lower case, and its place; sorted.
    by_name: Vec<(String, usize)>,
}

impl Overrides {
    /// Those that name this user, in their order.
    pub fn of(&self, user: &User) -> impl Iterator<Item = &UserOverride> {
        let mut places: Vec<usize> = Vec::new();
        for name in user.names() {
            let name = name.to_lowercase();
            let first = self.by_name.partition_point(|(known, _)| *known < name);
            places.extend(self.by_name[first..].iter().take_while(|(known, _)| *known == name).map(|(_, place)| place));
        }
        // By two of their names one may be meant twice.
        places.sort_unstable();
        places.dedup();
        places.into_iter().map(|place| &self.all[place])
    }
}

impl From<Vec<UserOverride>> for Overrides {
    fn from(all: Vec<UserOverride>) -> Self {
        let mut by_name: Vec<(String, usize)> =
            all.iter().enumerate().map(|(place, it)| (it.plex.to_lowercase(), place)).collect();
        by_name.sort_unstable();
        Self { all, by_name }
    }
}

impl Deref for Overrides {
    type Target = [UserOverride];

    fn deref(&self) -> &[UserOverride] {
        &self.all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Relation, UserId, UserUuid};

    #[test]
    fn whoever_is_named_in_any_way_is_found_once_and_in_the_order_of_the_file() {
        let about = |plex: &str, sync| UserOverride {
            plex: plex.to_owned(),
            alias: None,
            sync: Some(sync),
            require_approval: None,
            bypass_quota: None,
            quotas: None,
        };
        let uuid = "5be07c1d2a94f036";
        let all =
            vec![about("ZOÉ", true), about("ben", false), about(uuid, false), about("zo", true), about("Ana", true)];
        let all = Overrides::from(all);
        let ana = User {
            id: UserId(1),
            uuid: UserUuid::parse(uuid).unwrap(),
            username: "zoé".to_owned(),
            display_name: "Zoé".to_owned(),
            alias: Some("ana".to_owned()),
            relation: Relation::Friend,
            synced: true,
        };
        let found: Vec<&str> = all.of(&ana).map(|it| it.plex.as_str()).collect();
        assert_eq!(found, ["ZOÉ", uuid, "Ana"]);
        assert_eq!(all.of(&User { alias: None, ..ana.clone() }).count(), 2);
        assert!(Overrides::default().of(&ana).next().is_none());
    }
}

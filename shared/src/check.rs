//! Is everything reachable, and do the settings fit what is there? Asks every upstream once and changes nothing. One finding
//! each, with one sentence of advice per problem.

use crate::act::{quality_profile, root_folder};
use crate::clients::arr::Arr;
use crate::clients::plex::{Account, OwnPage, Plex};
use crate::clients::tmdb::Tmdb;
use crate::model::{ExternalIds, Instance, MediaType, PlexId, TmdbId};
use crate::report::{Problem, ProblemKind};
use crate::routing::Rule;
use crate::upstreams::{
    PLEX_SERVER, ServerAccess, TMDB, arr_problem, plex_problem, plex_server_problem, plex_server_token_problem,
    settings_problem, tmdb_problem,
};

/// A title to ask about where only the answer's coming counts; nobody has to know it.
const ANY_TITLE: &str = "000000000000000000000000";
const ANY_NUMBER: TmdbId = TmdbId(1);

/// What was found about one thing.
#[derive(Debug)]
pub struct Finding {
    /// What it is about: `plex`, or an instance's name.
    pub about: String,
    /// What is well, as a sentence, or the problem.
    pub outcome: Result<String, Problem>,
}

impl Finding {
    fn well(about: &str, sentence: String) -> Self {
        Self { about: about.to_owned(), outcome: Ok(sentence) }
    }

    fn problem(problem: Problem) -> Self {
        Self { about: problem.upstream.clone(), outcome: Err(problem) }
    }
}

/// Asks Plex: is the token good, can the own list and the friends be read?
pub async fn plex(plex: &Plex, friends: bool) -> Vec<Finding> {
    let Account { username, .. } = match plex.account().await {
        Ok(account) => account,
        Err(error) => return vec![Finding::problem(plex_problem(&error))],
    };
    let mut findings = vec![Finding::well("plex", format!("the token belongs to {username}"))];
    findings.push(match plex.own_watchlist_page(0, 1, None).await {
        Ok(OwnPage::Page(page)) => {
            Finding::well("plex", format!("the own watchlist has {} entries", page.total.unwrap_or(page.received)))
        }
        Ok(OwnPage::NotModified) => Finding::well("plex", "the own watchlist can be read".to_owned()),
        Err(error) => Finding::problem(plex_problem(&error)),
    });
    if friends {
        findings.push(match plex.friends().await {
            Ok(friends) => {
                let names: Vec<String> = friends.friends.into_iter().map(|friend| friend.username).collect();
                let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
                Finding::well("plex", format!("friends on Plex: {names}"))
            }
            Err(error) => Finding::problem(plex_problem(&error)),
        });
    }
    findings
}

/// Asks TMDB: is the key good?
pub async fn tmdb(tmdb: &Tmdb) -> Option<Finding> {
    let ids = ExternalIds { tmdb: Some(ANY_NUMBER), ..ExternalIds::default() };
    match tmdb.facts(MediaType::Movie, &ids).await {
        Ok(_) => Some(Finding::well(TMDB, "it takes the key".to_owned())),
        Err(error) => tmdb_problem(&error).map(Finding::problem),
    }
}

/// Asks the household's Plex server: does it answer the owner of the token?
pub async fn plex_server(access: &ServerAccess) -> Option<Finding> {
    let server = match access {
        ServerAccess::NotSet => return None,
        ServerAccess::NoToken => return Some(Finding::problem(plex_server_token_problem())),
        ServerAccess::Open(server) => server,
    };
    match server.has(MediaType::Movie, &PlexId::parse(ANY_TITLE)?).await {
        Ok(_) => Some(Finding::well(PLEX_SERVER, "it answers".to_owned())),
        Err(error) => plex_server_problem(&error).map(Finding::problem),
    }
}

/// Asks an instance: is it the right application, and does it have what the settings and their rules name?
pub async fn instance(instance: &Instance, arr: &Arr, rules: &[Rule]) -> Vec<Finding> {
    let asked = async {
        let status = arr.status().await?;
        Ok((status, arr.quality_profiles().await?, arr.root_folders().await?))
    };
    let (status, profiles, folders) = match asked.await {
        Ok(answers) => answers,
        Err(error) => return arr_problem(instance, &error).into_iter().map(Finding::problem).collect(),
    };
    let mut findings = vec![Finding::well(&instance.name, format!("{} {} answers", status.app_name, status.version))];
    let options = &instance.options;
    let settings = [
        quality_profile(&profiles, options.quality_profile.as_deref()).err(),
        root_folder(&folders, options.root_folder_path.as_deref()).err(),
    ];
    for sentence in settings.into_iter().flatten() {
        findings.push(Finding::problem(settings_problem(instance, &sentence)));
    }
    for rule in rules.iter().filter(|rule| rule.enabled) {
        for route in rule.route.iter().filter(|route| route.to == instance.name) {
            let profile =
                route.overrides.quality_profile.as_deref().map(|it| quality_profile(&profiles, Some(it)).err());
            let folder = route.overrides.root_folder_path.as_deref().map(|it| root_folder(&folders, Some(it)).err());
            for sentence in profile.into_iter().chain(folder).flatten() {
                let sentence = format!("for rule `{}`, {sentence}", rule.name);
                findings.push(Finding::problem(settings_problem(instance, &sentence)));
            }
        }
    }
    let unreadable = folders.iter().filter(|folder| !folder.accessible).map(|folder| Problem {
        upstream: instance.name.clone(),
        kind: ProblemKind::Down,
        message: format!("{} cannot read its root folder {}. Check its mounts.", instance.label(), folder.path),
    });
    findings.extend(unreadable.map(Finding::problem));
    findings
}

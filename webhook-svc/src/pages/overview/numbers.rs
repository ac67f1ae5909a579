//! `/stats`: what a week, a month, a quarter or a year of requests comes to.

use askama::Template;
use pulsarr_shared::tally::{OUTCOMES, PERIODS, Period, WAITS};
use warp::http::StatusCode;
use warp::reply::Response;

use crate::api::people::People;
use crate::insights;
use crate::pages::charts::{Ranked, Stacked, brief};
use crate::pages::trouble::encoded;
use crate::pages::words::lasted;
use crate::pages::{Frame, Page, html};
use crate::request::{ApiError, Ask};

pub(super) const PAGES: &[Page] = &[Page::shown("/stats", |ask| Box::pin(show(ask)))];

/// The period that is shown unless another one is asked for.
const USUAL: u16 = 30;
/// The colours of [`OUTCOMES`].
const COLORS: [u8; OUTCOMES.len()] = [5, 1, 2, 4, 6];

#[derive(Template)]
#[template(path = "overview/numbers.html")]
struct Numbers {
    frame: Frame,
    /// What is wrong with what was asked for; empty for nothing.
    problem: String,
    days: u16,
    periods: [u16; PERIODS.len()],
    /// What became of the requests: in words, and how many.
    outcomes: Vec<(&'static str, String)>,
    requests: String,
    median: String,
    over_time: Stacked,
    by_user: Ranked,
    by_genre: Ranked,
    by_instance: Ranked,
    until_available: Ranked,
}

async fn show(ask: Ask) -> Result<Response, ApiError> {
    let frame = Frame::of(&ask, "overview", "Numbers").await?;
    let asked = ask.parameter("days").map(str::parse::<u16>);
    let known = asked.as_ref().and_then(|days| PERIODS.iter().find(|known| days.as_ref() == Ok(*known)));
    let (days, problem, status) = match (asked.is_some(), known) {
        (_, Some(days)) => (*days, String::new(), StatusCode::OK),
        (false, None) => (USUAL, String::new(), StatusCode::OK),
        (true, None) => {
            let all = PERIODS.map(|days| days.to_string()).join(", ");
            (USUAL, format!("`days` is one of {all}; these are the last {USUAL}."), StatusCode::BAD_REQUEST)
        }
    };
    let periods = insights::periods(&ask.app).await?;
    let nothing = Period::default();
    let period = periods.iter().find(|period| period.days == days).unwrap_or(&nothing);
    let config = ask.app.config();
    let people = ask.app.database.read(move |db| People::of(db, &config)).await?;
    let base = &frame.base_path;
    let outcomes = period.outcomes();
    let users = period.users.0.iter().map(|(user, count)| {
        let person = people.person(*user);
        let link = format!("{base}/watchlist?user={}", person.uuid);
        (person.name, *count, link)
    });
    let genres = period.genres.0.iter().map(|(genre, count)| (genre.clone(), *count, String::new()));
    let waits = WAITS.iter().zip(period.waits).map(|((label, _), count)| ((*label).to_owned(), count, String::new()));
    let page = Numbers {
        problem,
        days,
        periods: PERIODS,
        requests: brief(outcomes.iter().map(|count| u64::from(*count)).sum()),
        outcomes: OUTCOMES.into_iter().zip(outcomes).map(|(word, count)| (word, brief(count.into()))).collect(),
        median: period.median_ms.map(lasted).unwrap_or_default(),
        over_time: over_time(period),
        by_user: Ranked::new("Who asks for how much", "Requests", 1, users.collect(), period.users.1),
        by_genre: Ranked::new("Which genres", "Requests", 3, genres.collect(), period.genres.1),
        by_instance: by_instance(period, base),
        until_available: Ranked::new("From the wish until it can be watched", "Titles", 5, waits.collect(), 0),
        frame,
    };
    html(&ask, status, &page)
}

/// Requests over time, by what became of them.
pub(super) fn over_time(period: &Period) -> Stacked {
    let series: Vec<(&'static str, u8)> = OUTCOMES.into_iter().zip(COLORS).collect();
    let bars = period.bars.iter().map(|bar| (bar.label.clone(), bar.counts.to_vec()));
    Stacked::new("Requests, and what became of them", &series, bars.collect())
}

/// Where titles went.
pub(super) fn by_instance(period: &Period, base: &str) -> Ranked {
    let rows = period
        .instances
        .0
        .iter()
        .map(|(name, count)| (name.clone(), *count, format!("{base}/watchlist?instance={}", encoded(name))));
    Ranked::new("Where titles went", "Added", 2, rows.collect(), period.instances.1)
}

#[cfg(test)]
mod tests {
    use pulsarr_shared::model::{Facts, KnownFacts, PlacementState, Relation, Title, UserUuid};
    use pulsarr_shared::store::TitleId;

    use crate::api::household::{Household, NOON, SETTINGS};
    use crate::pages::testing::Visitor;

    #[tokio::test]
    async fn every_question_has_its_chart_and_a_table() {
        let visitor = Visitor::set_up(SETTINGS).await;
        let household = Household::of(&visitor.service);
        household.wish(2);
        household.route_all("r1");
        let placement = household.db().due_placements("movies", NOON).unwrap().remove(0);
        household.write(|db| db.finish_with_file(&placement, "added", NOON - 1_800_000));
        let page = visitor.get("/stats?days=7").await;
        assert_eq!(page.status, 200);
        for told in [
            "Requests, and what became of them",
            "Who asks for how much",
            "Which genres",
            "Where titles went",
            "From the wish until it can be watched",
            "As a table",
            "<td>2026-11-23<td>",
            "aria-current=\"page\">7 days",
            "/watchlist?user=5be07c1d2a94f036",
        ] {
            assert!(page.text.contains(told), "{told}: {}", page.text);
        }
        assert!(page.text.len() < 20_000, "{} bytes", page.text.len());
        assert_eq!(visitor.get("/stats").await.status, 200);
        let odd = visitor.get("/stats?days=8").await;
        assert!(odd.status == 400 && odd.text.contains("`days` is one of 7, 30, 90, 365"), "{}", odd.text);
        let out = visitor.signed_out().get("/stats?days=7").await;
        assert_eq!((out.status, out.header("location")), (303, "/login?next=/stats%3Fdays%3D7"));
    }

    #[tokio::test]
    async fn without_anything_to_count_that_is_said() {
        let visitor = Visitor::set_up("").await;
        let page = visitor.get("/stats?days=365").await.text;
        assert!(page.contains("Nobody has asked for anything") && !page.contains("<svg viewBox"), "{page}");
    }

    #[tokio::test]
    async fn how_long_it_took_and_hostile_names_are_told() {
        let visitor = Visitor::set_up(SETTINGS).await;
        let household = Household::of(&visitor.service);
        household.wish(1);
        let hostile = "<b>bold</b>\u{202e}";
        household.write(|db| {
            let ana = UserUuid::parse("5be07c1d2a94f036").unwrap();
            db.upsert_user(&ana, hostile, hostile, Relation::Owner, 1)?;
            let title = db.title(TitleId(1))?;
            let plex = Facts { genres: Some(vec![hostile.to_owned()]), ..Facts::default() };
            db.set_metadata(
                TitleId(1),
                &Title { facts: KnownFacts { plex: Some(plex), ..title.facts.clone() }, ..title },
                1,
            )
        });
        household.route_all("r1");
        let placement = household.db().due_placements("movies", NOON).unwrap().remove(0);
        household.write(|db| db.finish(&placement, PlacementState::Added, "added", Some(5), NOON));
        let page = visitor.get("/stats").await.text;
        assert!(page.contains("&#60;b&#62;bold") && !page.contains("<b>bold"), "{page}");
    }
}

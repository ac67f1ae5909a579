//! A title of Plex's catalogue, as a test describes it.
//!
//! Owns: the description, and whatever the test left out, derived from the title's name so that every run sees the same.
//! Refuses: to render JSON (`payload`) or to count calls (`state`).

use crate::fakes::exchange::fnv;

/// A movie or show to put into [`FakePlex`](super::FakePlex)'s catalogue.
///
/// Ids: with none given, the title gets a full set that depends on its name; with any given, it has those and no others.
///
/// ```
/// use pulsarr_tests::fakes::Title;
///
/// let film = Title::movie("Salt Ledger").year(2025).tmdb(900_002).imdb("tt90000002").genre("Drama");
/// assert_eq!(film.rating_key().len(), 24);
/// ```
#[derive(Debug, Clone)]
pub struct Title {
    pub(crate) show: bool,
    pub(crate) name: String,
    pub(crate) year: Option<i64>,
    key: Option<String>,
    imdb: Option<String>,
    tmdb: Option<i64>,
    tvdb: Option<i64>,
    without_ids: bool,
    pub(crate) ids_after: usize,
    pub(crate) missing: bool,
    pub(crate) genres: Vec<String>,
    pub(crate) certification: Option<String>,
    pub(crate) summary: Option<String>,
    pub(crate) studio: Option<String>,
    pub(crate) network: Option<String>,
    pub(crate) country: Option<String>,
    pub(crate) duration_ms: Option<i64>,
    pub(crate) imdb_rating: Option<f64>,
    pub(crate) imdb_votes: Option<i64>,
    pub(crate) tmdb_rating: Option<f64>,
    pub(crate) critic_rating: Option<f64>,
    pub(crate) audience_rating: Option<f64>,
    pub(crate) seasons: i64,
    pub(crate) released: Option<String>,
}

impl Title {
    /// A movie of this name.
    #[must_use]
    pub fn movie(name: &str) -> Self {
        Self::new(false, name)
    }

    /// A show of this name.
    #[must_use]
    pub fn show(name: &str) -> Self {
        Self::new(true, name)
    }

    /// The n-th movie of a large made-up catalogue: its TMDb id is 2,000,000 + n, so no two share one.
    #[must_use]
    pub fn numbered_movie(n: i64) -> Self {
        Self::movie(&format!("Ledger of Salt {n}")).tmdb(2_000_000 + n).imdb(&format!("tt{:08}", 20_000_000 + n))
    }

    /// The n-th show of a large made-up catalogue: its TVDb id is 3,000,000 + n, so no two share one.
    #[must_use]
    pub fn numbered_show(n: i64) -> Self {
        Self::show(&format!("Harbour Watch {n}")).tvdb(3_000_000 + n).imdb(&format!("tt{:08}", 30_000_000 + n))
    }

    fn new(show: bool, name: &str) -> Self {
        Self {
            show,
            name: name.to_owned(),
            year: None,
            key: None,
            imdb: None,
            tmdb: None,
            tvdb: None,
            without_ids: false,
            ids_after: 0,
            missing: false,
            genres: Vec::new(),
            certification: None,
            summary: None,
            studio: None,
            network: None,
            country: None,
            duration_ms: None,
            imdb_rating: None,
            imdb_votes: None,
            tmdb_rating: None,
            critic_rating: None,
            audience_rating: None,
            seasons: 2,
            released: None,
        }
    }

    /// First shown in this year.
    #[must_use]
    pub fn year(mut self, year: i64) -> Self {
        self.year = Some(year);
        self
    }

    /// Sets the rating key, 24 hex characters, instead of deriving it.
    #[must_use]
    pub fn key(mut self, rating_key: &str) -> Self {
        self.key = Some(rating_key.to_owned());
        self
    }

    /// Has this TMDb id.
    #[must_use]
    pub fn tmdb(mut self, id: i64) -> Self {
        self.tmdb = Some(id);
        self
    }

    /// Has this TVDb id.
    #[must_use]
    pub fn tvdb(mut self, id: i64) -> Self {
        self.tvdb = Some(id);
        self
    }

    /// Has this IMDb id: `tt90000002`.
    #[must_use]
    pub fn imdb(mut self, id: &str) -> Self {
        self.imdb = Some(id.to_owned());
        self
    }

    /// Has no external id at all, as specials and brand-new titles.
    #[must_use]
    pub fn without_ids(mut self) -> Self {
        self.without_ids = true;
        self
    }

    /// Answers its first `calls` metadata calls with an empty id list; until they have been made, lists carry no ids either.
    #[must_use]
    pub fn ids_after(mut self, calls: usize) -> Self {
        self.ids_after = calls;
        self
    }

    /// Is on watchlists, yet its metadata answers 404.
    #[must_use]
    pub fn missing_from_catalogue(mut self) -> Self {
        self.missing = true;
        self
    }

    /// Adds a genre tag; several calls add several.
    #[must_use]
    pub fn genre(mut self, tag: &str) -> Self {
        self.genres.push(tag.to_owned());
        self
    }

    /// `PG-13`, `TV-MA`, `gb/15`; `""` for unrated, which leaves the field out.
    #[must_use]
    pub fn certification(mut self, rating: &str) -> Self {
        self.certification = Some(rating.to_owned());
        self
    }

    /// The summary, which only metadata carries.
    #[must_use]
    pub fn summary(mut self, text: &str) -> Self {
        self.summary = Some(text.to_owned());
        self
    }

    /// The studio.
    #[must_use]
    pub fn studio(mut self, name: &str) -> Self {
        self.studio = Some(name.to_owned());
        self
    }

    /// The network of a show.
    #[must_use]
    pub fn network(mut self, name: &str) -> Self {
        self.network = Some(name.to_owned());
        self
    }

    /// The country of origin, in English.
    #[must_use]
    pub fn country(mut self, name: &str) -> Self {
        self.country = Some(name.to_owned());
        self
    }

    /// Length of the film or of an episode, in minutes.
    #[must_use]
    pub fn duration_min(mut self, minutes: i64) -> Self {
        self.duration_ms = Some(minutes * 60_000);
        self
    }

    /// The date of first release, `2025-09-12`.
    #[must_use]
    pub fn released(mut self, date: &str) -> Self {
        self.released = Some(date.to_owned());
        self
    }

    /// IMDb's score, 0 to 10, and its number of votes.
    #[must_use]
    pub fn imdb_rating(mut self, score: f64, votes: i64) -> Self {
        self.imdb_rating = Some(score);
        self.imdb_votes = Some(votes);
        self
    }

    /// TMDb's score, 0 to 10.
    #[must_use]
    pub fn tmdb_rating(mut self, score: f64) -> Self {
        self.tmdb_rating = Some(score);
        self
    }

    /// Rotten Tomatoes' critics and audience, each 0 to 10.
    #[must_use]
    pub fn rotten_tomatoes(mut self, critics: f64, audience: f64) -> Self {
        self.critic_rating = Some(critics);
        self.audience_rating = Some(audience);
        self
    }

    /// Number of seasons of a show (2 unless told).
    #[must_use]
    pub fn seasons(mut self, seasons: i64) -> Self {
        self.seasons = seasons;
        self
    }

    /// The 24 hex characters Plex knows it by: a function of kind, name and year, unless [`key`](Self::key) set it.
    #[must_use]
    pub fn rating_key(&self) -> String {
        self.key.clone().unwrap_or_else(|| {
            let seed = self.seed();
            format!("{:016x}{:08x}", seed, seed.rotate_left(17) & 0xffff_ffff)
        })
    }

    /// `movie` or `show`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        if self.show { "show" } else { "movie" }
    }

    /// External ids as Plex writes them: `imdb://tt90000002`, `tmdb://900002`, `tvdb://800001`.
    #[must_use]
    pub fn guids(&self) -> Vec<String> {
        if self.without_ids {
            return Vec::new();
        }
        let given = self.imdb.is_some() || self.tmdb.is_some() || self.tvdb.is_some();
        let seeded = |offset: i64| offset + (self.seed() % 1_000_000_000) as i64;
        let default = |wanted: bool| wanted && !given;
        let imdb = self.imdb.clone().or_else(|| default(true).then(|| format!("tt{}", seeded(1_000_000_000))));
        let tmdb = self.tmdb.or_else(|| default(true).then(|| seeded(10_000_000)));
        let tvdb = self.tvdb.or_else(|| default(self.show).then(|| seeded(20_000_000)));
        let numbers = [("tmdb", tmdb), ("tvdb", tvdb)];
        let numbers = numbers.into_iter().filter_map(|(source, id)| Some(format!("{source}://{}", id?)));
        imdb.map(|id| format!("imdb://{id}")).into_iter().chain(numbers).collect()
    }

    /// `salt-ledger`.
    pub(crate) fn slug(&self) -> String {
        let words = self.name.to_lowercase();
        let words = words.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
        words.collect::<Vec<_>>().join("-")
    }

    pub(crate) fn first_year(&self) -> i64 {
        self.year.unwrap_or(1990 + (self.seed() % 36) as i64)
    }

    /// A number that depends on kind, name and year only.
    pub(crate) fn seed(&self) -> u64 {
        fnv(format!("{}|{}|{}", self.kind(), self.name, self.year.unwrap_or_default()).as_bytes())
    }
}

/// What names a title on a watchlist: the [`Title`] itself or its rating key.
pub trait KeyOf {
    /// The rating key.
    fn rating_key_of(&self) -> String;
    /// The title, where there is more than a key.
    fn title_of(&self) -> Option<&Title> {
        None
    }
}

impl KeyOf for Title {
    fn rating_key_of(&self) -> String {
        self.rating_key()
    }

    fn title_of(&self) -> Option<&Title> {
        Some(self)
    }
}

impl KeyOf for str {
    fn rating_key_of(&self) -> String {
        self.to_owned()
    }
}

impl KeyOf for String {
    fn rating_key_of(&self) -> String {
        self.clone()
    }
}

impl<T: KeyOf + ?Sized> KeyOf for &T {
    fn rating_key_of(&self) -> String {
        (**self).rating_key_of()
    }

    fn title_of(&self) -> Option<&Title> {
        (**self).title_of()
    }
}

//! What the arrs' metadata service knows of a title.
//!
//! Owns: the description, and the one made up for an id nobody described. Refuses: search rules.

use super::App;

/// A title as TVDb or TMDb would describe it to the arr.
#[derive(Debug, Clone)]
pub struct Known {
    pub(crate) id: i64,
    pub(crate) title: String,
    pub(crate) year: i64,
    pub(crate) imdb: Option<String>,
    pub(crate) tmdb: i64,
    pub(crate) genres: Vec<String>,
    pub(crate) series_type: String,
    pub(crate) seasons: i64,
    pub(crate) language: String,
    pub(crate) keywords: Vec<String>,
    pub(crate) status: Option<String>,
    pub(crate) certification: Option<String>,
    pub(crate) runtime_min: Option<i64>,
    pub(crate) maker: String,
    pub(crate) imdb_rating: (f64, i64),
    pub(crate) tmdb_rating: f64,
    pub(crate) critics: i64,
}

impl Known {
    /// A title by its external id: TVDb for Sonarr, TMDb for Radarr.
    #[must_use]
    pub fn new(id: i64, title: &str) -> Self {
        Self {
            id,
            title: title.to_owned(),
            year: 2024,
            imdb: None,
            tmdb: 0,
            genres: vec!["Drama".to_owned()],
            series_type: "standard".to_owned(),
            seasons: 2,
            language: "English".to_owned(),
            keywords: ["harbour", "ledger", "small town", "storm", "secret", "inheritance"].map(str::to_owned).to_vec(),
            status: None,
            certification: None,
            runtime_min: None,
            maker: String::new(),
            imdb_rating: (6.9, 1000),
            tmdb_rating: 7.1,
            critics: 74,
        }
    }

    /// Was made in this language, by its English name (`English` unless told).
    #[must_use]
    pub fn language(mut self, name: &str) -> Self {
        self.language = name.to_owned();
        self
    }

    /// Has these keywords; only Radarr tells them.
    #[must_use]
    pub fn keywords(mut self, keywords: &[&str]) -> Self {
        self.keywords = keywords.iter().map(|keyword| (*keyword).to_owned()).collect();
        self
    }

    /// `continuing`, `ended`, `upcoming`; `announced`, `inCinemas`, `released`. A show continues and a movie is released unless told.
    #[must_use]
    pub fn status(mut self, status: &str) -> Self {
        self.status = Some(status.to_owned());
        self
    }

    /// `PG-13`, `TV-MA`. A show is `TV-14` unless told, and a movie unrated.
    #[must_use]
    pub fn certification(mut self, rating: &str) -> Self {
        self.certification = Some(rating.to_owned());
        self
    }

    /// Length of the film or of an episode, in minutes.
    #[must_use]
    pub fn runtime_min(mut self, minutes: i64) -> Self {
        self.runtime_min = Some(minutes);
        self
    }

    /// The network of a show, the studio of a movie.
    #[must_use]
    pub fn made_by(mut self, name: &str) -> Self {
        self.maker = name.to_owned();
        self
    }

    /// IMDb's score, 0 to 10, and its number of votes; only Radarr tells ratings by site.
    #[must_use]
    pub fn imdb_rating(mut self, score: f64, votes: i64) -> Self {
        self.imdb_rating = (score, votes);
        self
    }

    /// TMDb's score, 0 to 10.
    #[must_use]
    pub fn tmdb_rating(mut self, score: f64) -> Self {
        self.tmdb_rating = score;
        self
    }

    /// Rotten Tomatoes' critics, 0 to 100.
    #[must_use]
    pub fn critics(mut self, per_cent: i64) -> Self {
        self.critics = per_cent;
        self
    }

    /// First shown in this year.
    #[must_use]
    pub fn year(mut self, year: i64) -> Self {
        self.year = year;
        self
    }

    /// Has this IMDb id, and is found by it.
    #[must_use]
    pub fn imdb(mut self, id: &str) -> Self {
        self.imdb = Some(id.to_owned());
        self
    }

    /// Has this TMDb id (a show; a movie has it from [`new`](Self::new)), and is found by it.
    #[must_use]
    pub fn tmdb(mut self, id: i64) -> Self {
        self.tmdb = id;
        self
    }

    /// Has these genres.
    #[must_use]
    pub fn genres(mut self, genres: &[&str]) -> Self {
        self.genres = genres.iter().map(|genre| (*genre).to_owned()).collect();
        self
    }

    /// `standard`, `daily` or `anime`, as the lookup suggests it.
    #[must_use]
    pub fn series_type(mut self, series_type: &str) -> Self {
        self.series_type = series_type.to_owned();
        self
    }

    /// Number of seasons, specials not counted.
    #[must_use]
    pub fn seasons(mut self, seasons: i64) -> Self {
        self.seasons = seasons;
        self
    }

    /// The title of an id that nobody described, different for each id.
    pub(crate) fn made_up(app: App, id: i64) -> Self {
        const FIRST: [&str; 7] = ["Copper", "Northern", "Quiet", "Salt", "Paper", "Winter", "Hollow"];
        const LAST: [&str; 5] = ["Harbour", "Ledger", "Tide", "Orchard", "Signal"];
        let place = |length: usize| id.unsigned_abs() as usize % length;
        let title = format!("{} {} {id}", FIRST[place(7)], LAST[place(5)]);
        let mut known = Self::new(id, &title).year(1990 + id.rem_euclid(36)).imdb(&format!("tt{id:08}"));
        match app {
            App::Sonarr => known.tmdb = id + 1,
            App::Radarr => known.tmdb = id,
        }
        known
    }

    /// Who made it, with a name made up where none was told.
    pub(crate) fn maker<'k>(&'k self, unless_told: &'k str) -> &'k str {
        if self.maker.is_empty() { unless_told } else { &self.maker }
    }

    /// `copper-harbour-81189`.
    pub(crate) fn slug(&self) -> String {
        let title = self.title.to_lowercase();
        let words = title.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
        words.collect::<Vec<_>>().join("-")
    }

    /// The directory name: characters no file system takes are dropped, and movies carry their year.
    pub(crate) fn folder(&self, app: App) -> String {
        folder(app, &self.title, self.year)
    }
}

pub(crate) fn folder(app: App, title: &str, year: i64) -> String {
    let clean: String = title.chars().filter(|letter| !r#"\/<>:*?"|"#.contains(*letter)).collect();
    match app {
        App::Radarr if year > 0 => format!("{} ({year})", clean.trim()),
        _ => clean.trim().to_owned(),
    }
}

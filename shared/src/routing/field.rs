//! The registry of fields: what a condition can look at. Validation, the API and the UI all read it, so that none of them knows a
//! field the others do not.

use serde::ser::{Serialize, SerializeMap as _, Serializer};

use crate::model::MediaType;

crate::model::words! {
    /// What a condition can look at.
    Field {
        /// Movie or show.
        Type = "type",
        /// Whose wish it is.
        User = "user",
        /// What kind of story.
        Genre = "genre",
        /// Year of first release.
        Year = "year",
        /// For which age.
        Certification = "certification",
        /// The language it was made in.
        OriginalLanguage = "original_language",
        /// Seasons without the specials.
        SeasonCount = "season_count",
        /// Of the film, or of one episode.
        Runtime = "runtime",
        /// The studio of a film, the network of a show.
        Studio = "studio",
        /// Where it was made.
        Country = "country",
        /// What it is about.
        Keyword = "keyword",
        /// IMDb's rating.
        ImdbRating = "imdb_rating",
        /// How many rated it at IMDb.
        ImdbVotes = "imdb_votes",
        /// Rotten Tomatoes: the critics.
        RtCritic = "rt_critic",
        /// Rotten Tomatoes: the audience.
        RtAudience = "rt_audience",
        /// TMDB's rating.
        TmdbRating = "tmdb_rating",
        /// Where it can be streamed.
        StreamingService = "streaming_service",
        /// How far a film has come.
        MovieStatus = "movie_status",
        /// Whether a show goes on.
        SeriesStatus = "series_status",
        /// Whether it is anime.
        Anime = "anime",
        /// How many people want it.
        WantedBy = "wanted_by",
        /// Whether the Plex server has it.
        InPlex = "in_plex",
        /// Room where it would go.
        FreeSpace = "free_space_gb",
    }
}

crate::model::words! {
    /// What a field's value is.
    FieldKind {
        /// One text; compared in any case.
        Text = "text",
        /// Several texts; compared in any case.
        Texts = "texts",
        /// A person: any of the names and the uuid.
        User = "user",
        /// A number.
        Number = "number",
        /// True or false.
        Flag = "flag",
    }
}

crate::model::words! {
    /// How a value is compared.
    Operator {
        /// The same; of several texts exactly these.
        Equals = "equals",
        /// Not the same.
        Not = "not",
        /// One of them.
        In = "in",
        /// None of them.
        NotIn = "not_in",
        /// A text that contains this; of several texts one that is this.
        Contains = "contains",
        /// The opposite.
        NotContains = "not_contains",
        /// A regular expression finds something; of several texts in one of them.
        Matches = "matches",
        /// Less.
        Less = "<",
        /// At most.
        AtMost = "<=",
        /// More.
        More = ">",
        /// At least.
        AtLeast = ">=",
        /// From the one to the other, both included.
        Between = "between",
        /// Whether there is a value at all.
        Exists = "exists",
    }
}

impl Operator {
    /// The operator that people write so: its word, or a sign for it (`=`, `!=`, `≤`, `≥`).
    #[must_use]
    pub fn parse(written: &str) -> Option<Self> {
        Self::from_word(match written {
            "=" | "==" => "equals",
            "!=" | "≠" => "not",
            "≤" => "<=",
            "≥" => ">=",
            word => word,
        })
    }
}

crate::model::words! {
    /// Who tells a fact, cheapest first.
    FactSource {
        /// The watchlist itself.
        Watchlist = "plex watchlist",
        /// What is on record already: users, other lists, settings.
        Store = "pulsarr",
        /// Plex's catalogue.
        Plex = "plex metadata",
        /// The lookup of the Sonarr or Radarr for this type.
        Arr = "arr lookup",
        /// TMDB; needs a key.
        Tmdb = "tmdb",
        /// The household's Plex server; needs its address.
        PlexServer = "plex server",
        /// The root folders of the Sonarr or Radarr it would go to.
        RootFolder = "arr root folder",
        /// A description, in a rule test or a what-if.
        Given = "the description",
    }
}

/// One field, described.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldInfo {
    /// Which.
    pub field: Field,
    /// Other words people use for it; understood everywhere the word is.
    pub aliases: &'static [&'static str],
    /// What its value is.
    pub kind: FieldKind,
    /// The only type of title that has it; `None`: both have.
    pub only: Option<MediaType>,
    /// The only values there are; empty: any.
    pub choices: &'static [&'static str],
    /// The lowest and highest value a number can have.
    pub range: Option<(f64, f64)>,
    /// Unit of a number; empty for none.
    pub unit: &'static str,
    /// Who tells it, cheapest first.
    pub sources: &'static [FactSource],
    /// One line for people.
    pub about: &'static str,
}

impl FieldInfo {
    /// The operators that fit.
    #[must_use]
    pub fn operators(&self) -> &'static [Operator] {
        use Operator::{
            AtLeast, AtMost, Between, Contains, Equals, Exists, In, Less, Matches, More, Not, NotContains, NotIn,
        };
        match self.kind {
            FieldKind::Text if !self.choices.is_empty() => &[Equals, Not, In, NotIn, Exists],
            FieldKind::Text | FieldKind::Texts => &[Contains, NotContains, Equals, Not, In, NotIn, Matches, Exists],
            FieldKind::User => &[Equals, Not, In, NotIn, Matches],
            FieldKind::Number => &[Equals, Not, Less, AtMost, More, AtLeast, Between, In, NotIn, Exists],
            FieldKind::Flag => &[Equals, Not, Exists],
        }
    }
}

impl Serialize for FieldInfo {
    /// With the operators that fit.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { field, aliases, kind, only, choices, range, unit, sources, about } = self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("field", field)?;
        map.serialize_entry("aliases", aliases)?;
        map.serialize_entry("kind", kind)?;
        map.serialize_entry("operators", self.operators())?;
        map.serialize_entry("only", only)?;
        map.serialize_entry("choices", choices)?;
        map.serialize_entry("range", range)?;
        map.serialize_entry("unit", unit)?;
        map.serialize_entry("sources", sources)?;
        map.serialize_entry("about", about)?;
        map.end()
    }
}

const PLEX_THEN_ARR: &[FactSource] = &[FactSource::Plex, FactSource::Arr];
const ALL_THREE: &[FactSource] = &[FactSource::Plex, FactSource::Arr, FactSource::Tmdb];
const ARR_THEN_TMDB: &[FactSource] = &[FactSource::Arr, FactSource::Tmdb];

/// Every field, in the order in which people are shown them.
pub const FIELDS: &[FieldInfo] = &[
    FieldInfo {
        field: Field::Type,
        aliases: &["content_type", "media_type"],
        kind: FieldKind::Text,
        only: None,
        choices: &["movie", "show"],
        range: None,
        unit: "",
        sources: &[FactSource::Watchlist],
        about: "movie or show",
    },
    FieldInfo {
        field: Field::User,
        aliases: &["users", "requested_by"],
        kind: FieldKind::User,
        only: None,
        choices: &[],
        range: None,
        unit: "",
        sources: &[FactSource::Store],
        about: "who wants it: uuid, Plex name, display name or alias, in any case",
    },
    FieldInfo {
        field: Field::Genre,
        aliases: &["genres"],
        kind: FieldKind::Texts,
        only: None,
        choices: &[],
        range: None,
        unit: "",
        sources: ALL_THREE,
        about: "genres as Plex names them",
    },
    FieldInfo {
        field: Field::Year,
        aliases: &[],
        kind: FieldKind::Number,
        only: None,
        choices: &[],
        range: Some((1870.0, 2200.0)),
        unit: "",
        sources: PLEX_THEN_ARR,
        about: "year of first release",
    },
    FieldInfo {
        field: Field::Certification,
        aliases: &["content_rating"],
        kind: FieldKind::Text,
        only: None,
        choices: &[],
        range: None,
        unit: "",
        sources: PLEX_THEN_ARR,
        about: "for which age, such as PG-13, TV-MA or gb/15",
    },
    FieldInfo {
        field: Field::OriginalLanguage,
        aliases: &["language"],
        kind: FieldKind::Text,
        only: None,
        choices: &[],
        range: None,
        unit: "",
        sources: ARR_THEN_TMDB,
        about: "the language it was made in, by its English name, such as Japanese",
    },
    FieldInfo {
        field: Field::SeasonCount,
        aliases: &["seasons", "season"],
        kind: FieldKind::Number,
        only: Some(MediaType::Show),
        choices: &[],
        range: Some((0.0, 10_000.0)),
        unit: "",
        sources: ALL_THREE,
        about: "how many seasons there are, without the specials",
    },
    FieldInfo {
        field: Field::Runtime,
        aliases: &["runtime_min"],
        kind: FieldKind::Number,
        only: None,
        choices: &[],
        range: Some((0.0, 10_000.0)),
        unit: "minutes",
        sources: ALL_THREE,
        about: "of the film, or of one episode",
    },
    FieldInfo {
        field: Field::Studio,
        aliases: &["network", "networks", "studios"],
        kind: FieldKind::Texts,
        only: None,
        choices: &[],
        range: None,
        unit: "",
        sources: ALL_THREE,
        about: "the studio of a film, the network and studio of a show",
    },
    FieldInfo {
        field: Field::Country,
        aliases: &["countries"],
        kind: FieldKind::Texts,
        only: None,
        choices: &[],
        range: None,
        unit: "",
        sources: &[FactSource::Plex, FactSource::Tmdb],
        about: "where it was made, by English names",
    },
    FieldInfo {
        field: Field::Keyword,
        aliases: &["keywords"],
        kind: FieldKind::Texts,
        only: None,
        choices: &[],
        range: None,
        unit: "",
        sources: ARR_THEN_TMDB,
        about: "what it is about; Radarr tells it for movies, TMDB for both",
    },
    FieldInfo {
        field: Field::ImdbRating,
        aliases: &[],
        kind: FieldKind::Number,
        only: None,
        choices: &[],
        range: Some((0.0, 10.0)),
        unit: "",
        sources: PLEX_THEN_ARR,
        about: "IMDb's rating, 0 to 10",
    },
    FieldInfo {
        field: Field::ImdbVotes,
        aliases: &[],
        kind: FieldKind::Number,
        only: None,
        choices: &[],
        range: Some((0.0, 1e9)),
        unit: "votes",
        sources: PLEX_THEN_ARR,
        about: "how many rated it at IMDb",
    },
    FieldInfo {
        field: Field::RtCritic,
        aliases: &["rt_critics"],
        kind: FieldKind::Number,
        only: None,
        choices: &[],
        range: Some((0.0, 100.0)),
        unit: "%",
        sources: PLEX_THEN_ARR,
        about: "Rotten Tomatoes, the critics, 0 to 100",
    },
    FieldInfo {
        field: Field::RtAudience,
        aliases: &[],
        kind: FieldKind::Number,
        only: None,
        choices: &[],
        range: Some((0.0, 100.0)),
        unit: "%",
        sources: &[FactSource::Plex],
        about: "Rotten Tomatoes, the audience, 0 to 100",
    },
    FieldInfo {
        field: Field::TmdbRating,
        aliases: &[],
        kind: FieldKind::Number,
        only: None,
        choices: &[],
        range: Some((0.0, 10.0)),
        unit: "",
        sources: ALL_THREE,
        about: "TMDB's rating, 0 to 10",
    },
    FieldInfo {
        field: Field::StreamingService,
        aliases: &["streaming_services"],
        kind: FieldKind::Texts,
        only: None,
        choices: &[],
        range: None,
        unit: "",
        sources: &[FactSource::Tmdb],
        about: "where it can be streamed in `tmdb.region`, by TMDB's name or number for the service; needs `tmdb.api_key`",
    },
    FieldInfo {
        field: Field::MovieStatus,
        aliases: &[],
        kind: FieldKind::Text,
        only: Some(MediaType::Movie),
        choices: &["tba", "announced", "in_cinemas", "released", "deleted"],
        range: None,
        unit: "",
        sources: &[FactSource::Arr],
        about: "how far the film has come, in Radarr's words",
    },
    FieldInfo {
        field: Field::SeriesStatus,
        aliases: &["show_status"],
        kind: FieldKind::Text,
        only: Some(MediaType::Show),
        choices: &["continuing", "ended", "upcoming", "deleted"],
        range: None,
        unit: "",
        sources: &[FactSource::Arr],
        about: "whether the show goes on, in Sonarr's words",
    },
    FieldInfo {
        field: Field::Anime,
        aliases: &["is_anime"],
        kind: FieldKind::Flag,
        only: None,
        choices: &[],
        range: None,
        unit: "",
        sources: PLEX_THEN_ARR,
        about: "the genre Anime by Plex or the arr, or animation made in Japanese",
    },
    FieldInfo {
        field: Field::WantedBy,
        aliases: &["wanted_by_count"],
        kind: FieldKind::Number,
        only: None,
        choices: &[],
        range: Some((1.0, 1e6)),
        unit: "people",
        sources: &[FactSource::Store],
        about: "on how many watchlists it is now, this one included",
    },
    FieldInfo {
        field: Field::InPlex,
        aliases: &["already_in_plex"],
        kind: FieldKind::Flag,
        only: None,
        choices: &[],
        range: None,
        unit: "",
        sources: &[FactSource::PlexServer],
        about: "whether the household's Plex server has it already; needs `plex.server_url`",
    },
    FieldInfo {
        field: Field::FreeSpace,
        aliases: &["free_space"],
        kind: FieldKind::Number,
        only: None,
        choices: &[],
        range: Some((0.0, 1e9)),
        unit: "GB",
        sources: &[FactSource::RootFolder],
        about: "room in the root folder this rule would use; without `route`, that of the default instance",
    },
];

impl Field {
    /// What the registry says about it.
    #[must_use]
    pub const fn info(self) -> &'static FieldInfo {
        &FIELDS[self as usize]
    }

    /// The field that people call so: its word or an alias.
    #[must_use]
    pub fn parse(written: &str) -> Option<Self> {
        FIELDS
            .iter()
            .find(|info| info.field.word() == written || info.aliases.contains(&written))
            .map(|info| info.field)
    }
}

/// Some fields, as a set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FieldSet(u32);

impl FieldSet {
    /// With `field` as well.
    #[must_use]
    pub const fn with(self, field: Field) -> Self {
        Self(self.0 | 1 << field as u32)
    }

    /// Those of both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether it has `field`.
    #[must_use]
    pub const fn has(self, field: Field) -> bool {
        self.0 & 1 << field as u32 != 0
    }

    /// Every field in it, in the registry's order.
    pub fn iter(self) -> impl Iterator<Item = Field> {
        Field::ALL.iter().copied().filter(move |field| self.has(*field))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registry_describes_every_field_under_its_own_number() {
        assert_eq!(FIELDS.len(), Field::ALL.len());
        for field in Field::ALL {
            assert_eq!(field.info().field, *field);
            assert!(!field.info().sources.is_empty() && !field.info().about.is_empty(), "{field}");
            assert_eq!(field.info().kind == FieldKind::Number, field.info().range.is_some(), "{field}");
        }
    }

    #[test]
    fn a_described_field_names_its_operators_choices_and_sources() {
        let described = serde_json::to_value(Field::SeriesStatus.info()).unwrap();
        let expected = serde_json::json!({
            "field": "series_status", "aliases": ["show_status"], "kind": "text", "only": "show",
            "operators": ["equals", "not", "in", "not_in", "exists"],
            "choices": ["continuing", "ended", "upcoming", "deleted"], "range": null, "unit": "", "sources": ["arr lookup"],
            "about": "whether the show goes on, in Sonarr's words",
        });
        assert_eq!(described, expected);
    }

    #[test]
    fn no_two_fields_answer_to_the_same_word() {
        let mut words: Vec<&str> = FIELDS.iter().flat_map(|info| info.aliases.iter().copied()).collect();
        words.extend(Field::ALL.iter().map(|field| field.word()));
        let all = words.len();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), all);
        assert!(words.iter().all(|word| Field::parse(word).is_some()));
    }

    #[test]
    fn signs_and_words_name_the_same_operator() {
        for (sign, word) in [("=", "equals"), ("!=", "not"), ("≤", "<="), ("≥", ">=")] {
            assert_eq!(Operator::parse(sign), Operator::parse(word));
        }
        assert_eq!(Operator::parse("like"), None);
    }
}
